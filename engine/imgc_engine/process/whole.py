"""The whole of a run in processes, and of going on with one. The counterpart of `run.whole`."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from imgc import __version__
from imgc.records import dataclass
from imgc_engine.api import STATE, Result, answer
from imgc_engine.events import (
    ImageEnded,
    ImageStarted,
    Listener,
    Notice,
    RunEnded,
    RunStarted,
    one_at_a_time,
)
from imgc_engine.failures import Code, EngineError, Failure, Refused, worst
from imgc_engine.interrupt import Interrupt
from imgc_engine.plan import Node, Place, Plan, load
from imgc_engine.process import environment as environments
from imgc_engine.process import leftovers
from imgc_engine.process.crew import Crew, Session
from imgc_engine.process.support import chain, judge
from imgc_engine.process.tree import Trees
from imgc_engine.run import store as storing
from imgc_engine.run.endings import tell_past, verdict
from imgc_engine.run.history import Options, begin_record, to_do
from imgc_engine.run.items import Deadlock
from imgc_engine.run.logs import now
from imgc_engine.run.naming import new_run_id
from imgc_engine.run.ready import Limits
from imgc_engine.run.recall import recall
from imgc_engine.run.runner import Runner
from imgc_engine.run.schedule import Schedule
from imgc_engine.run.selection import runnable, select
from imgc_engine.run.states import Past
from imgc_engine.secrets import SecretMissing, Secrets

LOAD = 2  # leaves for each CPU, as far as they do not reserve any


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a run happens. `recipes` are what the plan does not have of the images (imgc.plan.environments)."""

    plan: Plan
    recipes: Mapping[str, Any]
    compiled: Path
    project: Path
    secrets: Secrets
    tell: Listener
    interrupt: Interrupt

    @property
    def state(self) -> Path:
        return self.project / STATE


def run(
    plan: Mapping[str, Any],
    recipes: Mapping[str, Any],
    compiled: Path,
    project: Path,
    nodes: Sequence[str] = (),
    *,
    max_parallel: int | None = None,
    keep_going: bool = False,
    rebuild: bool = False,
    resume: str | None = None,
    keep: bool = False,
    listener: Listener,
    interrupt: Interrupt | None = None,
) -> Result:
    """As `api.run`; `rebuild` makes the virtual environments anew, `keep` leaves the folders of failed nodes."""
    interrupt = interrupt or Interrupt()
    tell = one_at_a_time(listener)
    options = Options(tuple(nodes), max_parallel, keep_going, (), keep)

    def work() -> Result:
        if resume is not None:
            return _resume(resume, compiled, project, tell, interrupt)
        loaded = load(plan)
        secrets = Secrets(loaded.secrets, project)
        scene = Scene(loaded, recipes, compiled, project, secrets, tell, interrupt)
        return _run(scene, plan, options, rebuild=rebuild)

    return answer(work, interrupt)


def _run(scene: Scene, document: Mapping[str, Any], options: Options, *, rebuild: bool) -> Result:
    nodes = select(scene.plan.nodes, options.nodes)
    leaves = runnable(nodes)
    schedule = _schedule(nodes, options)
    _check(scene, leaves)
    made, failures = _make(scene, leaves, rebuild=rebuild)
    if failures or scene.interrupt.level:
        return Result(Code.INTERRUPTED if scene.interrupt.level else worst(failures), failures)
    store = storing.create(scene.state, new_run_id(), document)
    try:
        storing.write_whole(store.folder / leftovers.RECIPES, json.dumps(scene.recipes))
        store.append([begin_record(options, now(), environment=_environment())])
        session = _session(scene, store, made, keep=options.keep)
        runner = Runner(schedule, session, partial(Crew, session))
        scene.tell(RunStarted(store.folder.name, nodes, store.folder))
        return _execute(runner, schedule, scene, store, nodes)
    finally:
        store.close()


def _resume(run_id: str, compiled: Path, project: Path, tell: Listener, interrupt: Interrupt) -> Result:
    folder = storing.find(project / STATE, run_id)
    if not leftovers.is_of_processes(folder):
        raise storing.UnknownRun(
            f"The run {folder.name} was in containers: go on with it without --engine process."
        )
    store = storing.Store(folder)
    try:
        recalled = recall(folder)
        history = recalled.history
        if history.end == "succeeded":
            tell(Notice(f"The run {folder.name} has succeeded: there is nothing to resume."))
            return Result(Code.FINE, run=folder.name, folder=folder)
        secrets = Secrets(recalled.plan.secrets, project)
        recipes = json.loads((folder / leftovers.RECIPES).read_text(encoding="utf-8"))
        scene = Scene(recalled.plan, recipes, compiled, project, secrets, tell, interrupt)
        nodes = select(scene.plan.nodes, history.options.nodes)
        pasts = to_do(history, nodes)
        leaves = [
            leaf for leaf in runnable(nodes) if leaf.path not in pasts or pasts[leaf.path].state is None
        ]
        schedule = _schedule(nodes, history.options, pasts)
        _check(scene, leaves)
        made, failures = _make(scene, leaves, rebuild=False)
        if failures or interrupt.level:
            return Result(Code.INTERRUPTED if interrupt.level else worst(failures), failures)
        leftovers.end_all(folder)
        store.append([begin_record(history.options, now(), environment=_environment())])
        session = _session(scene, store, made, keep=history.options.keep)
        runner = Runner(schedule, session, partial(Crew, session))
        tell(RunStarted(folder.name, nodes, folder, resumed=True))
        for node in nodes:
            tell_past(node, pasts, history, runner, store, tell)
        return _execute(runner, schedule, scene, store, nodes)
    finally:
        store.close()


def _schedule(nodes: Sequence[Node], options: Options, pasts: Mapping[str, Past] | None = None) -> Schedule:
    cpus = os.cpu_count() or 1
    memory = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    limits = Limits(cpus, max(LOAD * cpus, options.max_parallel or 0), memory, parallel=options.max_parallel)
    try:
        return Schedule(nodes, limits, keep_going=options.keep_going, past=pasts)
    except Deadlock as error:
        raise Refused((error.refusal,)) from None


def _check(scene: Scene, leaves: Sequence[Node]) -> None:
    """Say what is only nearly so. Refused."""
    judgement = judge(leaves, scene.plan, scene.recipes, scene.secrets)
    if judgement.refusals:
        raise Refused(judgement.refusals)
    for warning in judgement.warnings:
        scene.tell(Notice(f"{warning.place}: {warning.message}"))


def _make(
    scene: Scene, leaves: Sequence[Node], *, rebuild: bool
) -> tuple[dict[str, Path], tuple[Failure, ...]]:
    """The virtual environments of the leaves' images, by image, as far as they could be made."""
    made: dict[str, Path] = {}
    used = {leaf.image for leaf in leaves}
    for name in (name for name in scene.plan.images if name in used):
        if scene.interrupt.level:
            break
        failure = _make_one(name, scene, made, rebuild=rebuild)
        if failure is not None:
            return made, (failure,)
    return made, ()


def _make_one(name: str, scene: Scene, made: dict[str, Path], *, rebuild: bool) -> Failure | None:
    recipes = [scene.recipes[part] for part in chain(name, scene.recipes)]
    installs = [install for recipe in recipes for install in recipe["installs"]]
    python = next(recipe["python"] for recipe in reversed(recipes) if recipe["python"])
    begin, image, log = time.monotonic(), scene.plan.images[name], scene.state / "builds" / f"{name}.log"
    failure = None
    try:
        wanted = environments.plan_environment(python, installs, scene.project)
        state = "exists" if wanted.is_there and not rebuild else "built"
        reference = str(wanted.folder)
        if state == "built":
            scene.tell(ImageStarted(name, reference, "build"))
            environments.make(wanted, scene.project, scene.secrets, log, anew=rebuild)
        made[name] = wanted.folder
        scene.tell(
            ImageEnded(name, reference, "exists" if state == "exists" else "built", time.monotonic() - begin)
        )
        return None
    except environments.InstallFailed as error:
        place = Place(**error.install["place"]) if error.install else image.source
        failure = Failure(name, str(error), place, Code.STEP_FAILED, error.lines, log, error.code)
    except (EngineError, SecretMissing, OSError) as error:
        failure = Failure(name, str(error), image.source, Code.ENVIRONMENT)
    scene.tell(ImageEnded(name, python, "failed", time.monotonic() - begin, failure))
    return failure


def _session(scene: Scene, store: storing.Store, made: Mapping[str, Path], *, keep: bool) -> Session:
    variables = {name: dict[str, str](scene.recipes[name]["env"]) for name in made}
    trees = Trees(scene.plan, scene.recipes, scene.compiled, scene.project)
    return Session(
        store, trees, made, variables, scene.secrets, scene.secrets.mask(), keep, scene.tell, scene.interrupt
    )


def _environment() -> dict[str, str]:
    system = os.uname()
    return {
        "imgc": __version__,
        "Python": ".".join(map(str, sys.version_info[:3])),
        "system": f"{system.sysname} {system.release} {system.machine}",
        "engine": "processes of this machine",
    }


def _execute(
    runner: Runner, schedule: Schedule, scene: Scene, store: storing.Store, nodes: Sequence[Node]
) -> Result:
    begin = time.monotonic()
    runner.execute()
    failures = tuple(runner.failures[node.path] for node in nodes if node.path in runner.failures)
    state, code = verdict(schedule, failures)
    store.append([{"t": now(), "e": "end", "state": state, "code": int(code)}])
    scene.tell(RunEnded(store.folder.name, state, time.monotonic() - begin, failures))
    return Result(code, failures, run=store.folder.name, folder=store.folder)
