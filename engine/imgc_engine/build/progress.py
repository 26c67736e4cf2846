"""What a build writes while it goes on, as steps and output: BuildKit's `plain` and `rawjson` progress,
and its trace."""

from __future__ import annotations

import base64
import json
import re
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from imgc.records import dataclass
from imgc_engine.build import trace
from imgc_engine.events import StepState
from imgc_engine.failures import LAST_LINES


@dataclass(frozen=True, slots=True)
class Step:
    """`name` is the vertex: `[stage 2/5] RUN make`, `[internal] load build context`."""

    name: str
    state: StepState
    error: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """One line of a step's output, without its end."""

    step: str
    text: str


Update = Step | Output


class Tail:
    """The last lines of each step, and of what belongs to none (the final message), as they come."""

    def __init__(self) -> None:
        self.lines: dict[str, deque[str]] = {}
        self.failed: Step | None = None
        self.message: deque[str] = deque(maxlen=LAST_LINES)

    def add(self, update: Update) -> None:
        if isinstance(update, Step):
            if update.state == "failed" and self.failed is None:
                self.failed = update
        elif update.step:
            self.lines.setdefault(update.step, deque(maxlen=LAST_LINES)).append(update.text)
        else:
            self.message.append(update.text)


class PlainProgress:
    """`--progress=plain`: `#5 [2/3] RUN make`, `#5 0.58 text`, `#5 ERROR: …`; other lines are no step's."""

    _LINE = re.compile(r"#(\d+) (.*)", re.DOTALL)
    _OUTPUT = re.compile(r"\d+\.\d+ ?(.*)", re.DOTALL)

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def feed(self, line: str) -> Iterator[Update]:
        found = self._LINE.match(line)
        if found is None:
            if line.strip():
                yield Output("", line)
            return
        number, text = found.groups()
        if number not in self._names:
            self._names[number] = text
            yield Step(text, "started")
            return
        yield from self._of_step(self._names[number], text)

    def _of_step(self, name: str, text: str) -> Iterator[Update]:
        if output := self._OUTPUT.fullmatch(text):
            yield Output(name, output[1])
        elif text == "CACHED":
            yield Step(name, "cached")
        elif text.startswith("DONE "):
            yield Step(name, "done")
        elif text == "CANCELED":
            yield Step(name, "canceled")
        elif text.startswith("ERROR"):
            yield Step(name, "failed", text.partition(":")[2].strip())
        # else: the name once more, a digest, or how far a transfer has come


class _Vertices:
    """BuildKit's own messages: vertexes, and pieces of their output of any size."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._states: dict[str, StepState] = {}
        self._partial: dict[str, bytes] = {}

    def _vertex(self, vertex: Mapping[str, Any]) -> Iterator[Update]:
        digest, name = vertex["digest"], vertex.get("name", "")
        self._names[digest] = name
        state = _state(vertex)
        if state is None or self._states.get(digest) == state:
            return
        if state != "started":
            yield from self._rest(digest)
        self._states[digest] = state
        yield Step(name, state, vertex.get("error", ""))

    def _log(self, digest: str, piece: bytes) -> Iterator[Update]:
        data = self._partial.pop(digest, b"") + piece
        *lines, rest = data.split(b"\n")
        self._partial[digest] = rest
        for line in lines:
            yield Output(self._names.get(digest, ""), line.decode("utf-8", "replace"))

    def _rest(self, digest: str) -> Iterator[Update]:
        if rest := self._partial.pop(digest, b""):
            yield Output(self._names[digest], rest.decode("utf-8", "replace"))


class RawProgress(_Vertices):
    """`--progress=rawjson`: one JSON object a line."""

    def feed(self, line: str) -> Iterator[Update]:
        message = _json_object(line)
        if message is None or not message.keys() & {"vertexes", "logs", "statuses"}:
            if line.strip():
                yield Output("", line)
            return
        for vertex in message.get("vertexes") or ():
            yield from self._vertex(vertex)
        for log in message.get("logs") or ():
            yield from self._log(log["vertex"], base64.b64decode(log.get("data") or ""))


class TraceProgress(_Vertices):
    """What the engine answers to a build with BuildKit: a JSON object a line, traces in base64. `done` is
    whether it has named the image. Names and errors are told without what is `hidden`."""

    def __init__(self, hidden: str = "\0") -> None:
        super().__init__()
        self.done = False
        self._hidden = hidden

    def feed(self, line: str) -> Iterator[Update]:
        message = _json_object(line) or {}
        if message.get("id") == "moby.buildkit.trace":
            status = trace.decode(base64.b64decode(message["aux"]))
            for vertex in status.vertexes:
                texts = {
                    key: vertex[key].replace(self._hidden, "") for key in vertex.keys() & {"name", "error"}
                }
                yield from self._vertex({**vertex, **texts})
            for digest, piece in status.logs:
                yield from self._log(digest, piece)
        elif message.get("id") == "moby.image.id":
            self.done = True
        elif "error" in message:
            for text in str(message["error"]).replace(self._hidden, "").splitlines():
                yield Output("", text)


def _state(vertex: Mapping[str, Any]) -> StepState | None:
    if error := vertex.get("error"):
        return "canceled" if "context canceled" in error else "failed"
    if vertex.get("cached"):
        return "cached"
    if vertex.get("completed"):
        return "done"
    return "started" if vertex.get("started") else None


def _json_object(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None
