"""What the command line calls: build the images of a plan, run its nodes. Nothing here prints.

A problem is no exception here: results carry the exit code of the command line and what failed, with places.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from imgc_engine import build as building
from imgc_engine.connection import connect
from imgc_engine.events import Listener, one_at_a_time
from imgc_engine.failures import Code, EngineError, Failure, Refusal, worst
from imgc_engine.interrupt import Interrupt
from imgc_engine.plan import Plan, ReadError, load
from imgc_engine.secrets import Secrets

STATE = ".imgc"  # folder of the project that holds logs and journals


@dataclass(frozen=True, slots=True)
class BuildResult:
    """`problem` is why nothing was tried; so are `refusals`, settings that this engine cannot honour."""

    code: Code
    images: Mapping[str, building.Outcome]
    failures: tuple[Failure, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    problem: str = ""
    seconds: float = 0.0


def build(
    plan: Mapping[str, Any],
    compiled: Path,
    project: Path,
    images: Sequence[str] = (),
    *,
    no_cache: bool = False,
    push: bool = False,
    platforms: Sequence[str] = (),
    builder: str | None = None,
    listener: Listener,
    interrupt: Interrupt | None = None,
) -> BuildResult:
    """Build the images (all when none is named) that are missing.

    `plan` is the object in plan.json, `compiled` the folder it lies in, `project` where the pipeline file is.
    """
    begin = time.monotonic()
    flags = building.Flags(no_cache, push, tuple(platforms), builder)
    try:
        loaded = load(plan)
        if unknown := [name for name in images if name not in loaded.images]:
            return BuildResult(Code.USAGE, {}, problem=f"The file has no image {unknown[0]!r}.")
        interrupt = interrupt or Interrupt()
        with interrupt.on_signals():
            result = _build(
                loaded, compiled, project, tuple(images), flags, one_at_a_time(listener), interrupt
            )
    except ReadError as error:
        result = BuildResult(Code.USER_FILE, {}, problem=str(error))
    except building.Refused as error:
        result = BuildResult(Code.USER_FILE, {}, refusals=error.refused)
    except EngineError as error:
        result = BuildResult(Code.ENVIRONMENT, {}, problem=str(error))
    return replace(result, seconds=time.monotonic() - begin)


def _build(
    plan: Plan,
    compiled: Path,
    project: Path,
    names: tuple[str, ...],
    flags: building.Flags,
    tell: Listener,
    interrupt: Interrupt,
) -> BuildResult:
    secrets = Secrets(plan.secrets, project)
    builds = building.Builds(plan, names or tuple(plan.images), connect(), secrets, flags, local=False)
    made = building.make(builds, compiled, project, project / STATE / "builds", tell, interrupt)
    if flags.push and not any(outcome.failure for outcome in made.values()):
        made |= building.push(builds, made, tell, interrupt)
    failures = [outcome.failure for outcome in made.values() if outcome.failure]
    code = Code.INTERRUPTED if interrupt.level else worst(failures)
    return BuildResult(code, made, tuple(failures))
