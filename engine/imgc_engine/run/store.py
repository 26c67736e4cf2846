"""What a run leaves in the state folder: its plan, its journal, its logs; and the lock of the process that
runs it.

`.imgc/runs/ID/` holds `plan.json`, `journal.jsonl`, `lock` and `logs/`. The journal is append-only, one
JSON object a line; a record is on the disk before what it says counts. After a crash its last line may be
cut: it is no record.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

Record = dict[str, Any]

JOURNAL = "journal.jsonl"
PLAN = "plan.json"


class Busy(RuntimeError):
    """Another process runs this run."""


class Store:
    """One run's folder, held by this process as long as the object lives."""

    def __init__(self, folder: Path) -> None:
        """Take hold of the folder, which is there. Busy."""
        self.folder = folder
        self._lock = lock(folder)
        self._journal = os.open(folder / JOURNAL, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        _end_last_line(folder / JOURNAL, self._journal)

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    def append(self, records: Iterable[Record]) -> None:
        """Return when they are on the disk, all with one wait. OSError when the disk is full."""
        text = "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records)  # ASCII
        if text:
            view = memoryview(text.encode())
            while view:
                view = view[os.write(self._journal, view) :]
            os.fsync(self._journal)

    def close(self) -> None:
        os.close(self._journal)
        os.close(self._lock)


def lock(folder: Path) -> int:
    """Take hold of a folder, for as long as the descriptor is open. Busy."""
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise Busy(f"Another process is running {folder.name}.") from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor


def create(state: Path, run: str, plan: Mapping[str, Any]) -> Store:
    """The folder of a new run in the state folder. FileExistsError, OSError."""
    (state / "runs").mkdir(parents=True, exist_ok=True)
    ignore = state / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")
    folder = state / "runs" / run
    folder.mkdir()
    write_whole(folder / PLAN, json.dumps(plan))
    store = Store(folder)
    _sync(folder)
    _sync(folder.parent)
    return store


class UnknownRun(ValueError):
    """There is no such run. The text says so."""


def find(state: Path, run: str) -> Path:
    """The folder of a run, of the latest for "". UnknownRun."""
    known = runs(state)
    if not known:
        raise UnknownRun("Nothing was run here yet.")
    if not run:
        return known[-1]
    for folder in known:
        if folder.name == run:
            return folder
    raise UnknownRun(f"There is no run {run!r} here; the latest is {known[-1].name}.")


def runs(state: Path) -> list[Path]:
    """The folders of all runs, oldest first."""
    return sorted(path.parent for path in (state / "runs").glob(f"*/{PLAN}"))


def plan_of(folder: Path) -> dict[str, Any]:
    """The plan that a run was started with."""
    plan: dict[str, Any] = json.loads((folder / PLAN).read_text(encoding="utf-8"))
    return plan


def holder(folder: Path) -> int | None:
    """The process that runs the run; None when none does."""
    try:
        with (folder / "lock").open("r+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return int(lock.read() or 0) or None
    except FileNotFoundError:
        pass
    return None


def records(folder: Path) -> list[Record]:
    """The journal of a run, without a last line that was cut."""
    try:
        lines = (folder / JOURNAL).read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    found = []
    for line in lines[:-1]:
        try:
            found.append(json.loads(line))
        except ValueError:  # cut by a crash, and ended by the session that came after
            continue
    return found


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is never seen half. OSError."""
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _end_last_line(path: Path, descriptor: int) -> None:
    data = path.read_bytes()
    if data and not data.endswith(b"\n"):
        os.write(descriptor, b"\n")


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
