"""What the command line calls: build the images of a plan, run its nodes. Nothing here prints.

A problem is no exception here: results carry the exit code of the command line and what failed, with places.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgc.records import dataclass, field, replace
from imgc_engine.events import Listener, one_at_a_time
from imgc_engine.failures import Code, EngineError, Failure, Refusal, Refused, worst
from imgc_engine.interrupt import Interrupt
from imgc_engine.plan import Plan, ReadError, load
from imgc_engine.run.expansion import Compile
from imgc_engine.run.history import Options
from imgc_engine.run.selection import UnknownNode
from imgc_engine.run.store import Busy, UnknownRun
from imgc_engine.secrets import Secrets

if TYPE_CHECKING:
    from imgc_engine import build as building

STATE = ".imgc"  # folder of the project that holds logs and journals


@dataclass(frozen=True, slots=True)
class Result:
    """`problem` is why nothing was tried; so are `refusals`, settings that this engine cannot honour."""

    code: Code
    failures: tuple[Failure, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    problem: str = ""
    seconds: float = 0.0
    images: Mapping[str, building.Outcome] = field(default_factory=dict)
    """How the work on each image ended."""
    run: str = ""
    folder: Path | None = None
    """Of `run`, once it has come to a run."""


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
) -> Result:
    """Build the images (all when none is named) that are missing.

    `plan` is the object in plan.json, `compiled` the folder it lies in, `project` where the pipeline file is.
    """
    from imgc_engine import build as building  # not above: what needs no Docker imports this module too

    flags = building.Flags(no_cache, push, tuple(platforms), builder)
    interrupt = interrupt or Interrupt()
    tell = one_at_a_time(listener)

    def work() -> Result:
        loaded = load(plan)
        if unknown := [name for name in images if name not in loaded.images]:
            return Result(Code.USAGE, problem=f"The file has no image {unknown[0]!r}.")
        return _build(loaded, compiled, project, tuple(images), flags, tell, interrupt)

    return answer(work, interrupt)


def run(
    plan: Mapping[str, Any],
    compiled: Path,
    project: Path,
    nodes: Sequence[str] = (),
    *,
    max_parallel: int | None = None,
    keep_going: bool = False,
    allow: Collection[str] = (),
    rebuild: bool = False,
    rerun: bool = False,
    resume: str | None = None,
    keep: bool = False,
    compile: Compile | None = None,  # noqa: A002
    dry: bool = False,
    listener: Listener,
    interrupt: Interrupt | None = None,
) -> Result:
    """Make the images that the nodes (all when none is named) need, and run the nodes. Arguments as of
    `build`.

    `allow` are the user's grants, `rebuild` builds images and code anew, `rerun` works on data that have
    not changed too. `resume` goes on with a run, the latest
    for "", with the nodes and options that it was started with. `keep`: what failed nodes have in their
    containers is kept for `imgc debug`. `compile` makes plans of what lazy nodes print.
    `dry`: only tell the steps (`events.Step`) that it would take.
    """
    interrupt = interrupt or Interrupt()
    tell = one_at_a_time(listener)
    options = Options(tuple(nodes), max_parallel, keep_going, tuple(allow), keep)
    from imgc_engine.run import prepare, whole

    wanted = prepare.Wanted(plan, compiled, project, project / STATE, options, rebuild, rerun, compile)

    def work() -> Result:
        if dry:
            ran = whole.look(wanted, resume, tell, interrupt)
        elif resume is None:
            ran = whole.run(wanted, tell, interrupt)
        else:
            ran = whole.resume(wanted, resume, tell, interrupt)
        return Result(ran.code, ran.failures, images=ran.images, run=ran.run, folder=ran.folder)

    return answer(work, interrupt)


def answer(work: Callable[[], Result], interrupt: Interrupt) -> Result:
    """The result, with what was raised as what it means for the user, and with the time it took."""
    begin = time.monotonic()
    try:
        with interrupt.on_signals():
            result = work()
    except ReadError as error:
        result = Result(Code.USER_FILE, problem=str(error))
    except Refused as error:
        result = Result(Code.USER_FILE, refusals=error.refused)
    except (UnknownNode, UnknownRun, Busy) as error:
        result = Result(Code.USAGE, problem=str(error))
    except (EngineError, OSError) as error:
        result = Result(Code.ENVIRONMENT, problem=str(error))
    return replace(result, seconds=time.monotonic() - begin)


def _build(
    plan: Plan,
    compiled: Path,
    project: Path,
    names: tuple[str, ...],
    flags: building.Flags,
    tell: Listener,
    interrupt: Interrupt,
) -> Result:
    from imgc_engine import build as building
    from imgc_engine.connection import connect

    secrets = Secrets(plan.secrets, project)
    builds = building.Builds(plan, names or tuple(plan.images), connect(), secrets, flags, local=False)
    made = building.make(builds, compiled, project, project / STATE / "builds", tell, interrupt)
    if flags.push and not any(outcome.failure for outcome in made.values()):
        made |= building.push(builds, made, tell, interrupt)
    failures = [outcome.failure for outcome in made.values() if outcome.failure]
    code = Code.INTERRUPTED if interrupt.level else worst(failures)
    return Result(code, tuple(failures), images=made)
