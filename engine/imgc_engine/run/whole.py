"""The whole of a run, from what the user wants to what became of it; and of going on with one."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from imgc.records import dataclass, field, replace
from imgc_engine import build as building
from imgc_engine.connection import connect, engine_errors, facts
from imgc_engine.data import code as build_code
from imgc_engine.data.code import Built
from imgc_engine.data.pfs import alone
from imgc_engine.events import Listener, NodeChanged, Notice, RunEnded, RunStarted, RunState
from imgc_engine.failures import Code, Failure, worst
from imgc_engine.interrupt import Interrupt
from imgc_engine.plan import Node, Plan, digest, load
from imgc_engine.run import store as storing
from imgc_engine.run.causes import failure_of_record
from imgc_engine.run.cleaning import Found, find, remove
from imgc_engine.run.crew import Crew, Expand, Session
from imgc_engine.run.expansion import Expansion, NotExpandable, grow
from imgc_engine.run.history import History, Options, begin_record, to_do
from imgc_engine.run.lazy import Compile, Lazy
from imgc_engine.run.logs import now
from imgc_engine.run.naming import new_run_id
from imgc_engine.run.prepare import (
    Scene,
    check_images,
    environment,
    fetch_code,
    make_code,
    make_images,
    make_schedule,
    make_session,
    refuse,
)
from imgc_engine.run.recall import recall
from imgc_engine.run.runner import Runner
from imgc_engine.run.schedule import Schedule
from imgc_engine.run.selection import runnable, select
from imgc_engine.run.states import Past
from imgc_engine.secrets import Secrets

NO_COMPILER = (
    "What it prints has to be compiled, and this program does not have the compiler: use `imgc run`."
)
CHANGED = "The pipeline has changed since the run was started, and what it prints belongs to what it was: start a new run."


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asks for. `document` is the object in plan.json, `state` the folder for what is kept.

    Without `compile`, nodes that are lazy are refused.
    """

    document: Mapping[str, Any]
    compiled: Path
    project: Path
    state: Path
    options: Options
    rebuild: bool = False
    compile: Compile | None = None


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
    scene = _scene(wanted, load(wanted.document), tell, interrupt)
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
        storing.write_whole(store.folder / build_code.FILE, build_code.record(built))
        session = make_session(scene, leaves, store, {}, code, built, keep=wanted.options.keep)
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


def _resume(wanted: Wanted, store: storing.Store, tell: Listener, interrupt: Interrupt) -> Ran:
    recalled = recall(store.folder)
    history = recalled.history
    images = {**recalled.plan.images}
    for expansion in history.expansions.values():
        images |= expansion.images
    scene = _scene(wanted, replace(recalled.plan, images=images, nodes=history.nodes), tell, interrupt)
    if history.end == "succeeded":
        tell(Notice(f"The run {store.folder.name} has succeeded: there is nothing to resume."))
        return Ran(Code.FINE, store.folder.name, store.folder)
    planned = alone(scene.plan, select(recalled.plan.nodes, history.options.nodes))
    nodes = grow(planned, history.expansions)
    kept = _kept(scene, store, history)
    pasts = to_do(history, nodes, kept)
    leaves = [leaf for leaf in runnable(nodes) if _is_to_run(leaf, pasts)]
    schedule = make_schedule(scene, nodes, history.options, pasts, history.leaves(planned))
    allow = {*history.options.allow, *wanted.options.allow}
    unchanged = digest(recalled.document) == digest(wanted.document)
    compile_ = wanted.compile if unchanged else None
    lazy = "" if compile_ else NO_COMPILER if unchanged else CHANGED
    refuse(scene, leaves, allow, lazy)
    made: dict[str, building.Outcome] = {}
    if unchanged:
        for folder, own in _by_folder(leaves, history, store).items():
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
    session = make_session(scene, leaves, store, history.running, code, built, keep=history.options.keep)
    _remove_strays(scene, store, history, kept)
    session.secrets.remove()
    store.append([begin_record(history.options, now(), kept, environment(scene))])
    expand = _expand(scene, session, allow, compile_, history.expansions)
    runner = Runner(schedule, session, lambda inbox: Crew(session, inbox, expand))
    tell(RunStarted(store.folder.name, nodes, store.folder, resumed=True))
    for node in nodes:
        _tell_past(node, pasts, history, runner, store, tell)
    return replace(_execute(runner, schedule, scene, session, nodes), images=made)


def _scene(wanted: Wanted, plan: Plan, tell: Listener, interrupt: Interrupt) -> Scene:
    client = connect()
    secrets = Secrets(plan.secrets, wanted.project)
    return Scene(
        plan, wanted.compiled, wanted.project, wanted.state, client, facts(client), secrets, tell, interrupt
    )


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


def _by_folder(
    leaves: Sequence[Node], history: History, store: storing.Store
) -> dict[Path | None, list[Node]]:
    """The leaves by the folder that has the Dockerfiles of their images; None is the plan's own."""
    folders = {
        image: store.folder / expansion.compiled
        for expansion in history.expansions.values()
        for image in expansion.images
    }
    found: dict[Path | None, list[Node]] = {}
    for leaf in leaves:
        if leaf.image is not None:
            found.setdefault(folders.get(leaf.image), []).append(leaf)
    return found


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
    failures = tuple(runner.failures[node.path] for node in nodes if node.path in runner.failures)
    state, code = _verdict(schedule, failures)
    store.append([{"t": now(), "e": "end", "state": state, "code": int(code)}])
    run_id = store.folder.name
    scene.tell(RunEnded(run_id, state, time.monotonic() - begin, failures))
    return Ran(code, run_id, store.folder, failures)


def _verdict(schedule: Schedule, failures: Sequence[Failure]) -> tuple[RunState, Code]:
    if schedule.state == "interrupted":
        return "interrupted", Code.INTERRUPTED
    if schedule.fine:
        return "succeeded", Code.FINE
    code = worst(failures) or Code.STEP_FAILED
    return ("error" if code == Code.ENVIRONMENT else "failed"), code


def _is_to_run(leaf: Node, pasts: Mapping[str, Past]) -> bool:
    return leaf.path not in pasts or pasts[leaf.path].state is None


def _kept(scene: Scene, store: storing.Store, history: History) -> set[str]:
    """The groups whose shared container the last session left, running. EngineError."""
    groups = {node.path for node in history.nodes if node.is_group}
    with engine_errors():
        return {
            found.node
            for found in find(scene.client, store.folder.name)
            if found.node in groups and _was_running(found, history) and found.state == "running"
        }


def _was_running(found: Found, history: History) -> bool:
    return history.running.get(found.node) == found.attempt


def _remove_strays(scene: Scene, store: storing.Store, history: History, kept: Collection[str]) -> None:
    """Of the containers that the last session left, keep those of attempts that were running. EngineError."""
    groups = {node.path for node in history.nodes if node.is_group}
    with engine_errors():
        for found in find(scene.client, store.folder.name):
            keep = found.node in kept if found.node in groups else found.state != "created"
            if not (keep and _was_running(found, history)):
                remove(scene.client, found.id)


def _tell_past(
    node: Node,
    pasts: Mapping[str, Past],
    history: History,
    runner: Runner,
    store: storing.Store,
    tell: Listener,
) -> None:
    """Say how a leaf ended that is not run again, and count its failure among those of the run."""
    past = pasts.get(node.path)
    if node.is_group or past is None or past.state is None:
        return
    record = history.last[node.path]
    message = record.get("message", "")
    tell(NodeChanged(node.path, past.state, past.attempts, past.cause, message, record.get("exit")))
    if past.state == "succeeded":
        runner.succeeded.add(node.path)
    if past.state in ("failed", "error"):
        runner.failures[node.path] = failure_of_record(node, record, store.logs)
