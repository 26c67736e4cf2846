"""Calls to an engine that may go away and come back: every call here can be made twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import docker
import docker.errors

from imgc_engine.connection import UNREACHABLE

T = TypeVar("T")

PATIENCE = 90.0  # seconds: after a kill, an engine's first start may fail after 15 s, and the next one work
PAUSE = 0.25


def seconds_since_1970(text: str) -> float:
    """A time as the engine writes it: RFC 3339, with nanoseconds, in any time zone."""
    return datetime.fromisoformat(text).timestamp()


class EngineGone(RuntimeError):
    """The engine went away, or hung, and did not come back in time. The text says since when."""


class Steady:
    """`outages` counts how often the engine was not there, for those who want to know whether it was
    lately.
    """

    def __init__(self, client: docker.APIClient, patience: float = PATIENCE) -> None:
        self.client = client
        self.outages = 0
        self._patience = patience
        self._lock = threading.Lock()
        self._leave = threading.Event()

    def call(self, do: Callable[[], T]) -> T:
        """What `do` gives, as soon as the engine lets it. APIError as ever; EngineGone."""
        while True:
            try:
                return do()
            except UNREACHABLE:
                self.wait_until_back()

    def time(self) -> float:
        """The engine's clock, in seconds since 1970: ours may be another, and may jump. APIError, EngineGone."""
        return seconds_since_1970(self.call(self.client.info)["SystemTime"])

    def events(self, container: str, event: str, since: float) -> list[dict[str, Any]]:
        """What the engine saw of a container since a time of its clock. APIError, EngineGone."""
        filters = {"container": [container], "event": [event], "type": ["container"]}
        begin = f"{since:.9f}"

        def ask() -> list[dict[str, Any]]:
            until = f"{self.time():.9f}"  # it would wait for a later one
            return list(self.client.events(since=begin, until=until, filters=filters, decode=True))

        return self.call(ask)

    def wait_until_back(self) -> None:
        """Return when the engine answers. EngineGone."""
        self.outages += 1
        deadline = time.monotonic() + self._patience
        with self._lock:  # one asks, for all
            while not self._leave.wait(PAUSE):
                try:
                    self.client.ping()
                    return
                except (docker.errors.DockerException, *UNREACHABLE):
                    if time.monotonic() > deadline:
                        break
        raise EngineGone(f"The engine did not come back within {self._patience:.0f} s.")

    def leave(self) -> None:
        """Nobody waits any more: the user wants to go."""
        self._leave.set()
