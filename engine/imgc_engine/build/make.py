"""The whole of building: see what is there, refuse what cannot be honoured, build, push."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from imgc_engine import images
from imgc_engine.build.command import pushes_itself, refusals
from imgc_engine.build.graph import Builds, Work, credentials_of, decide
from imgc_engine.build.process import Bench, Processes, build_image
from imgc_engine.build.program import Program, find_program
from imgc_engine.build.record import record, written
from imgc_engine.build.sending import carries_settings
from imgc_engine.build.work import Hands, Outcome, do
from imgc_engine.connection import facts
from imgc_engine.events import ImageEnded, ImageStarted, Listener
from imgc_engine.failures import Code, EngineError, Failure, Refusal, Refused
from imgc_engine.interrupt import Interrupt
from imgc_engine.plan import Image


def make(
    builds: Builds, compiled: Path, project: Path, logs: Path, tell: Listener, interrupt: Interrupt
) -> dict[str, Outcome]:
    """How the work on each image ended, which is kept in the folder `logs` too. Refused, EngineError."""
    work = decide(builds)
    processes = Processes()
    texts = written(project, builds.plan.images)
    if any(task.kind == "build" for task in work.todo.values()):
        program = cache(find_program)
        _refuse(work, builds, program)
        bench = Bench(
            builds.plan, compiled, project, logs, builds.client, program,
            builds.flags, builds.secrets, processes, tell,
        )  # fmt: skip
        with _fetching(work, builds, project, tell, interrupt) as bring:

            def build(name: str) -> Failure | None:
                return bring(name) or build_image(name, bench)

            outcomes = do(work, builds, Hands(build, processes, tell), interrupt)
    else:
        outcomes = do(work, builds, Hands(_never, processes, tell), interrupt)
    record(logs, builds.plan.images, outcomes, texts)
    return outcomes


@contextmanager
def _fetching(
    work: Work, builds: Builds, project: Path, tell: Listener, interrupt: Interrupt
) -> Iterator[Callable[[str], Failure | None]]:
    """What brings an image's code from elsewhere, inside."""
    if not any(builds.plan.images[name].sources for name in work.todo):
        yield lambda _name: None
        return
    from imgc_engine.build.fetch import fetching  # 20 ms, for those that fetch

    with fetching(builds.plan, project, builds.secrets, tell, interrupt) as fetches:
        yield fetches.bring


def push(
    builds: Builds, made: Mapping[str, Outcome], tell: Listener, interrupt: Interrupt
) -> dict[str, Outcome]:
    """Send what was asked for, and is here, to its registry; how each of these ended."""
    pushed = {}
    for name in builds.names:
        image = builds.plan.images[name]
        if made[name].state not in ("built", "exists", "same", "pulled") or interrupt.level:
            continue
        if not pushes_itself(builds.flags.of(image)):
            pushed[name] = _push(name, image, builds, tell)
    return pushed


def _push(name: str, image: Image, builds: Builds, tell: Listener) -> Outcome:
    begin, failure = time.monotonic(), None
    tell(ImageStarted(name, image.reference, "push"))
    try:
        images.push(builds.client, image.reference, credentials_of(image, builds.secrets))
    except (EngineError, images.RegistryError) as error:
        login = f" The login was the secret {image.registry_secret!r}." if image.registry_secret else ""
        failure = Failure(name, f"The push failed: {error}{login}", image.source, Code.ENVIRONMENT)
    outcome = Outcome("failed" if failure else "pushed", time.monotonic() - begin, failure)
    tell(ImageEnded(name, image.reference, outcome.state, outcome.seconds, failure))
    return outcome


def _never(name: str) -> Failure | None:
    raise AssertionError(f"nothing was to be built, least of all {name}")


def _refuse(work: Work, builds: Builds, program: Callable[[], Program]) -> None:
    """Refused, with every setting of these images that could not be honoured; EngineError."""
    built = [builds.plan.images[name] for name, task in work.todo.items() if task.kind == "build"]
    refused: list[Refusal] = []
    for image in built:
        if not carries_settings(image, builds.flags):
            refused += refusals(image, program(), facts(builds.client), builds.flags)
    if refused:
        raise Refused(tuple(refused))
