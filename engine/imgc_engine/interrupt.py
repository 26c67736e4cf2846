"""SIGINT, SIGTERM and SIGHUP while the engine works: once to stop with grace, twice to stop at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupt:
    """`level` is 0, 1 (stop with grace) or 2 (at once). Callbacks run in the main thread between any two of
    its instructions: they may only set a flag or put something into a SimpleQueue."""

    def __init__(self) -> None:
        self.level = 0
        self._callbacks: list[Callable[[], object]] = []

    def request(self) -> None:
        """What a signal does."""
        self.level = min(2, self.level + 1)
        for callback in tuple(self._callbacks):
            callback()

    @contextmanager
    def calling(self, callback: Callable[[], object]) -> Iterator[None]:
        """Call it at every request inside; at once, when there was one already."""
        self._callbacks.append(callback)
        try:
            if self.level:
                callback()
            yield
        finally:
            self._callbacks.remove(callback)

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Take over the signals inside; but for the main thread, as Python delivers none elsewhere."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def handle(_number: int, _frame: FrameType | None) -> None:
            self.request()

        before = {number: signal.getsignal(number) for number in SIGNALS}
        for number in SIGNALS:
            if before[number] is not signal.SIG_IGN:  # nohup
                signal.signal(number, handle)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
