"""`imgc run --dry-run`: what would be built and run, and why. Nothing is started, and nothing is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from imgc_engine import build as building
from imgc_engine.build.graph import Task, decide
from imgc_engine.events import Step
from imgc_engine.plan import Node
from imgc_engine.run.prepare import Scene
from imgc_engine.run.selection import runnable
from imgc_engine.run.states import Past


def image_steps(scene: Scene, leaves: Sequence[Node], *, rebuild: bool) -> Iterator[Step]:
    """Those that the leaves need, in the order of their building. EngineError."""
    used = {leaf.image for leaf in leaves}
    names = tuple(name for name in scene.plan.images if name in used)
    flags = building.Flags(no_cache=rebuild)
    work = decide(building.Builds(scene.plan, names, scene.client, scene.secrets, flags, local=True))
    for name, image in scene.plan.images.items():
        if name in work.there:
            yield Step("image", name, "nothing", f"{image.reference} {_THERE[work.there[name]]}")
        elif (task := work.todo.get(name)) is not None:
            yield Step("image", name, task.kind, _why_made(task, image.reference, rebuild=rebuild))


_THERE = {
    "exists": "is on the engine",
    "in registry": "is in its registry",
    "same": "has the content of another",
    "as it is": "is on the engine, and used as it is",
}


def _why_made(task: Task, reference: str, *, rebuild: bool) -> str:
    match task.kind:
        case "pull":
            return f"{reference} is in its registry, and not on the engine"
        case "tag":
            return f"{reference} has the content of another image"
        case _ if rebuild:
            return f"{reference} is to be built anew"
        case _:
            after = f", after {', '.join(sorted(task.after))}" if task.after else ""
            return f"{reference} is not there{after}"


def node_steps(nodes: Sequence[Node], pasts: Mapping[str, Past]) -> Iterator[Step]:
    """The leaves, in the order of the tree: each starts when what it waits for has ended."""
    to_run = {leaf.path for leaf in runnable(nodes)}
    for node in nodes:
        if node.is_group:
            continue
        past = pasts.get(node.path)
        if past is not None and past.state is not None:
            yield Step(node.kind, node.path, "nothing", f"it has {_past(past.state)} in this run")
        elif node.path not in to_run:
            yield Step(node.kind, node.path, "nothing", "it is skipped")
        else:
            yield Step(node.kind, node.path, "run", _why_run(node, nodes))


def _past(state: str) -> str:
    return "ended with an error" if state == "error" else state


def _why_run(node: Node, nodes: Sequence[Node]) -> str:
    by_path = {one.path: one for one in nodes}
    gates: list[str] = []
    at: Node | None = node
    while at is not None:
        gates += [path for path in at.after if path in by_path]
        at = None if at.parent is None else by_path[at.parent]
    when = {"on_failure": ", if something before it fails", "always": ", whatever became of that"}
    lazy = "; what it prints is not known yet" if node.kind == "lazy" else ""
    return (f"after {', '.join(gates)}" if gates else "at once") + when.get(node.when, "") + lazy
