"""What comes before the first node of a run: refusals, images, and what the runner works with."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import docker

from imgc import __version__
from imgc.records import dataclass
from imgc_engine import build as building
from imgc_engine import images
from imgc_engine.connection import Facts, connect, engine_errors, facts, is_local, socket_path
from imgc_engine.data import code as build_code
from imgc_engine.data.code import Built
from imgc_engine.data.expansion import Finder
from imgc_engine.data.kept import Kept
from imgc_engine.data.pfs import Pfs
from imgc_engine.data.steps import Shop
from imgc_engine.events import Listener, Notice
from imgc_engine.failures import EngineError, Failure, Refused
from imgc_engine.interrupt import Interrupt
from imgc_engine.plan import Node, Plan
from imgc_engine.refuse import Around, refusals
from imgc_engine.run.code import Downloads
from imgc_engine.run.containers import Surroundings
from imgc_engine.run.expansion import Compile
from imgc_engine.run.history import Options
from imgc_engine.run.items import Deadlock
from imgc_engine.run.ready import Limits
from imgc_engine.run.schedule import Schedule
from imgc_engine.run.secret_files import SecretFiles
from imgc_engine.run.session import Session
from imgc_engine.run.states import Past
from imgc_engine.run.store import Store
from imgc_engine.secrets import Secrets

LOAD = 4  # leaves for each of the engine's CPUs that reserve none: their start is mostly waiting


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a run happens. `compiled` has the Dockerfiles, `state` is the folder for what is kept."""

    plan: Plan
    compiled: Path
    project: Path
    state: Path
    client: docker.APIClient
    facts: Facts
    secrets: Secrets
    tell: Listener
    interrupt: Interrupt


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
    rerun: bool = False
    compile: Compile | None = None


def scene_of(wanted: Wanted, plan: Plan, tell: Listener, interrupt: Interrupt) -> Scene:
    client = connect()
    secrets = Secrets(plan.secrets, wanted.project)
    return Scene(
        plan, wanted.compiled, wanted.project, wanted.state, client, facts(client), secrets, tell, interrupt
    )


def environment(scene: Scene) -> dict[str, str]:
    """What reports say of where a run happened."""
    known, system = scene.facts, os.uname()
    memory = f", {known.memory / 2**30:.1f} GiB" if known.memory else ""
    return {
        "imgc": __version__,
        "Python": ".".join(map(str, sys.version_info[:3])),
        "system": f"{system.sysname} {system.release} {system.machine}",
        "engine": f"{'Podman' if known.podman else 'Docker'} {known.version}, {known.platform}, "
        f"{known.cpus} CPUs{memory}",
    }


def make_schedule(
    scene: Scene,
    nodes: Sequence[Node],
    options: Options,
    pasts: Mapping[str, Past] | None = None,
    leaves: Mapping[str, Node] | None = None,
) -> Schedule:
    """Arguments as of `Schedule`. Refused, when nodes wait for each other."""
    cpus, memory = scene.facts.cpus, scene.facts.memory or float("inf")
    load = max(LOAD * cpus, options.max_parallel or 0)  # who asks for more at once gets it
    limits = Limits(cpus, load, memory, parallel=options.max_parallel)
    try:
        return Schedule(nodes, limits, keep_going=options.keep_going, past=pasts, leaves=leaves)
    except Deadlock as error:
        raise Refused((error.refusal,)) from None


def refuse(scene: Scene, leaves: Sequence[Node], allow: Collection[str], lazy: str) -> None:
    """Refused, with all that these leaves want and this engine does not honour. EngineError.

    `lazy` is why nothing can be made of what nodes print, empty when it can.
    """
    networks: set[str] = set()
    if any(leaf.network for leaf in leaves):
        with engine_errors():
            networks = {network["Name"] for network in scene.client.networks()}
    around = Around(
        scene.facts, scene.project, socket_path(), is_local(), allow, networks, scene.secrets, lazy
    )
    if found := refusals(leaves, around):
        raise Refused(tuple(found))


def make_images(scene: Scene, leaves: Iterable[Node], *, rebuild: bool) -> dict[str, building.Outcome]:
    """See that the leaves' images can be started; how the work on each ended. Refused, EngineError."""
    used = {leaf.image for leaf in leaves}
    builders = {
        image.builder.image for name, image in scene.plan.images.items() if name in used and image.builder
    }
    names = tuple(
        name for name, image in scene.plan.images.items() if name in used or image.reference in builders
    )
    flags = building.Flags(no_cache=rebuild)
    builds = building.Builds(scene.plan, names, scene.client, scene.secrets, flags, local=True)
    logs = scene.state / "builds"
    return building.make(builds, scene.compiled, scene.project, logs, scene.tell, scene.interrupt)


def make_code(
    scene: Scene,
    leaves: Iterable[Node],
    *,
    rebuild: bool = False,
    had: Mapping[str, Mapping[str, str]] | None = None,
) -> dict[str, Built | Failure]:
    """The code of the leaves' build pipelines, by image. `had`: what an earlier session of the run had."""
    used = {leaf.image: leaf.kind == "build" for leaf in leaves} | {
        leaf.image: True for leaf in leaves if leaf.kind == "build"
    }
    shop = Shop(
        scene.plan, scene.project, scene.state / "data", scene.state / "builds", scene.client, scene.secrets,
        scene.tell, scene.interrupt, rebuild,
    )  # fmt: skip
    made: dict[str, Built | Failure] = {}
    for name, image in scene.plan.images.items():
        if name not in used or image.builder is None:
            continue
        known = build_code.find(name, had[name], shop) if had and name in had else None
        if known is None and had is not None:
            scene.tell(Notice(f"The code of {name!r} is no longer kept as it was: it is read anew."))
        made[name] = known or build_code.make(name, shop, needs_run=used[name])
    return made


def check_images(scene: Scene, leaves: Iterable[Node]) -> None:
    """See that the leaves' images are there as they were. EngineError."""
    for name in {leaf.image for leaf in leaves if leaf.image}:
        reference = scene.plan.images[name].reference
        if images.local(scene.client, reference) is None:
            raise EngineError(
                f"The image {reference} is gone, and the pipeline has changed since the run was started: "
                "start a new run."
            )


def fetch_code(scene: Scene, leaves: Iterable[Node]) -> tuple[Downloads, tuple[Failure, ...]]:
    """The code that the leaves' containers get when they are made, and what of it cannot be had. EngineError."""
    code = Downloads(scene.plan, scene.project, scene.secrets, scene.client, scene.interrupt)
    with engine_errors():
        return code, code.fetch(dict.fromkeys(leaf.image for leaf in leaves if leaf.image))


def make_session(
    scene: Scene,
    leaves: Sequence[Node],
    store: Store,
    left: Mapping[str, int],
    code: Downloads,
    built: Mapping[str, Built],
    planned: Sequence[Node],
    *,
    keep: bool,
    rerun: bool = False,
) -> Session:
    """`left`: the attempts that an earlier session left running. EngineError."""
    run = store.folder.name
    known: dict[str, images.Local] = {}
    if any(leaf.kind == "lazy" for leaf in leaves):
        scene.secrets.read_all()  # what it prints may use any, and logs that are open have their mask
    kept = Kept(scene.state)
    pfs = Pfs(scene.plan, scene.project, kept, store.folder, client=scene.client, built=built)
    session = Session(
        scene.client,
        store,
        Surroundings(scene.project, socket_path(), run),
        {},
        known,
        SecretFiles(run, scene.secrets),
        scene.secrets.mask(),
        {},
        left,
        keep,
        code,
        pfs,
        Finder(pfs, planned, known, rerun=rerun),
        scene.tell,
        scene.interrupt,
    )
    learn(session, scene, leaves)
    return session


def learn(session: Session, scene: Scene, leaves: Iterable[Node]) -> None:
    """Let the session know what these leaves need; their images are there. EngineError."""
    for leaf in leaves:
        if leaf.image is not None and leaf.image not in session.images:
            reference = scene.plan.images[leaf.image].reference
            session.references[leaf.image] = reference
            session.images[leaf.image] = images.local(scene.client, reference) or images.Local(
                "", "", "/", {}
            )
        if leaf.container.group is not None:
            session.sharers.setdefault(leaf.container.group, []).append(leaf)
