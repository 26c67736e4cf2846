"""The whole of a run, from what the user wants to what became of it; and of going on with one."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from imgc.records import dataclass, field, replace
from imgc_engine import build as building
from imgc_engine.data import code as build_code
from imgc_engine.data.code import Built
from imgc_engine.data.pfs import alone
from imgc_engine.events import Listener, Notice, RunEnded, RunStarted
from imgc_engine.failures import Code, Failure, worst
from imgc_engine.interrupt import Interrupt
from imgc_engine.plan import Node, load
from imgc_engine.run import store as storing
from imgc_engine.run.crew import Crew, Expand
from imgc_engine.run.endings import tell_past, verdict
from imgc_engine.run.expansion import Compile, Expansion, NotExpandable
from imgc_engine.run.history import begin_record
from imgc_engine.run.lazy import Lazy
from imgc_engine.run.leftover import NO_COMPILER, by_folder, left_of, remove_strays
from imgc_engine.run.logs import now
from imgc_engine.run.naming import new_run_id
from imgc_engine.run.outlook import image_steps, node_steps
from imgc_engine.run.prepare import (
    Scene,
    Wanted,
    check_images,
    environment,
    fetch_code,
    make_code,
    make_images,
    make_schedule,
    make_session,
    refuse,
    scene_of,
)
from imgc_engine.run.runner import Runner
from imgc_engine.run.schedule import Schedule
from imgc_engine.run.selection import runnable, select
from imgc_engine.run.session import Session
from imgc_engine.run.states import Past


@dataclass(frozen=True, slots=True)
class Ran:
    """How it ended. `run` is empty when no node was to start, since an image could not be made."""

    code: Code
    run: str = ""
    folder: Path | None = None
    failures: tuple[Failure, ...] = ()
    images: Mapping[str, building.Outcome] = field(default_factory=dict)


def run(wanted: Wanted, tell: Listener, interrupt: Interrupt) -> Ran:
    """ReadError, Refused, UnknownNode, EngineError, OSError (of the state folder)."""
    scene = scene_of(wanted, load(wanted.document), tell, interrupt)
    nodes = alone(scene.plan, select(scene.plan.nodes, wanted.options.nodes))
    leaves = runnable(nodes)
    schedule = make_schedule(scene, nodes, wanted.options)
    refuse(scene, leaves, wanted.options.allow, lazy=NO_COMPILER if wanted.compile is None else "")
    made = make_images(scene, leaves, rebuild=wanted.rebuild)
    if (stop := _not_made(made, interrupt)) is not None:
        return stop
    code, lost = fetch_code(scene, leaves)
    if lost:
        return Ran(Code.INTERRUPTED if interrupt.level else worst(lost), failures=lost, images=made)
    coded = make_code(scene, leaves, rebuild=wanted.rebuild)
    if (stop := _not_built(coded, made, interrupt)) is not None:
        return stop
    built = {name: one for name, one in coded.items() if isinstance(one, Built)}
    store = storing.create(wanted.state, new_run_id(), wanted.document)
    try:
        store.append([begin_record(wanted.options, now(), environment=environment(scene))])
        if built:  # without it, a later session reads the code anew, and says so: no wait for the disk
            (store.folder / build_code.FILE).write_text(build_code.record(built), encoding="utf-8")
        session = make_session(
            scene, leaves, store, {}, code, built, nodes, keep=wanted.options.keep, rerun=wanted.rerun
        )
        expand = _expand(scene, session, wanted.options.allow, wanted.compile, {})
        runner = Runner(schedule, session, lambda inbox: Crew(session, inbox, expand))
        tell(RunStarted(store.folder.name, nodes, store.folder))
        return replace(_execute(runner, schedule, scene, session, nodes), images=made)
    finally:
        store.close()


def resume(wanted: Wanted, run_id: str, tell: Listener, interrupt: Interrupt) -> Ran:
    """Go on with a run, the latest for "": with its own plan and options, whatever `wanted` has of them.

    Raises as `run`, and UnknownRun, Busy.
    """
    folder = storing.find(wanted.state, run_id)
    store = storing.Store(folder)
    try:
        return _resume(wanted, store, tell, interrupt)
    finally:
        store.close()


def look(wanted: Wanted, run_id: str | None, tell: Listener, interrupt: Interrupt) -> Ran:
    """Tell the steps that `run`, or (with a run's id, or "") `resume`, would take. Raises as they do."""
    if run_id is None:
        scene = scene_of(wanted, load(wanted.document), tell, interrupt)
        nodes = select(scene.plan.nodes, wanted.options.nodes)
        leaves, pasts = runnable(nodes), dict[str, Past]()
        make_schedule(scene, nodes, wanted.options)
        refuse(scene, leaves, wanted.options.allow, lazy=NO_COMPILER if wanted.compile is None else "")
    else:
        left = left_of(wanted, storing.find(wanted.state, run_id), tell, interrupt)
        scene, nodes, leaves, pasts = left.scene, left.nodes, left.leaves, left.pasts
        if left.history.end == "succeeded":
            tell(Notice(f"The run {left.run} has succeeded: there is nothing to resume."))
            return Ran(Code.FINE)
        refuse(scene, leaves, left.allow, left.lazy)
    for step in (*image_steps(scene, leaves, rebuild=wanted.rebuild), *node_steps(nodes, pasts)):
        tell(step)
    return Ran(Code.FINE)


def _resume(wanted: Wanted, store: storing.Store, tell: Listener, interrupt: Interrupt) -> Ran:
    left = left_of(wanted, store.folder, tell, interrupt)
    scene, history, nodes, leaves = left.scene, left.history, left.nodes, left.leaves
    if history.end == "succeeded":
        tell(Notice(f"The run {left.run} has succeeded: there is nothing to resume."))
        return Ran(Code.FINE, left.run, store.folder)
    before = history.leaves(left.planned)
    schedule = make_schedule(scene, nodes, history.options, left.pasts, before)
    refuse(scene, leaves, left.allow, left.lazy)
    made: dict[str, building.Outcome] = {}
    if left.unchanged:
        for folder, own in by_folder(leaves, history, store).items():
            made |= make_images(replace(scene, compiled=folder or scene.compiled), own, rebuild=False)
    else:
        tell(Notice("The pipeline has changed since; this goes on with what it was."))
        check_images(scene, leaves)
    if (stop := _not_made(made, interrupt)) is not None:
        return stop
    code, lost = fetch_code(scene, leaves)
    if lost:
        return Ran(Code.INTERRUPTED if interrupt.level else worst(lost), failures=lost, images=made)
    coded = make_code(scene, leaves, had=_code_of(store))
    if (stop := _not_built(coded, made, interrupt)) is not None:
        return stop
    built = {name: one for name, one in coded.items() if isinstance(one, Built)}
    session = make_session(
        scene, leaves, store, history.running, code, built, left.planned, keep=history.options.keep
    )
    remove_strays(scene, left)
    session.secrets.remove()
    store.append([begin_record(history.options, now(), left.kept, environment(scene))])
    expand = _expand(scene, session, left.allow, left.compile, history.expansions)
    runner = Runner(schedule, session, lambda inbox: Crew(session, inbox, expand))
    tell(RunStarted(store.folder.name, nodes, store.folder, resumed=True))
    for node in nodes:
        tell_past(node, left.pasts, history, runner, store, tell)
    return replace(_execute(runner, schedule, scene, session, nodes), images=made)


def _expand(
    scene: Scene,
    session: Session,
    allow: Collection[str],
    compile_: Compile | None,
    known: Mapping[str, Expansion],
) -> Expand:
    if compile_ is not None:
        return Lazy(scene, session, allow, compile_, known).expand

    def refused(_node: Node, _log: Path) -> Expansion:
        raise NotExpandable(NO_COMPILER)

    return refused


def _not_made(made: Mapping[str, building.Outcome], interrupt: Interrupt) -> Ran | None:
    """The end, when the images are not there for the nodes to start."""
    failures = tuple(outcome.failure for outcome in made.values() if outcome.failure)
    if interrupt.level:
        return Ran(Code.INTERRUPTED, failures=failures, images=made)
    return Ran(worst(failures), failures=failures, images=made) if failures else None


def _not_built(
    coded: Mapping[str, Built | Failure], made: Mapping[str, building.Outcome], interrupt: Interrupt
) -> Ran | None:
    """The end, when the code of build pipelines is not there for the nodes to start."""
    failures: list[Failure] = []
    for one in coded.values():
        if isinstance(one, Failure) and one not in failures:
            failures.append(one)
    if interrupt.level:
        return Ran(Code.INTERRUPTED, images=made)
    return Ran(worst(failures), failures=tuple(failures), images=made) if failures else None


def _code_of(store: storing.Store) -> dict[str, dict[str, str]]:
    """The code that the run began with."""
    try:
        found: dict[str, dict[str, str]] = json.loads(
            (store.folder / build_code.FILE).read_text(encoding="utf-8")
        )
    except (OSError, ValueError):
        return {}
    return found


def _execute(
    runner: Runner, schedule: Schedule, scene: Scene, session: Session, nodes: Sequence[Node]
) -> Ran:
    begin = time.monotonic()
    pfs, store = session.pfs, session.store
    try:
        runner.execute()
        pfs.publish(node for node in nodes if node.path in runner.succeeded)
    finally:
        pfs.close()
    failures = tuple(runner.failures[path] for path in schedule.paths if path in runner.failures)
    state, code = verdict(schedule, failures)
    store.append([{"t": now(), "e": "end", "state": state, "code": int(code)}])
    run_id = store.folder.name
    scene.tell(RunEnded(run_id, state, time.monotonic() - begin, failures))
    return Ran(code, run_id, store.folder, failures)
