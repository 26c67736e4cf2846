"""What happens, told to a listener as it happens. The engine itself prints nothing.

A listener is called from several threads, but never by two at once. What it gets holds no secret values.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from imgc_engine.failures import Failure

ImageState = Literal[
    "built", "exists", "in registry", "same", "as it is", "pulled", "pushed", "failed", "omitted"
]
StepState = Literal["started", "cached", "done", "failed", "canceled"]
NodeState = Literal["pending", "running", "succeeded", "failed", "error", "skipped", "omitted", "interrupted"]
RunState = Literal["running", "succeeded", "failed", "error", "interrupted"]


@dataclass(frozen=True, slots=True)
class ImageStarted:
    """Work on an image begins: its build, or its pull."""

    image: str
    reference: str
    work: Literal["build", "pull", "push"]


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


Event = ImageStarted | ImageStep | ImageOutput | ImageEnded | Notice
Listener = Callable[[Event], None]


def one_at_a_time(listener: Listener) -> Listener:
    """The listener behind a lock, since builds and nodes report from threads of their own."""
    lock = threading.Lock()

    def tell(event: Event) -> None:
        with lock:
            listener(event)

    return tell
