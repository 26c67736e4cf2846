"""Whole analyses, off the loop: one at a time, the newest wins, and one that is no longer wanted is
stopped."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import sys
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

log = logging.getLogger(__name__)
_SWITCH = 0.001
"""Seconds after which the loop gets its turn while an analysis runs; Python's 0.005 would show in the
latency."""


class Superseded(BaseException):
    """Raised inside an analysis whose document has changed. Not an Exception, so that nothing swallows it."""


@dataclass(eq=False, slots=True)
class Job:
    key: Hashable
    work: Callable[[], Any]
    done: Callable[[Any], None]
    wanted: bool = True


class Analyst:
    """A worker thread with a place for one waiting job a key. `done` is called in the loop, only for wanted
    jobs."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        sys.setswitchinterval(_SWITCH)
        self.loop = loop
        self.jobs: SimpleQueue[Job | None] = SimpleQueue()
        self.latest: dict[Hashable, Job] = {}
        self.running: Job | None = None
        self.thread = threading.Thread(target=self._run, name="imgc-analysis", daemon=True)
        self.thread.start()

    def submit(self, key: Hashable, work: Callable[[], Any], done: Callable[[Any], None]) -> None:
        self.cancel(key)
        job = self.latest[key] = Job(key, work, done)
        self.jobs.put(job)

    def cancel(self, key: Hashable) -> None:
        """What is known to be out of date need not be finished: it would take time from the next
        keystroke."""
        job = self.latest.pop(key, None)
        if job is None:
            return
        job.wanted = False
        identifier = self.thread.ident
        if self.running is job and identifier is not None:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(identifier), ctypes.py_object(Superseded)
            )

    def close(self) -> None:
        for key in list(self.latest):
            self.cancel(key)
        self.jobs.put(None)

    def _run(self) -> None:
        while True:
            try:
                job = self.jobs.get()
                if job is None:
                    return
                if job.wanted:
                    self._do(job)
            except Superseded:  # may arrive a moment late, between two jobs
                continue
            finally:
                self.running = None

    def _do(self, job: Job) -> None:
        self.running = job
        try:
            result = job.work()
        except Exception:
            log.exception("an analysis failed")
            result = None
        self.running = None
        if job.wanted:
            self.loop.call_soon_threadsafe(self._finish, job, result)

    def _finish(self, job: Job, result: Any) -> None:
        if job.wanted:
            self.latest.pop(job.key, None)
            try:
                job.done(result)
            except Exception:
                log.exception("the result of an analysis could not be used")
