"""The leaf that a user means, also by the name of one of its data. Needs no Docker SDK."""

from __future__ import annotations

from collections.abc import Sequence

from imgc_engine.plan import Node
from imgc_engine.run.selection import UnknownNode, leaf


def leaf_of(nodes: Sequence[Node], path: str) -> tuple[Node, str]:
    """The leaf of that path; with the name of the datum's node where it is `LEAF/LEAF[DATUM]`, or only the last
    part of that. Of a leaf whose data a run has found, the first of these. UnknownNode."""
    path = path.strip("/")
    for node in nodes:  # a leaf that a run has made a group of its data is still named by its path
        if node.input is not None and node.input.get("of") == path:
            return node, ""
    try:
        return leaf(nodes, path), ""
    except UnknownNode:
        for node in nodes:
            begins = (data_node_path(node, f"{node.name}["), f"{node.name}[")
            is_unexpanded = node.input is not None and "of" not in node.input
            if not node.is_group and is_unexpanded and path.startswith(begins):
                return node, path[path.rindex(f"{node.name}[") :]
        raise


def data_node_path(node: Node, name: str) -> str:
    return f"{node.path}/{name}" if node.path else name
