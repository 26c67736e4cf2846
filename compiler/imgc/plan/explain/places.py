"""What a line of the file is part of: its keys from the outside in, and the nodes that it says something of."""

from __future__ import annotations

from imgc.document.nodes import Entry, Mapping, Node, Sequence
from imgc.model.pipeline import entries
from imgc.plan.explain.view import View


def keys_at(root: Node, line: int) -> list[Entry]:
    """The entries around a line (1-based), outermost first."""
    found: list[Entry] = []
    node: Node | None = root
    while node is not None:
        inner = _inside(node, line)
        node = None
        if isinstance(inner, Entry):
            found.append(inner)
            node = inner.value
        elif inner is not None:
            node = inner
    return found


def _inside(node: Node, line: int) -> Entry | Node | None:
    if isinstance(node, Mapping):
        return next((entry for entry in reversed(node.entries) if _holds(entry, line)), None)
    if isinstance(node, Sequence):
        return next((item for item in node.items if item.span.start[0] < line <= item.span.end[0] + 1), None)
    return None


def _holds(entry: Entry, line: int) -> bool:
    return entry.key.span.start[0] < line <= max(entry.value.span.end[0], entry.key.span.start[0]) + 1


def lines_of(entry: Entry) -> tuple[int, int]:
    """First and last line (1-based) of an entry."""
    return entry.key.span.start[0] + 1, max(entry.value.span.end[0], entry.key.span.start[0]) + 1


def nodes_at(view: View, first: int, last: int) -> list[str]:
    """The leaves with a setting, or with their own place, on some lines."""
    found = []
    for path, node in view.resolved.nodes.items():
        places = [node.span, *(entry.key.span for entry in node.own.entries)]
        for setting in node.settings.values() if node.leaf else ():
            places.append(setting.span)
            # `env` is merged, so its variables come from several places.
            places += [entry.key.span for entry in entries(setting.node)]
        if any(first <= span.place.line <= last for span in places):
            found.append(path)
    return found
