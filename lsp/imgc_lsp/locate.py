"""What stands at a position of a parsed document: its path, its entry, its node."""

from __future__ import annotations

import re
from dataclasses import dataclass

from imgc.document.cursor import Cursor, Path, cursor_at
from imgc.document.expressions import Expression, find
from imgc.document.nodes import Entry, Node, Scalar
from imgc.document.paths import entry_at, node_at
from imgc_lsp.snapshot import Snapshot

_WORD = re.compile(r"\$\{\{.*?\}\}")


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a document. `path` includes the key when `on_key`; `entry` and `node` are None where the
    text
    does not parse."""

    cursor: Cursor
    path: Path
    on_key: bool
    entry: Entry | None
    node: Node | None


def spot_at(snapshot: Snapshot, line: int, column: int) -> Spot:
    cursor = cursor_at(snapshot.lines, line, column)
    path = cursor.path
    on_key = cursor.where == "key" or (cursor.where == "either" and cursor.colon)
    if on_key:
        word = snapshot.line(line)[cursor.start : cursor.end].strip("'\"")
        path = (*path, word)
    entry = entry_at(snapshot.root, path)
    node = entry.value if entry is not None else node_at(snapshot.root, path)
    return Spot(cursor, path, on_key, entry, node)


def expression_at(snapshot: Snapshot, line: int, column: int) -> tuple[Expression, int, int] | None:
    """The expression at a position, with its columns."""
    for match in _WORD.finditer(snapshot.line(line)):
        if match.start() <= column <= match.end():
            found, _ = find(match[0])
            if found:
                return found[0], match.start(), match.end()
    return None


def scalar_at(spot: Spot) -> Scalar | None:
    """The scalar value at a spot (not a key)."""
    return spot.node if not spot.on_key and isinstance(spot.node, Scalar) else None
