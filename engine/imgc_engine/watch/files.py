"""Waits for files to change: with the operating system's own notice, by `watchfiles`."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue

import watchfiles

from imgc.context.ignore import DEFAULT_PATTERNS, Matcher

QUIET = 0.02  # seconds without a change after which an edit counts as done: editors write several files
LONGEST = 0.5  # seconds that an edit may go on before it counts
TICK = 200  # milliseconds between looks at whether to end


class Watcher:
    """Watches a project, but for what is never code (`.git`, `.imgc`, environments, caches), and further paths."""

    def __init__(self, project: Path) -> None:
        self._project = project
        self._ignored = Matcher(DEFAULT_PATTERNS)
        self._changes: SimpleQueue[None] = SimpleQueue()
        self._stop = threading.Event()
        self._folders: tuple[str, ...] = ()

    def update(self, further: Iterable[Path]) -> None:
        """Watch what is there now. `further` may lie outside of the project, and need not be there."""
        folders = {entry.path for entry in os.scandir(self._project)
                   if entry.is_dir() and not self._ignored.ignored(entry.name)}  # fmt: skip
        folders |= {str(path if path.is_dir() else path.parent) for path in further
                    if path.parent.is_dir() and not path.is_relative_to(self._project)}  # fmt: skip
        if self._folders == (wanted := tuple(sorted(folders))):
            return
        self.close()
        self._folders, self._stop = wanted, threading.Event()
        for paths, recursive in (((str(self._project),), False), (wanted, True)):
            if paths:
                threading.Thread(target=self._watch, args=(paths, recursive, self._stop), daemon=True).start()

    def wait(self) -> None:
        """Return when something has changed, and is quiet again. KeyboardInterrupt."""
        self._changes.get()
        deadline = time.monotonic() + LONGEST
        with suppress(Empty):
            while time.monotonic() < deadline:
                self._changes.get(timeout=QUIET)

    def changed(self) -> bool:
        """Whether something has changed that `wait` would return for."""
        return not self._changes.empty()

    def close(self) -> None:
        self._stop.set()

    def _watch(self, paths: tuple[str, ...], recursive: bool, stop: threading.Event) -> None:
        for _ in self._batches(paths, recursive, stop):
            self._changes.put(None)

    def _batches(self, paths: tuple[str, ...], recursive: bool, stop: threading.Event) -> Iterator[object]:
        yield from watchfiles.watch(
            *paths, watch_filter=self._counts, debounce=50, step=5, rust_timeout=TICK, stop_event=stop,
            recursive=recursive, raise_interrupt=False, ignore_permission_denied=True,
        )  # fmt: skip

    def _counts(self, _change: watchfiles.Change, path: str) -> bool:
        inside = os.path.relpath(path, self._project)
        return inside == "." or inside.startswith("..") or not self._ignored.ignored(inside)
