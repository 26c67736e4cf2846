"""What happens, told to a listener as it happens. The engine itself prints nothing.

A listener is called from several threads, but never by two at once. What it gets holds no secret values.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from imgc.records import dataclass
from imgc_engine.failures import Failure
from imgc_engine.plan import Node
from imgc_engine.run.logs import Stream
from imgc_engine.run.states import Cause, State

ImageState = Literal[
    "built", "exists", "in registry", "same", "as it is", "pulled", "pushed", "failed", "omitted"
]
StepState = Literal["started", "cached", "done", "failed", "canceled"]
RunState = Literal["succeeded", "failed", "error", "interrupted"]


@dataclass(frozen=True, slots=True)
class ImageStarted:
    """Work on an image begins: its build, its pull, or the build step of its build pipeline ("code")."""

    image: str
    reference: str
    work: Literal["build", "pull", "push", "code"]


@dataclass(frozen=True, slots=True)
class ImageStep:
    """A step of a build. `name` is as BuildKit has it: `[stage 2/5] RUN make`."""

    image: str
    name: str
    state: StepState


@dataclass(frozen=True, slots=True)
class ImageOutput:
    """One line that a step wrote."""

    image: str
    step: str
    text: str


@dataclass(frozen=True, slots=True)
class ImageEnded:
    """The image is there, or will not be. `seconds` is the work on it."""

    image: str
    reference: str
    state: ImageState
    seconds: float
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a user should know and that is no failure."""

    text: str


@dataclass(frozen=True, slots=True)
class Step:
    """Of a dry run: one thing that would be done, or not. `why` is a sentence without its full stop."""

    kind: str
    """"image", or a node's kind."""
    name: str
    action: Literal["build", "tag", "pull", "run", "nothing"]
    why: str


@dataclass(frozen=True, slots=True)
class RunStarted:
    """Nodes are about to start.

    `nodes` are those of this run, in tree order; `folder` is where it is kept.
    """

    run: str
    nodes: tuple[Node, ...]
    folder: Path
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class NodeChanged:
    """A node is in another state.

    Pending again: `seconds` is the time until its next attempt. Else, at the end of an attempt, what it took.
    `message` is a sentence for people, and empty when there is nothing to say.
    """

    path: str
    state: State
    attempt: int
    cause: Cause | None = None
    message: str = ""
    exit_code: int | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class NodeExpanded:
    """A leaf is the group `nodes[0]` from now on, with the others below it, in tree order."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class NodeOutput:
    """What a node's command wrote: bytes as they came, lines whole or not."""

    path: str
    attempt: int
    stream: Stream
    data: bytes


@dataclass(frozen=True, slots=True)
class RunEnded:
    """All has ended, and no container is left."""

    run: str
    state: RunState
    seconds: float
    failures: tuple[Failure, ...]


Event = (
    ImageStarted
    | ImageStep
    | ImageOutput
    | ImageEnded
    | RunStarted
    | NodeChanged
    | NodeExpanded
    | NodeOutput
    | RunEnded
    | Notice
    | Step
)
Listener = Callable[[Event], None]


def one_at_a_time(listener: Listener) -> Listener:
    """The listener behind a lock, since builds and nodes report from threads of their own."""
    lock = threading.Lock()

    def tell(event: Event) -> None:
        with lock:
            listener(event)

    return tell
