"""Process groups of runs whose own process was killed: written down when they start, to be found and ended."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

from imgc_engine.process.attempt import kill
from imgc_engine.run import store
from imgc_engine.run.store import UnknownRun

__all__ = ["UnknownRun", "end_all", "forget", "is_of_processes", "is_resumed", "note"]

RECIPES = "environments.json"  # of a run's folder: what its images are made of
GROUPS, WORK = "groups", "work"  # of a run's folder


def is_of_processes(folder: Path) -> bool:
    """Whether the run whose folder this is runs in processes."""
    return (folder / RECIPES).exists()


def is_resumed(state: Path, run: str) -> bool:
    """Whether a run, the latest for "", is of processes. UnknownRun."""
    return is_of_processes(store.find(state, run))


def note(folder: Path, group: int) -> None:
    """A group was started for the run whose folder this is. OSError."""
    (folder / GROUPS).mkdir(exist_ok=True)
    (folder / GROUPS / str(group)).write_text(json.dumps(_started(group)))


def forget(folder: Path, group: int) -> None:
    (folder / GROUPS / str(group)).unlink(missing_ok=True)


def end_all(folder: Path) -> int:
    """End the groups that still run, and remove what they worked in; how many there were."""
    count = 0
    for file in (folder / GROUPS).glob("*"):
        group = int(file.name)
        begun = _started(group)
        if begun is not None and begun == json.loads(
            file.read_text() or "null"
        ):  # not another of that number
            kill(group, signal.SIGKILL)
            count += 1
        file.unlink(missing_ok=True)
    shutil.rmtree(folder / WORK, ignore_errors=True)
    return count


def _started(process: int) -> str | None:
    """When a process began, in the kernel's own time; None when it is gone, or nobody can say."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return None
    return stat.rpartition(")")[2].split()[19]
