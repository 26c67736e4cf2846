"""The tree of nodes as the file has it."""

from __future__ import annotations

from collections.abc import Iterator

from imgc.diagnostics import Span
from imgc.document.nodes import Entry, Mapping, Node, Scalar
from imgc.records import dataclass

KINDS = ("run", "call", "lazy", "serial", "parallel")


@dataclass(frozen=True, slots=True)
class TreeNode:
    """One node. `span` is its name's place (of the root: the `pipeline` key); `kind` is one of KINDS, or
    "" when none is written; a node that is just a string is `run`. `settings` are its keys."""

    name: str
    span: Span
    value: Node
    kind: str
    settings: Mapping
    children: tuple[TreeNode, ...] = ()

    def get(self, key: str) -> Node | None:
        return self.settings.get(key)

    def entry(self, key: str) -> Entry | None:
        return self.settings.entry(key)

    def walk(self) -> Iterator[TreeNode]:
        """The node and all below it, in file order."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(node.children))


def read_tree(entry: Entry, name: str | None = None) -> TreeNode:
    """A node from its entry; `name` when the key is not its name (the root)."""
    value = entry.value
    name = entry.name if name is None else name
    if isinstance(value, Scalar):
        run = Scalar("run", "run", entry.key.span)
        settings = (
            Mapping((Entry(run, value),), value.span)
            if isinstance(value.value, str)
            else Mapping((), value.span, broken=True)
        )
        return TreeNode(name, entry.key.span, value, "run", settings)
    if not isinstance(value, Mapping):
        return TreeNode(name, entry.key.span, value, "", Mapping((), value.span, broken=True))
    kind = next((key for key in KINDS if value.entry(key)), "")
    group = value.get(kind) if kind in ("serial", "parallel") else None
    children = tuple(read_tree(child) for child in group.entries) if isinstance(group, Mapping) else ()
    return TreeNode(name, entry.key.span, value, kind, value, children)
