"""Locks between processes that a user who has enough does not have to wait for."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from imgc_engine.interrupt import Interrupt
from imgc_engine.sources.program import SourceError

_AGAIN = 0.1  # seconds between two tries


def take(
    lock: IO[str], *, shared: bool, interrupt: Interrupt | None, waiting: Callable[[], None] | None = None
) -> None:
    """Lock an open file, or exchange the lock that this has on it. `waiting` is called once when another has it.
    SourceError when the user has enough."""
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    while True:
        try:
            fcntl.flock(lock, kind | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if waiting is not None:
                waiting()
                waiting = None
        if interrupt is not None and interrupt.level:
            raise SourceError("interrupted", "Interrupted.")
        time.sleep(_AGAIN)


@contextmanager
def locked(file: Path, interrupt: Interrupt | None = None) -> Iterator[None]:
    """One process at a time inside, of all that name the file. SourceError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as lock:
        take(lock, shared=False, interrupt=interrupt)
        yield
