"""The whole of a run: see what is asked for, refuse what cannot be honoured, make the images, run, sum up."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker

from imgc_engine import build as building
from imgc_engine import images
from imgc_engine.connection import Facts, connect, engine_errors, facts, is_local, socket_path
from imgc_engine.events import Listener, RunEnded, RunStarted, RunState
from imgc_engine.failures import Code, Failure, Refused, worst
from imgc_engine.interrupt import Interrupt
from imgc_engine.plan import Node, Plan
from imgc_engine.refuse import Around, refusals
from imgc_engine.run import store as storing
from imgc_engine.run.containers import Surroundings
from imgc_engine.run.items import Deadlock
from imgc_engine.run.naming import new_run_id
from imgc_engine.run.ready import Limits
from imgc_engine.run.runner import Runner, Session
from imgc_engine.run.schedule import Schedule
from imgc_engine.run.secret_files import SecretFiles
from imgc_engine.run.selection import runnable, select
from imgc_engine.secrets import Secrets

LOAD = 2  # leaves for each of the engine's CPUs, as far as they do not reserve any


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asks of a run.

    `document` is the object in plan.json, `state` the folder for what is kept.
    """

    plan: Plan
    document: Mapping[str, Any]
    compiled: Path
    project: Path
    state: Path
    nodes: Sequence[str] = ()
    max_parallel: int | None = None
    keep_going: bool = False
    allow: Collection[str] = ()
    rebuild: bool = False


@dataclass(frozen=True, slots=True)
class Ran:
    """How it ended. `run` is empty when no node was to start, since an image could not be made."""

    code: Code
    run: str = ""
    folder: Path | None = None
    failures: tuple[Failure, ...] = ()
    images: Mapping[str, building.Outcome] = field(default_factory=dict)


def run(wanted: Wanted, tell: Listener, interrupt: Interrupt) -> Ran:
    """Refused, UnknownNode, EngineError, OSError (of the state folder)."""
    nodes = select(wanted.plan.nodes, wanted.nodes)
    leaves = runnable(nodes)
    client = connect()
    engine, secrets = facts(client), Secrets(wanted.plan.secrets, wanted.project)
    schedule = _schedule(wanted, nodes, engine)
    _refuse(wanted, leaves, client, engine, secrets)
    made = _make_images(wanted, leaves, client, secrets, tell, interrupt)
    failures = tuple(outcome.failure for outcome in made.values() if outcome.failure)
    if failures or interrupt.level:
        return Ran(Code.INTERRUPTED if interrupt.level else worst(failures), failures=failures, images=made)
    run_id = new_run_id()
    store = storing.create(wanted.state, run_id, wanted.document)
    try:
        session = _session(wanted, leaves, client, secrets, store, run_id, tell, interrupt)
        return _execute(Runner(schedule, session), schedule, session, nodes, made)
    finally:
        store.close()


def _schedule(wanted: Wanted, nodes: Sequence[Node], engine: Facts) -> Schedule:
    memory = engine.memory or float("inf")
    limits = Limits(engine.cpus, LOAD * engine.cpus, memory, parallel=wanted.max_parallel)
    try:
        return Schedule(nodes, limits, keep_going=wanted.keep_going)
    except Deadlock as error:
        raise Refused((error.refusal,)) from None


def _refuse(
    wanted: Wanted, leaves: Sequence[Node], client: docker.APIClient, engine: Facts, secrets: Secrets
) -> None:
    networks: set[str] = set()
    if any(leaf.network for leaf in leaves):
        with engine_errors():
            networks = {network["Name"] for network in client.networks()}
    around = Around(engine, wanted.project, socket_path(), is_local(), wanted.allow, networks, secrets)
    if found := refusals(leaves, around):
        raise Refused(tuple(found))


def _make_images(
    wanted: Wanted,
    leaves: Sequence[Node],
    client: docker.APIClient,
    secrets: Secrets,
    tell: Listener,
    interrupt: Interrupt,
) -> dict[str, building.Outcome]:
    used = {leaf.image for leaf in leaves}
    names = tuple(name for name in wanted.plan.images if name in used)
    flags = building.Flags(no_cache=wanted.rebuild)
    builds = building.Builds(wanted.plan, names, client, secrets, flags, local=True)
    return building.make(builds, wanted.compiled, wanted.project, wanted.state / "builds", tell, interrupt)


def _session(
    wanted: Wanted,
    leaves: Sequence[Node],
    client: docker.APIClient,
    secrets: Secrets,
    store: storing.Store,
    run_id: str,
    tell: Listener,
    interrupt: Interrupt,
) -> Session:
    references = {name: image.reference for name, image in wanted.plan.images.items()}
    users = {}
    for name in {leaf.image for leaf in leaves if leaf.image}:
        found = images.local(client, references[name])
        users[name] = found.user if found else ""
    return Session(
        client,
        store,
        Surroundings(wanted.project, socket_path(), run_id),
        references,
        users,
        SecretFiles(run_id, secrets),
        secrets.mask(),
        tell,
        interrupt,
    )


def _execute(
    runner: Runner,
    schedule: Schedule,
    session: Session,
    nodes: tuple[Node, ...],
    made: Mapping[str, building.Outcome],
) -> Ran:
    begin, run_id, store = time.monotonic(), session.surroundings.run, session.store
    store.append([{"e": "run", "run": run_id, "nodes": [node.path for node in nodes]}])
    session.tell(RunStarted(run_id, nodes, store.folder))
    runner.execute()
    failures = tuple(runner.failures[node.path] for node in nodes if node.path in runner.failures)
    state, code = _verdict(schedule, failures)
    store.append([{"e": "end", "state": state, "code": int(code)}])
    session.tell(RunEnded(run_id, state, time.monotonic() - begin, failures))
    return Ran(code, run_id, store.folder, failures, made)


def _verdict(schedule: Schedule, failures: Sequence[Failure]) -> tuple[RunState, Code]:
    if schedule.state == "interrupted":
        return "interrupted", Code.INTERRUPTED
    if schedule.fine:
        return "succeeded", Code.FINE
    code = worst(failures) or Code.STEP_FAILED
    return ("error" if code == Code.ENVIRONMENT else "failed"), code
