"""Where something stands in the tree of a document, by keys and numbers of items: what stays true when lines move."""

from __future__ import annotations

from collections.abc import Iterator

from imgc.diagnostics import Span
from imgc.document.cursor import Path
from imgc.document.nodes import Entry, Mapping, Node, Scalar, Sequence


def node_at(root: Node, path: Path) -> Node | None:
    """The node at a path; None when there is none."""
    node: Node | None = root
    for step in path:
        if isinstance(step, int):
            node = node.items[step] if isinstance(node, Sequence) and step < len(node.items) else None
        else:
            node = node.get(step) if isinstance(node, Mapping) else None
        if node is None:
            return None
    return node


def entry_at(root: Node, path: Path) -> Entry | None:
    """The entry whose key ends a path."""
    if not path or isinstance(path[-1], int):
        return None
    parent = node_at(root, path[:-1])
    return parent.entry(path[-1]) if isinstance(parent, Mapping) else None


def path_of(root: Node, start: tuple[int, int]) -> Path | None:
    """The path of the key or item that begins at a place (0-based line and column); None when none does."""
    return next((path for path, span in _places(root, ()) if span.start == start), None)


def _places(node: Node, path: Path) -> Iterator[tuple[Path, Span]]:
    if isinstance(node, Mapping):
        for entry in node.entries:
            yield (*path, entry.name), entry.key.span
            yield from _places(entry.value, (*path, entry.name))
    elif isinstance(node, Sequence):
        for number, item in enumerate(node.items):
            yield (*path, number), item.span
            yield from _places(item, (*path, number))


def span_at(root: Node, path: Path, text: str = "") -> tuple[int, Span | None]:
    """How many steps of a path there are, and the place of the last of them. An item that was `text` is
    found by that first, so that it may move in its list."""
    node: Node | None = root
    span: Span | None = None
    for number, step in enumerate(path):
        if isinstance(step, int):
            item = _item(node, step, text if number == len(path) - 1 else "")
            if item is None:
                return number, span
            node, span = item, item.span
        else:
            entry = node.entry(step) if isinstance(node, Mapping) else None
            if entry is None:
                return number, span
            node, span = entry.value, entry.key.span
    return len(path), span


def _item(node: Node | None, number: int, text: str) -> Node | None:
    items = node.items if isinstance(node, Sequence) else ()
    same = [n for n, item in enumerate(items) if text and isinstance(item, Scalar) and item.text == text]
    if same:
        number = min(same, key=lambda other: abs(other - number))
    return items[number] if number < len(items) else None
