"""The part of a tree that a user asks for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from imgc.records import replace
from imgc_engine.plan import Node

SHOWN = 10  # paths in a sentence


class UnknownNode(ValueError):
    """There is no such node. The text says which are near."""


def select(nodes: Sequence[Node], paths: Sequence[str]) -> tuple[Node, ...]:
    """The nodes named, all below them and the groups around them; all nodes when none is named. UnknownNode.

    What is named runs: `skip` and `when` of it and of what holds it do not keep it from that. Nodes that
    are left out count as fine: nothing waits for them.
    """
    if not paths:
        return tuple(nodes)
    by_path = {node.path: node for node in nodes}
    named = {path.strip("/") for path in paths}
    if unknown := sorted(named - by_path.keys()):
        raise _unknown(unknown[0], by_path)
    around = {group for path in named for group in _around(by_path[path], by_path)}
    kept = [
        node
        for node in nodes
        if node.path in around or any(one in named for one in (node.path, *_around(node, by_path)))
    ]
    paths_kept = {node.path for node in kept}
    return tuple(_without(node, by_path, paths_kept, named | around) for node in kept)


def leaf(nodes: Sequence[Node], path: str) -> Node:
    """The leaf of that path, or of a name that no other node has; / is a pipeline of one node. UnknownNode."""
    by_path = {node.path: node for node in nodes}
    path = path.strip("/")
    named = [node for node in nodes if node.path == path or node.path.endswith(f"/{path}")]
    node = by_path.get(path) or (named[0] if len(named) == 1 else None)
    if node is None:
        raise _unknown(path, by_path)
    if not node.is_group:
        return node
    below = [other.path for other in nodes if not other.is_group and _around(other, by_path).count(node.path)]
    more = f" and {len(below) - SHOWN} more" if len(below) > SHOWN else ""
    raise UnknownNode(
        f"{path!r} is a group; name one of the nodes in it: {', '.join(below[:SHOWN])}{more}."
        if below
        else f"{path!r} is a group without nodes."
    )


def _unknown(path: str, known: Iterable[str]) -> UnknownNode:
    """Names that are near, or that end so."""
    known = [other for other in known if other]
    near = [other for other in known if other.endswith(f"/{path}") or other.startswith(f"{path}[")]
    if not near:
        from difflib import get_close_matches

        near = get_close_matches(path, known, n=3)
    hint = f" Did you mean {' or '.join(map(repr, near[:SHOWN]))}?" if near else ""
    return UnknownNode(f"The pipeline has no node {path!r}.{hint}")


def _without(node: Node, by_path: dict[str, Node], kept: set[str], wanted: set[str]) -> Node:
    after = tuple(dict.fromkeys(gate for path in node.after for gate in _kept_gates(path, by_path, kept)))
    needs = tuple(path for path in node.needs if path in kept)
    if node.path in wanted:
        return replace(node, after=after, needs=needs, skip=False, when=node.when if after else "always")
    return replace(node, after=after, needs=needs)


def _kept_gates(path: str, by_path: dict[str, Node], kept: set[str]) -> list[str]:
    """The node itself, or, where it is left out, what it would have waited for."""
    if path in kept:
        return [path]
    return [gate for before in by_path[path].after for gate in _kept_gates(before, by_path, kept)]


def _around(node: Node, by_path: dict[str, Node]) -> list[str]:
    paths = []
    while node.parent is not None:
        paths.append(node.parent)
        node = by_path[node.parent]
    return paths


def runnable(nodes: Sequence[Node]) -> list[Node]:
    """The leaves that no `skip`, of theirs or around them, leaves out."""
    skipped: set[str] = set()
    leaves = []
    for node in nodes:
        if node.skip or node.parent in skipped:
            skipped.add(node.path)
        elif not node.is_group:
            leaves.append(node)
    return leaves
