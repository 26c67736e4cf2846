"""Does what there is to do about images, independent ones side by side, and tells how it goes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from queue import SimpleQueue

from imgc.records import dataclass
from imgc_engine import images
from imgc_engine.build.graph import Builds, Task, Work, credentials_of
from imgc_engine.build.process import Processes
from imgc_engine.events import ImageEnded, ImageStarted, ImageState, Listener
from imgc_engine.failures import Code, EngineError, Failure
from imgc_engine.interrupt import Interrupt
from imgc_engine.workers import Workers

WORKERS = 4  # the engine gains nothing from more


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the work on one image ended. `seconds` is the work on it."""

    state: ImageState
    seconds: float
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Hands:
    """Those who do the work: `build` makes one image with a process of `processes`."""

    build: Callable[[str], Failure | None]
    processes: Processes
    tell: Listener


def do(work: Work, builds: Builds, hands: Hands, interrupt: Interrupt) -> dict[str, Outcome]:
    """All of it, as far as failures and the user allow. What waited for a failed image is "omitted"."""
    outcomes = {name: Outcome(state, 0.0) for name, state in work.there.items()}
    for name, state in work.there.items():
        hands.tell(ImageEnded(name, builds.plan.images[name].reference, state, 0.0))
    inbox: SimpleQueue[tuple[str, Outcome] | None] = SimpleQueue()
    waiting = dict(work.todo)
    started: set[str] = set()
    workers = Workers(min(WORKERS, len(waiting)), "build")

    def attempt(name: str, task: Task) -> None:
        inbox.put((name, _attempt(name, task, builds, hands)))

    def start_ready() -> None:
        for name in [name for name, task in waiting.items() if _is_ready(task, outcomes)]:
            started.add(name)
            workers.submit(partial(attempt, name, waiting.pop(name)))

    with interrupt.calling(lambda: inbox.put(None)):
        start_ready()
        while started:
            ended = inbox.get()
            if ended is None:
                waiting.clear()
                hands.processes.end_all(at_once=interrupt.level > 1)
                if interrupt.level > 1:
                    break
                continue
            name, outcomes[name] = ended
            started.discard(name)
            _tell_end(name, outcomes[name], builds, hands)
            start_ready()
    workers.close()
    for name in work.todo.keys() - outcomes.keys():
        outcomes[name] = Outcome("omitted", 0.0)
        _tell_end(name, outcomes[name], builds, hands)
    return outcomes


def _is_ready(task: Task, outcomes: Mapping[str, Outcome]) -> bool:
    return all(
        other in outcomes and outcomes[other].state not in ("failed", "omitted") for other in task.after
    )


def _tell_end(name: str, outcome: Outcome, builds: Builds, hands: Hands) -> None:
    reference = builds.plan.images[name].reference
    hands.tell(ImageEnded(name, reference, outcome.state, outcome.seconds, outcome.failure))


def _attempt(name: str, task: Task, builds: Builds, hands: Hands) -> Outcome:
    begin = time.monotonic()
    image = builds.plan.images[name]
    try:
        state, failure = _work(name, task, builds, hands)
    except (EngineError, images.RegistryError, OSError) as error:
        state, failure = "failed", Failure(name, str(error), image.source, Code.ENVIRONMENT)
    if hands.processes.ending:
        state, failure = "omitted", None
    return Outcome(state, time.monotonic() - begin, failure)


def _work(name: str, task: Task, builds: Builds, hands: Hands) -> tuple[ImageState, Failure | None]:
    image = builds.plan.images[name]
    if task.kind == "tag":
        assert image.same_as is not None
        images.tag(builds.client, builds.plan.images[image.same_as].reference, image.reference)
        return "same", None
    hands.tell(ImageStarted(name, image.reference, task.kind))
    if task.kind == "pull":
        images.pull(builds.client, image.reference, credentials_of(image, builds.secrets))
        return "pulled", None
    failure = hands.build(name)
    return ("failed", failure) if failure else ("built", None)
