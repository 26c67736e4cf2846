"""What an earlier session of a run has left: what there is to do, and the containers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from imgc.records import dataclass, replace
from imgc_engine.connection import engine_errors
from imgc_engine.data.pfs import alone
from imgc_engine.events import Listener
from imgc_engine.interrupt import Interrupt
from imgc_engine.plan import Node, digest
from imgc_engine.run import store as storing
from imgc_engine.run.cleaning import Found, find, remove
from imgc_engine.run.expansion import Compile, grow
from imgc_engine.run.history import History, to_do
from imgc_engine.run.prepare import Scene, Wanted, scene_of
from imgc_engine.run.recall import recall
from imgc_engine.run.selection import runnable, select
from imgc_engine.run.states import Past

NO_COMPILER = (
    "What it prints has to be compiled, and this program does not have the compiler: use `imgc run`."
)
CHANGED = "The pipeline has changed since the run was started, and what it prints belongs to what it was: start a new run."


@dataclass(frozen=True, slots=True)
class Left:
    """What is left to do of a run. `kept` are the groups whose container is still there; `lazy` is as for
    `refuse`.
    """

    run: str
    scene: Scene
    history: History
    planned: tuple[Node, ...]
    nodes: tuple[Node, ...]
    leaves: list[Node]
    pasts: dict[str, Past]
    kept: set[str]
    allow: set[str]
    unchanged: bool
    compile: Compile | None
    lazy: str


def left_of(wanted: Wanted, folder: Path, tell: Listener, interrupt: Interrupt) -> Left:
    """EngineError, ReadError."""
    recalled = recall(folder)
    history = recalled.history
    images = {**recalled.plan.images}
    for expansion in history.expansions.values():
        images |= expansion.images
    scene = scene_of(wanted, replace(recalled.plan, images=images, nodes=history.nodes), tell, interrupt)
    planned = alone(scene.plan, select(recalled.plan.nodes, history.options.nodes))
    nodes = grow(planned, history.expansions)
    kept = _kept(scene, folder.name, history)
    pasts = to_do(history, nodes, kept)
    unchanged = digest(recalled.document) == digest(wanted.document)
    compile_ = wanted.compile if unchanged else None
    return Left(
        folder.name,
        scene,
        history,
        planned,
        nodes,
        [leaf for leaf in runnable(nodes) if _is_to_run(leaf, pasts)],
        pasts,
        kept,
        {*history.options.allow, *wanted.options.allow},
        unchanged,
        compile_,
        "" if compile_ else NO_COMPILER if unchanged else CHANGED,
    )


def by_folder(
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


def remove_strays(scene: Scene, left: Left) -> None:
    """Of the containers that the last session left, keep those of attempts that were running. EngineError."""
    history = left.history
    groups = {node.path for node in history.nodes if node.is_group}
    with engine_errors():
        for found in find(scene.client, left.run):
            keep = found.node in left.kept if found.node in groups else found.state != "created"
            if not (keep and _was_running(found, history)):
                remove(scene.client, found.id)


def _is_to_run(leaf: Node, pasts: Mapping[str, Past]) -> bool:
    return leaf.path not in pasts or pasts[leaf.path].state is None


def _kept(scene: Scene, run_id: str, history: History) -> set[str]:
    """The groups whose shared container the last session left, running. EngineError."""
    groups = {node.path for node in history.nodes if node.is_group}
    with engine_errors():
        return {
            found.node
            for found in find(scene.client, run_id)
            if found.node in groups and _was_running(found, history) and found.state == "running"
        }


def _was_running(found: Found, history: History) -> bool:
    return history.running.get(found.node) == found.attempt
