"""The structure check, entry by entry: what is known of an entry whose nodes are the same objects is kept.

`imgc.document` gives the same nodes for unchanged text, so that a keystroke costs the check of one entry.
The findings are those of `check` on the whole document.
"""

from __future__ import annotations

from dataclasses import dataclass

from imgc.checks.structure import Use, check
from imgc.diagnostics import Diagnostic
from imgc.document.nodes import Entry, Mapping, Node

_GROUPS = ("serial", "parallel")


@dataclass(frozen=True, slots=True)
class Checked:
    diagnostics: tuple[Diagnostic, ...]
    uses: tuple[Use, ...]


class StructureCheck:
    """Keeps the results of the last check."""

    def __init__(self) -> None:
        self.known: dict[Node, Checked] = {}
        self.seen: dict[Node, Checked] = {}

    def check(self, root: Mapping) -> Checked:
        if root.broken:
            return Checked((), ())
        self.seen = {}
        parts: list[Checked] = []
        outline: list[Entry] = []
        for entry in root.entries:
            if entry.name == "images" and isinstance(entry.value, Mapping) and not entry.value.broken:
                outline.append(_hollow(entry))
                parts.extend(self.part(image, "imageValue") for image in entry.value.entries)
            elif entry.name == "pipeline":
                outline.append(Entry(entry.key, _unread(entry.value)))
                parts.append(self.node(entry))
            else:
                outline.append(entry)
        top = _checked(Mapping(tuple(outline), root.span, root.flow), "", None)
        self.known = self.seen
        return _joined([top, *parts])

    def part(self, entry: Entry, definition: str) -> Checked:
        found = self.known.get(entry.value)
        if found is None:
            found = _checked(entry.value, definition, entry)
        self.seen[entry.value] = found
        return found

    def node(self, entry: Entry) -> Checked:
        """A node of the tree without its children, and the children each as a part. The same node has the
        same
        children, so that one look-up answers for all of them."""
        node = entry.value
        if not isinstance(node, Mapping) or not any(
            isinstance(node.get(group), Mapping) for group in _GROUPS
        ):
            return self.part(entry, "nodeValue")
        found = self.known.get(node)
        if found is None:
            hollow = tuple(_hollow(inner) if inner.name in _GROUPS else inner for inner in node.entries)
            own = _checked(Mapping(hollow, node.span, node.flow), "nodeValue", Entry(entry.key, node))
            children = [
                child for inner in node.entries if inner.name in _GROUPS for child in _children(inner)
            ]
            found = _joined([own, *(self.node(child) for child in children)])
        self.seen[node] = found
        return found


def _children(entry: Entry) -> tuple[Entry, ...]:
    return entry.value.entries if isinstance(entry.value, Mapping) else ()


def _checked(node: Node, definition: str, key: Entry | None) -> Checked:
    found: list[Diagnostic] = []
    if key is not None and key.value is not node:
        key = Entry(key.key, node)
    uses = check(node, found.append, definition, key)
    return Checked(tuple(found), tuple(uses))


def _hollow(entry: Entry) -> Entry:
    """A mapping with its names and nothing behind them: a broken value is not looked at."""
    value = entry.value
    if not isinstance(value, Mapping) or value.broken:
        return entry
    inner = tuple(Entry(child.key, _unread(child.value)) for child in value.entries)
    return Entry(entry.key, Mapping(inner, value.span, value.flow))


def _unread(node: Node) -> Mapping:
    return Mapping((), node.span, broken=True)


def _joined(parts: list[Checked]) -> Checked:
    if len(parts) == 1:
        return parts[0]
    return Checked(
        tuple(diagnostic for part in parts for diagnostic in part.diagnostics),
        tuple(use for part in parts for use in part.uses),
    )
