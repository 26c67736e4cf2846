"""Which leaves an edit touches: those whose fingerprint is another, and what comes after them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from imgc_engine.data import trees
from imgc_engine.data.code import read_code
from imgc_engine.data.datums import is_in, sources
from imgc_engine.plan import Node, Plan
from imgc_engine.run.selection import runnable

UNSEEN = ("places", "source", "title", "doc", "tags", "after", "needs")
"""What of a node is said to people alone, moves with every line above it, or only gives the order."""


def fingerprints(plan: Plan, document: Mapping[str, Any], project: Path, cache: Path) -> dict[str, str]:
    """Of each leaf, by its path: settings, image, code of its build pipeline, data and read-only mounts.

    `document` is the plan's JSON. What nodes write counts as little as what is mounted to be written.
    """
    digests = _Digests(plan, project, cache)
    nodes = {node["path"]: node for node in document["nodes"]}
    written = {mount.src for node in plan.nodes for mount in node.mounts if not mount.read_only}
    found = {}
    for leaf in runnable(plan.nodes):
        assert leaf.image is not None
        image = plan.images[leaf.image]
        found[leaf.path] = trees.key_of({
            "node": {key: value for key, value in nodes[leaf.path].items() if key not in UNSEEN},
            "image": [image.reference, image.content],
            "code": digests.code(leaf.image) if image.builder else None,
            "repos": [digests.folder(plan.repos[of].path) for kind, of in sources(leaf.input or {}) if kind == "repo"],
            "mounts": [digests.folder(mount.src) for mount in leaf.mounts
                       if mount.read_only and mount.src not in written],
        })  # fmt: skip
    return found


def touched(plan: Plan, now: Mapping[str, str], done: Mapping[str, str]) -> list[str]:
    """Paths of the leaves to run, in the plan's order. `done` has the fingerprints with which leaves were fine."""
    leaves = [leaf for leaf in plan.nodes if leaf.path in now]
    again = {leaf.path for leaf in leaves if done.get(leaf.path) != now[leaf.path]}
    nodes = {node.path: node for node in plan.nodes}
    before = {leaf.path: set(_before(leaf, nodes)) for leaf in leaves}
    grown = True
    while grown:
        more = {
            leaf.path for leaf in leaves if leaf.path not in again and _waits_for(before[leaf.path], again)
        }
        again |= more
        grown = bool(more)
    return [leaf.path for leaf in leaves if leaf.path in again]


def _before(leaf: Node, nodes: Mapping[str, Node]) -> Iterator[str]:
    """The nodes that a leaf waits for, of its own and for those around it."""
    node: Node | None = leaf
    while node is not None:
        yield from node.after
        node = None if node.parent is None else nodes[node.parent]


def _waits_for(before: Collection[str], again: Collection[str]) -> bool:
    return any(is_in(path, group) for group in before for path in again)


class _Digests:
    """Of folders, each read once. What cannot be read has a digest too: it is another when it can."""

    def __init__(self, plan: Plan, project: Path, cache: Path) -> None:
        self._plan, self._project, self._cache = plan, project, cache
        self._found: dict[str, str] = {}

    def code(self, name: str) -> str:
        builder = self._plan.images[name].builder
        assert builder is not None
        key = f"code {builder.path}"
        if key not in self._found:
            try:
                self._found[key] = read_code(builder, self._plan.file, self._project, self._cache).digest
            except OSError as error:
                self._found[key] = str(error)
        return self._found[key]

    def folder(self, path: str) -> str:
        if path not in self._found:
            self._found[path] = self._read(self._project / Path(path).expanduser())
        return self._found[path]

    def _read(self, path: Path) -> str:
        try:
            if path.is_file():
                return trees.read_file(path)
            return trees.read(path, ignore=("**/.imgc", "**/.git"), cache=self._cache).digest
        except OSError as error:
            return str(error)
