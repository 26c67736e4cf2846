"""Fetched code in a project: `.imgc/sources/NAME` with a stamp that says what of it is there.

Whoever builds from it holds it, so that a second imgc, which wants another commit there, waits.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from imgc_engine.interrupt import Interrupt
from imgc_engine.sources.locks import take


class Places:
    """Folders that are held until `close`."""

    def __init__(self, interrupt: Interrupt | None = None) -> None:
        self._held = ExitStack()
        self._interrupt = interrupt

    def hold(
        self,
        folder: Path,
        content: str,
        fill: Callable[[Path], None],
        waiting: Callable[[], None] | None = None,
    ) -> bool:
        """See that a folder has this content, and that it keeps it. `fill` writes it into an empty folder; `waiting` is
        called when another imgc uses another content of it. Whether there was anything to do. What `fill` raises
        leaves things as they were; SourceError when the user has enough; OSError.
        """
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = self._held.enter_context(folder.with_name(f"{folder.name}.lock").open("a"))
        filled = False
        while True:
            take(lock, shared=True, interrupt=self._interrupt)
            if stamp_of(folder) == content:
                return filled
            take(lock, shared=False, interrupt=self._interrupt, waiting=waiting)
            if stamp_of(folder) != content:
                replace(folder, content, fill)
                filled = True
            # Another may take the lock while it is exchanged for the shared one: so look again.

    def close(self) -> None:
        self._held.close()


def stamp_of(folder: Path) -> str:
    """What content a folder has; "" when it is not there as a whole."""
    try:
        stamp = json.loads(folder.with_name(f"{folder.name}.json").read_text())
    except (OSError, ValueError):
        return ""
    return str(stamp.get("content", "")) if isinstance(stamp, dict) and folder.is_dir() else ""


def replace(folder: Path, content: str, fill: Callable[[Path], None]) -> None:
    """Put a filled folder in its place, under its lock. The stamp goes first and comes last: a crash leaves none."""
    for left in folder.parent.glob(f".{folder.name}-*"):  # by a crash
        shutil.rmtree(left, ignore_errors=True)
    aside = folder.with_name(f".{folder.name}-{os.urandom(6).hex()}")
    stamp = folder.with_name(f"{folder.name}.json")
    try:
        aside.mkdir()
        fill(aside)
        stamp.unlink(missing_ok=True)
        if folder.exists():
            shutil.rmtree(folder)
        aside.rename(folder)
        written = stamp.with_name(f".{stamp.name}-{os.urandom(6).hex()}")
        written.write_text(json.dumps({"content": content}) + "\n")
        written.replace(stamp)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
