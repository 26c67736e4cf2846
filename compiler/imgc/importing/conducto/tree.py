"""The tree of nodes, from the order in which a program makes them and puts them into one another."""

from __future__ import annotations

from collections.abc import Iterator

from imgc.importing.python.values import Call, Event, Member, Part, Value, is_plain
from imgc.records import dataclass, field

KINDS = frozenset({"Exec", "Serial", "Parallel", "Lazy", "lazy_py", "Notebook"})


@dataclass(slots=True, eq=False)
class Node:
    """A node with its children, by name. `extra` is what is set or asked of it after it is made."""

    call: Call
    kind: str
    children: dict[str, Node] = field(default_factory=dict)
    extra: list[Event] = field(default_factory=list)
    unclear: list[Event] = field(default_factory=list)
    """Children whose name or node is not known, or whose name is taken."""
    parent: Node | None = None


class Tree:
    def __init__(self, events: list[Event]) -> None:
        self.nodes: dict[int, Node] = {}
        self.images: list[Value] = []
        for event in events:
            self._take(event)

    def _take(self, event: Event) -> None:
        if event.kind == "item":
            parent = self.find(event.target)
            if parent is not None:
                self._put(parent, event)
        elif event.kind == "attribute":
            node = self.find(event.target)
            if node is not None:
                node.extra.append(event)
        elif event.kind == "call":
            self._called(event)

    def _called(self, event: Event) -> None:
        call = event.target
        if isinstance(call.function, Member):
            node = self.find(call.function.of)
            if node is None:
                return
            if call.function.name == "register_image":
                self.images += [*call.args, *call.named.values()]
            else:
                node.extra.append(event)
            return
        kind = call.name.rsplit(".", 1)[-1]
        if not call.name.startswith("conducto.") or kind not in KINDS:
            return
        self.nodes[id(call)] = Node(call, kind)
        above = self.find(call.inside) if call.inside is not None else None
        if above is not None and call.named.get("name") is not None:
            self._put(above, Event("item", call.inside, call.named["name"], call, call.line))

    def _put(self, parent: Node, event: Event) -> None:
        node = self.find(event.value)
        names = _names(event.key)
        for name in names[:-1]:
            inner = parent.children.get(name)
            if inner is None:
                names = []
                break
            parent = inner
        if (
            node is None
            or not names
            or not names[-1]
            or names[-1] in parent.children
            or self._is_above(node, parent)
        ):
            parent.unclear.append(event)
            return
        parent.children[names[-1]] = node
        node.parent = parent

    def _is_above(self, node: Node, parent: Node | None) -> bool:
        while parent is not None:
            if parent is node:
                return True
            parent = parent.parent
        return node.parent is not None

    def find(self, value: Value) -> Node | None:
        """The node that a value is: the call that made it, or `node["a/b"]`."""
        keys: list[Value] = []
        while isinstance(value, Part):
            keys.append(value.key)
            value = value.of
        node = self.nodes.get(id(value)) if isinstance(value, Call) else None
        for key in reversed(keys):
            if node is None or not is_plain(key):
                return None
            for name in _names(str(key)):
                node = node.children.get(name) if node is not None else None
        return node

    def roots(self) -> Iterator[Node]:
        """Nodes in no other node, those with children first."""
        alone = [node for node in self.nodes.values() if node.parent is None]
        yield from sorted(alone, key=lambda node: not node.children)

    def registered(self) -> list[Value]:
        return self.images


def _names(path: Value) -> list[str]:
    """The names of a path; `/a/b` is the same as `a/b`."""
    return [name for name in path.split("/") if name] if isinstance(path, str) else []
