"""Which leaves each leaf waits for: the tree's order, `needs` and skipped nodes worked out to plain edges."""

from __future__ import annotations

from collections.abc import Iterable

from imgc.targets.subject import Data, Subject


def waits(subject: Subject) -> dict[str, list[str]]:
    """Leaf -> the leaves that must have succeeded before it starts, both by path and in tree order.

    That holds where every serial group stops at an error and every node wants success. A wait that follows from
    another of the same leaf is left out where that takes one step to see.
    """
    return _Edges(subject).all()


class _Edges:
    def __init__(self, subject: Subject) -> None:
        self.nodes: dict[str, Data] = {node["path"]: node for node in subject.plan["nodes"]}
        self.children: dict[str, list[str]] = {}
        for path, node in self.nodes.items():
            if node["parent"] is not None:
                self.children.setdefault(node["parent"], []).append(path)
        self.order = {path: number for number, path in enumerate(self.nodes)}
        self.leaves = [leaf["path"] for leaf in subject.leaves]
        self._before: dict[str, frozenset[str]] = {}
        self._ends: dict[str, frozenset[str]] = {}

    def all(self) -> dict[str, list[str]]:
        found = {path: self.before(path) for path in self.leaves}
        return {path: self.sorted(self.without_implied(before, found)) for path, before in found.items()}

    def before(self, path: str) -> frozenset[str]:
        """The leaves that end before a node starts."""
        if path not in self._before:
            node = self.nodes[path]
            outer = frozenset() if node["parent"] is None else self.before(node["parent"])
            self._before[path] = outer.union(*(self.ends(after) for after in node["after"]))
        return self._before[path]

    def ends(self, path: str) -> frozenset[str]:
        """The leaves whose success says that a node has ended well. What is skipped ends when its turn comes."""
        if path not in self._ends:
            node = self.nodes[path]
            children = self.children.get(path, [])
            if node["skip"] or (node["kind"] in ("serial", "parallel") and not children):
                made = self.before(path)
            elif node["kind"] == "serial":
                made = self.ends(children[-1])
            elif node["kind"] == "parallel":
                made = frozenset().union(*(self.ends(child) for child in children))
            else:
                made = frozenset({path})
            self._ends[path] = made
        return self._ends[path]

    def without_implied(self, before: frozenset[str], found: dict[str, frozenset[str]]) -> Iterable[str]:
        implied = frozenset().union(*(found[path] for path in before)) if len(before) > 1 else frozenset()
        return before - implied

    def sorted(self, paths: Iterable[str]) -> list[str]:
        return sorted(paths, key=self.order.__getitem__)
