"""Follows a container's output to its end, over cut connections and engines that go away and come back."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from imgc_engine.run.logs import Log, Stream
from imgc_engine.run.steady import Steady, seconds_since_1970
from imgc_engine.run.streams import Attached, Logged, attach

KEPT = 60 << 20  # bytes that the engine's own log surely holds (containers.LOG_CONFIG)
GAP = b"[imgc: the connection to the engine was lost here, and lines may be missing]\n"


class Follower:
    """Writes what comes into the log, and gives what may be shown of it to `output`.

    The end of a connection says nothing by itself: the engine is asked. What was missed meanwhile is read
    from the engine's own log, behind as many bytes as have come already.
    """

    def __init__(
        self, name: str, steady: Steady, log: Log, output: Callable[[Stream, bytes], None], *, stdin: bool
    ) -> None:
        """Of the container called `name`; `stdin`: it is to be fed."""
        self._name, self._stdin = name, stdin
        self._steady, self._log, self._output = steady, log, output
        self._seen: dict[Stream, int] = {"stdout": 0, "stderr": 0}
        self._attached: Attached | None = None
        self._latest = time.time()
        self._outages = -1  # those of the engine before the connection; it has none yet

    def attach(self) -> None:
        """Hold the streams of a container that is not started yet, so that no byte is missed."""
        self._outages = self._steady.outages
        self._attached = self._steady.call(lambda: attach(self._steady.client, self._name, stdin=self._stdin))

    def close(self) -> None:
        if self._attached is not None:
            self._attached.close()

    def follow(self, stdin: bytes | None) -> Mapping[str, Any]:
        """The container's state when it has ended. OSError of the log, EngineGone, APIError."""
        if self._attached is not None:
            if stdin is not None:
                self._attached.send(stdin)
            self._copy(self._attached, skip={})
        while True:
            cut, outages = time.time(), self._steady.outages
            state = self._state()
            if not state["Running"] and outages == self._outages and cut > _finished(state):
                return state
            self._outages = outages
            came = self._catch_up()
            if not state["Running"]:
                return state
            if not came and self._steady.outages == outages:
                self._steady.call(lambda: self._steady.client.wait(self._name))  # it closed its streams

    def _catch_up(self) -> bool:
        """Read on where the last connection ended; whether anything came."""
        whole, before = sum(self._seen.values()) < KEPT, dict(self._seen)
        if not whole:
            self._take("stdout", GAP)
        since = None if whole else self._latest
        logged = self._steady.call(lambda: Logged(self._steady.client, self._name, since))
        self._copy(logged, dict(self._seen) if whole else {})
        return self._seen != before

    def _copy(self, source: Attached | Logged, skip: dict[Stream, int]) -> None:
        try:
            for stream, data in source.frames():
                self._latest = time.time()
                known = min(skip.get(stream, 0), len(data))
                if known:
                    skip[stream] -= known
                    data = data[known:]
                if data:
                    self._seen[stream] += len(data)
                    self._take(stream, data)
        finally:
            source.close()

    def _take(self, stream: Stream, data: bytes) -> None:
        shown = self._log.write(stream, data)
        if shown:
            self._output(stream, shown)

    def _state(self) -> Mapping[str, Any]:
        state: Mapping[str, Any] = self._steady.call(
            lambda: self._steady.client.inspect_container(self._name)
        )["State"]
        return state


def _finished(state: Mapping[str, Any]) -> float:
    """When the container ended, in seconds since 1970; the streams end some 20 ms later."""
    return seconds_since_1970(str(state["FinishedAt"]))
