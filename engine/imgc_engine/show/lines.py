"""One line an event: what a file, a pipe or a CI log gets."""

from __future__ import annotations

from typing import TextIO

from imgc_engine.events import (
    Event,
    ImageEnded,
    ImageOutput,
    ImageStarted,
    ImageStep,
    NodeChanged,
    NodeExpanded,
    NodeOutput,
    Notice,
    RunStarted,
    Step,
)
from imgc_engine.show.text import duration, of_bytes, one_line

OPEN_LINE = 1 << 16  # bytes of a line without an end that are kept


class Lines:
    """A listener. `verbose` also shows the steps of builds and what they write."""

    def __init__(self, file: TextIO, *, verbose: bool = False) -> None:
        self._file, self._verbose = file, verbose
        self._open: dict[tuple[str, str], bytes] = {}
        self._name = "pipeline"

    def __call__(self, event: Event) -> None:
        match event:
            case ImageStarted():
                self._print(f"{event.image}: {event.work} {event.reference}")
            case ImageStep(state="started" | "cached") if self._verbose:
                cached = " (cached)" if event.state == "cached" else ""
                self._print(f"{event.image}: {one_line(event.name)}{cached}")
            case ImageOutput() if self._verbose:
                self._print(f"{event.image} | {one_line(event.text)}")
            case ImageEnded() if event.state != "as it is":
                self._print(f"{event.image}: {event.state}{_took(event.seconds)}")
            case RunStarted():
                self._name = event.nodes[0].name
                self._print(f"{self._name}: run {event.run}")
            case NodeChanged():
                self._node(event)
            case NodeExpanded():
                group = event.nodes[0]
                count = sum(not node.is_group for node in event.nodes)
                self._print(f"{group.path or self._name}: expanded to {count} node{'s' * (count != 1)}")
            case NodeOutput():
                self._output(event)
            case Step(action="nothing"):
                self._print(f"{event.name or self._name}: nothing to do: {event.why}")
            case Step():
                self._print(f"{event.name or self._name}: {event.action}: {event.why}")
            case Notice():
                self._print(f"imgc: {event.text}")

    def _node(self, event: NodeChanged) -> None:
        name = event.path or self._name
        if event.state == "succeeded" and not event.attempt and not self._verbose:
            return  # a datum that has not changed: there may be thousands, and a notice has their number
        for stream in ("stdout", "stderr"):
            if rest := self._open.pop((event.path, stream), b""):
                self._print(f"{name} | {of_bytes(rest)}")
        message = f": {one_line(event.message)}" if event.message else ""
        if event.state == "pending":
            when = f"in {duration(event.seconds)}" if event.seconds else "now"
            self._print(f"{name}: attempt {event.attempt} failed, again {when}{message}")
        elif event.state != "running" or event.attempt == 1:
            self._print(f"{name}: {event.state}{_took(event.seconds)}{message}")

    def _output(self, event: NodeOutput) -> None:
        key = (event.path, event.stream)
        *lines, rest = (self._open.pop(key, b"") + event.data).split(b"\n")
        for line in lines:
            self._print(f"{event.path or self._name} | {of_bytes(line)}")
        if rest:
            self._open[key] = rest[:OPEN_LINE]

    def _print(self, text: str) -> None:
        print(text, file=self._file, flush=True)


def _took(seconds: float) -> str:
    return f" ({duration(seconds)})" if seconds >= 0.05 else ""
