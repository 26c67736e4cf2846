"""What a shell sees below /pfs: the node's code, and one of its data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from imgc_engine import images
from imgc_engine.data.code import Built
from imgc_engine.data.expansion import Finder
from imgc_engine.data.kept import Kept
from imgc_engine.data.pfs import Pfs
from imgc_engine.failures import Failure
from imgc_engine.plan import Node
from imgc_engine.run.naming import SHELLS
from imgc_engine.run.prepare import Scene

SHOWN = 5  # names in a message


def built_of(coded: Mapping[str, Built | Failure]) -> dict[str, Built]:
    return {name: one for name, one in coded.items() if isinstance(one, Built)}


def pfs_of(scene: Scene, built: Mapping[str, Built], folder: Path) -> Pfs:
    return Pfs(scene.plan, scene.project, Kept(scene.state), folder, client=scene.client, built=built)


def with_data(scene: Scene, node: Node, name: str, built: Mapping[str, Built]) -> Node | str:
    """The node of a datum, the first for ""; or why there is none, in a sentence."""
    known = {key: there for key, image in scene.plan.images.items()
             if (there := images.local(scene.client, image.reference)) is not None}  # fmt: skip
    found = Finder(pfs_of(scene, built, scene.state / SHELLS), (), known, rerun=True).find(node)
    if found.problem or len(found.nodes) < 2:
        return found.problem or found.note
    if not name:
        return found.nodes[1]
    for child in found.nodes[1:]:
        if child.name == name:
            return child
    shown = ", ".join(child.name for child in found.nodes[1 : SHOWN + 1])
    return f"There is no {name!r} among the data of {node.path or node.name!r}: there are {shown}, …"
