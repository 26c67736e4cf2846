"""What a live view shows, kept up to date by events, without a word on how it looks."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Literal

from imgc.records import dataclass, field
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
)
from imgc_engine.plan import Node
from imgc_engine.show.text import of_bytes, one_line

BEGUN = 8_192  # bytes of a line without an end that are kept
ENDED = frozenset({"succeeded", "failed", "error", "skipped", "omitted", "interrupted"})


@dataclass(slots=True)
class ImageView:
    """`line` is the step, or what it wrote last. `since` is of time.monotonic(), `seconds` of the whole."""

    name: str
    state: str
    since: float
    line: str = ""
    steps: int = 0
    cached: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class NodeView:
    """`ended` and `bad` count leaves below it, itself included; `leaves` is their number."""

    node: Node
    parent: NodeView | None
    depth: int
    children: list[NodeView] = field(default_factory=list)
    state: str = "pending"
    attempt: int = 0
    since: float = 0.0
    seconds: float = 0.0
    message: str = ""
    line: str = ""
    begun: bytes = b""
    leaves: int = 0
    ended: int = 0
    bad: int = 0
    running: int = 0


class Model:
    """Feed it with events; read `images`, `root` and `notices`."""

    def __init__(self) -> None:
        self.images: dict[str, ImageView] = {}
        self.nodes: dict[str, NodeView] = {}
        self.notices: list[str] = []
        self.run = ""

    @property
    def root(self) -> NodeView | None:
        return self.nodes.get("")

    def __call__(self, event: Event) -> None:
        match event:
            case ImageStarted():
                self.images[event.image] = ImageView(event.image, event.work, time.monotonic())
            case ImageStep():
                self._step(event)
            case ImageOutput() if event.image in self.images and event.text.strip():
                self.images[event.image].line = one_line(event.text)
            case ImageEnded():
                view = self.images.setdefault(event.image, ImageView(event.image, "", time.monotonic()))
                view.state, view.seconds, view.line = event.state, event.seconds, ""
            case RunStarted():
                self.run = event.run
                self._plant(event.nodes)
            case NodeExpanded():
                self._uproot(self.nodes[event.nodes[0].path])
                self._plant(event.nodes)
            case NodeChanged():
                self._change(self.nodes[event.path], event)
            case NodeOutput():
                self._write(self.nodes[event.path], event.data)
            case Notice():
                self.notices.append(event.text)

    def _write(self, view: NodeView, data: bytes) -> None:
        """Keep the last line that says something, put together from the pieces it comes in."""
        data = view.begun + data
        view.begun = data.rpartition(b"\n")[2][-BEGUN:]
        if text := data.rstrip(b"\r\n").rpartition(b"\n")[2]:
            view.line = of_bytes(text)

    def _step(self, event: ImageStep) -> None:
        view = self.images.get(event.image)
        if view is None:
            return
        if event.state == "started":
            view.line = one_line(event.name)
        if not event.name.startswith("[internal]"):
            view.steps += event.state == "started"
            view.cached += event.state == "cached"

    def _plant(self, nodes: Iterable[Node]) -> None:
        """Views of the nodes; one that is there, of a leaf that has become a group, keeps its place."""
        for node in nodes:
            parent = None if node.parent is None else self.nodes[node.parent]
            view = self.nodes.get(node.path)
            if view is not None:
                view.node = node
            else:
                view = self.nodes[node.path] = NodeView(
                    node, parent, 0 if parent is None else parent.depth + 1
                )
                if parent is not None:
                    parent.children.append(view)
            if not node.is_group:
                _count(view, "leaves", 1)

    def _uproot(self, view: NodeView) -> None:
        """Take what it counts away, and what an earlier expansion has put below it."""
        for key in ("leaves", "ended", "bad", "running"):
            _count(view, key, -getattr(view, key))
        stack = list(view.children)
        view.children.clear()
        while stack:
            below = stack.pop()
            stack += below.children
            del self.nodes[below.node.path]

    def _change(self, view: NodeView, event: NodeChanged) -> None:
        if not view.node.is_group:
            for key in _counters(view.state):
                _count(view, key, -1)
            for key in _counters(event.state):
                _count(view, key, 1)
        view.state, view.attempt, view.message = event.state, event.attempt, event.message
        if event.state == "running":
            view.since, view.line = time.monotonic(), ""
        else:
            view.seconds = event.seconds


def _counters(state: str) -> tuple[Literal["running", "ended", "bad"], ...]:
    if state == "running":
        return ("running",)
    if state in ("failed", "error", "interrupted"):
        return ("ended", "bad")
    return ("ended",) if state in ENDED else ()


def _count(view: NodeView, key: Literal["running", "ended", "bad", "leaves"], change: int) -> None:
    at: NodeView | None = view
    while at is not None:
        setattr(at, key, getattr(at, key) + change)
        at = at.parent
