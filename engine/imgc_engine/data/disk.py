"""Files below `.imgc/data`: links instead of copies, nothing half-written, locks between processes."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MANY = 500  # files that are flushed one by one; more of them with one call for the whole machine
POLL = 0.05  # seconds between two looks at a lock


def link_or_copy(source: str | Path, target: str | Path) -> None:
    """The same file under a further name; a copy where the file system has no links. OSError."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def flush(folder: Path) -> None:
    """Return when all below it is on the disk."""
    names = [os.path.join(top, name) for top, _, files in os.walk(folder) for name in (".", *files)]  # noqa: PTH118
    if len(names) > MANY:
        os.sync()
        return
    for name in names:
        with suppress(FileNotFoundError, OSError):  # symlinks that lead nowhere; sockets
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def put(made: Path, place: Path) -> None:
    """Move a folder that is complete to its place. If it is there by now, the one that was first stays."""
    flush(made)
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        made.rename(place)
    except OSError:
        if not place.is_dir():
            raise
        remove(made)


def remove(folder: Path) -> None:
    """A folder with all in it, also where folders in it forbid that."""

    def allow(function: Callable[[str], object], path: str, _error: object) -> None:
        with suppress(OSError):
            Path(path).parent.chmod(0o700)
            Path(path).chmod(0o700)
            function(path)

    shutil.rmtree(folder, onerror=allow)


@contextmanager
def locked(file: Path, *, give_up: Callable[[], bool] = lambda: False) -> Iterator[bool]:
    """Hold a lock alone. False when `give_up` said so before it could be had."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        while not _try(descriptor, fcntl.LOCK_EX):
            if give_up():
                yield False
                return
            time.sleep(POLL)
        yield True
    finally:
        os.close(descriptor)


def hold(file: Path) -> int:
    """Say that something is in use, as long as the descriptor is open."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


def in_use(file: Path) -> bool:
    """Whether somebody holds it."""
    try:
        descriptor = os.open(file, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not _try(descriptor, fcntl.LOCK_EX)
    finally:
        os.close(descriptor)


def _try(descriptor: int, operation: int) -> bool:
    try:
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
