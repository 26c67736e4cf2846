"""Every place where a document declares or uses a name, for navigation and rename."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from imgc.diagnostics import Origin, Span
from imgc.document.expressions import place
from imgc.document.nodes import Scalar
from imgc.model.pipeline import entries
from imgc_lsp.snapshot import SECTION_OF, Snapshot

SECTION_KIND = {section: kind for kind, section in SECTION_OF.items()}
_EXPRESSION = re.compile(r"\$\{\{\s*(params|matrix)\.([A-Za-z_][A-Za-z0-9_-]*)")


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A name at a place. `kind` is that of `SECTION_OF`, or node, or matrix; `name` the whole name: of a node
    its path, of a matrix key `NODE:KEY`. `declares`: this is where it is made."""

    kind: str
    name: str
    span: Span
    declares: bool = False

    @property
    def word(self) -> str:
        return self.name.rpartition("/" if self.kind == "node" else ":")[2]


def occurrences(snapshot: Snapshot) -> list[Occurrence]:
    """All of a document, in no order."""
    found = list(_declared(snapshot))
    found += _used(snapshot)
    found += _in_expressions(snapshot)
    return found


def occurrence_at(found: list[Occurrence], line: int, column: int) -> Occurrence | None:
    """The occurrence at a position; the shortest where several are."""
    here = [each for each in found if each.span.start <= (line, column) <= each.span.end]
    return min(here, key=lambda each: each.span.end_column - each.span.column, default=None)


def same(found: list[Occurrence], wanted: Occurrence) -> list[Occurrence]:
    """All places of a name, in the order of the document."""
    matching = [each for each in found if (each.kind, each.name) == (wanted.kind, wanted.name)]
    return sorted(matching, key=lambda each: each.span.start)


def inner(scalar: Scalar) -> Span:
    """The span of a scalar's text, without its quotes."""
    return place(scalar, 0, len(scalar.text))


def _declared(snapshot: Snapshot) -> Iterator[Occurrence]:
    for section, kind in SECTION_KIND.items():
        for name, key in snapshot.names.of(section).items():
            yield Occurrence(kind, name, inner(key), True)
    for path, node in snapshot.nodes.items():
        if path:
            yield Occurrence("node", path, node.span, True)
        for entry in entries(node.get("matrix")):
            yield Occurrence("matrix", f"{path}:{entry.name}", inner(entry.key), True)


def _used(snapshot: Snapshot) -> Iterator[Occurrence]:
    for use in snapshot.uses:
        if use.kind == "node":
            yield from _node_use(snapshot, use.node)
        elif use.kind in SECTION_OF and use.node.text in snapshot.names.of(SECTION_OF[use.kind]):
            yield Occurrence(use.kind, use.node.text, inner(use.node))


def _node_use(snapshot: Snapshot, scalar: Scalar) -> Iterator[Occurrence]:
    """A name in `needs` or `input`: of a sibling, or each step of a path from the root."""
    own = _around(snapshot, scalar.span)
    parent = own.rpartition("/")[0] if own else ""
    sibling = f"{parent}/{scalar.text}" if parent else scalar.text
    if sibling in snapshot.nodes and "/" not in scalar.text:
        yield Occurrence("node", sibling, inner(scalar))
        return
    text = scalar.text
    start = len(text) - len(text.lstrip("/"))
    path = ""
    for step in text.strip("/").split("/"):
        path = f"{path}/{step}" if path else step
        if path not in snapshot.nodes:
            return
        yield Occurrence("node", path, place(scalar, start, start + len(step)))
        start += len(step) + 1


def _around(snapshot: Snapshot, span: Span) -> str:
    """The path of the innermost node whose value holds a place."""
    found = ""
    for path, node in snapshot.nodes.items():
        if node.span.start <= span.start <= node.value.span.end:
            found = path
    return found


def _in_expressions(snapshot: Snapshot) -> Iterator[Occurrence]:
    whole = Origin(snapshot.document.file)
    for number, line in enumerate(snapshot.lines):
        if "${{" not in line:
            continue
        for match in _EXPRESSION.finditer(line):
            span = Span(whole, number, match.start(2), number, match.end(2))
            if match[1] == "params":
                if match[2] in snapshot.names.of("params"):
                    yield Occurrence("param", match[2], span)
                continue
            path = _around(snapshot, span)
            owner = _matrix_owner(snapshot, path, match[2])
            if owner is not None:
                yield Occurrence("matrix", f"{owner}:{match[2]}", span)


def _matrix_owner(snapshot: Snapshot, path: str, name: str) -> str | None:
    """The nearest node, itself or above, whose matrix has a key."""
    while True:
        node = snapshot.nodes.get(path)
        if node is not None and any(entry.name == name for entry in entries(node.get("matrix"))):
            return path
        if not path:
            return None
        path = path.rpartition("/")[0]
