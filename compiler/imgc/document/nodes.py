"""The nodes of a YAML document, each with its span.

A closed set of three types. Treat them as immutable; they are plain slotted classes because a large
document has a hundred thousand of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from imgc.diagnostics import Span
from imgc.records import dataclass, field

Value: TypeAlias = bool | int | float | str | None


@dataclass(slots=True, eq=False)
class Scalar:
    """A scalar: its typed value (YAML 1.2 core schema), its text without quotes, its style
    (`'` `"` `|` `>` or empty for a plain one)."""

    value: Value
    text: str
    span: Span
    style: str = ""


@dataclass(slots=True, eq=False)
class Entry:
    """A key and its value."""

    key: Scalar
    value: Node

    @property
    def name(self) -> str:
        return self.key.text


@dataclass(slots=True, eq=False)
class Mapping:
    """A mapping; merge keys are already merged in, and of duplicate keys the first is kept."""

    entries: tuple[Entry, ...]
    span: Span
    flow: bool = False
    broken: bool = False
    """What stands here could not be read (and was reported); nothing is known of its keys."""
    _index: dict[str, Entry] | None = field(default=None, repr=False)

    def entry(self, name: str) -> Entry | None:
        if self._index is None:
            self._index = {entry.name: entry for entry in self.entries}
        return self._index.get(name)

    def get(self, name: str) -> Node | None:
        entry = self.entry(name)
        return entry.value if entry else None

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)


@dataclass(slots=True, eq=False)
class Sequence:
    """A sequence."""

    items: tuple[Node, ...]
    span: Span
    flow: bool = False

    def __iter__(self) -> Iterator[Node]:
        return iter(self.items)


Node: TypeAlias = Scalar | Mapping | Sequence


def plain(node: Node) -> object:
    """The node as plain Python data: dict, list, str, int, float, bool, None."""
    match node:
        case Scalar():
            return node.value
        case Sequence():
            return [plain(item) for item in node.items]
        case Mapping():
            return {entry.name: plain(entry.value) for entry in node.entries}
