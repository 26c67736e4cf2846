"""Definition, references, highlight and rename of the names of a document."""

from __future__ import annotations

import re

from lsprotocol import types as lsp

from imgc.diagnostics import Origin, Span
from imgc.document.nodes import Mapping
from imgc.model.pipeline import text as text_of
from imgc_lsp import convert, insertion, paths
from imgc_lsp.features.candidates import node_path
from imgc_lsp.locate import scalar_at, spot_at
from imgc_lsp.occurrences import Occurrence, occurrence_at, occurrences, same
from imgc_lsp.schema import forms, forms_at, general, property_at
from imgc_lsp.snapshot import SECTION_OF, Snapshot

_ALIAS = re.compile(r"\*([^\s,\[\]{}]+)")


class Refused(ValueError):
    """A rename that cannot be done; the message says why."""


def definition(snapshot: Snapshot, place: lsp.Position) -> list[lsp.Location]:
    line, column = convert.from_position(snapshot, place)
    found = occurrences(snapshot)
    wanted = occurrence_at(found, line, column)
    if wanted is not None:
        return [convert.to_location(snapshot, each.span) for each in same(found, wanted) if each.declares]
    for match in _ALIAS.finditer(snapshot.line(line)):
        if match.start() <= column <= match.end():
            return _anchor(snapshot, match[1], line)
    return _file(snapshot, line, column)


def references(snapshot: Snapshot, place: lsp.Position, declaration: bool) -> list[lsp.Location]:
    found = _around(snapshot, place)
    return [convert.to_location(snapshot, each.span) for each in found if declaration or not each.declares]


def highlight(snapshot: Snapshot, place: lsp.Position) -> list[lsp.DocumentHighlight]:
    kinds = {True: lsp.DocumentHighlightKind.Write, False: lsp.DocumentHighlightKind.Read}
    return [
        lsp.DocumentHighlight(convert.to_range(snapshot, each.span), kinds[each.declares])
        for each in _around(snapshot, place)
    ]


def _around(snapshot: Snapshot, place: lsp.Position) -> list[Occurrence]:
    """All places of the name at a position."""
    found = occurrences(snapshot)
    wanted = occurrence_at(found, *convert.from_position(snapshot, place))
    return same(found, wanted) if wanted is not None else []


# Rename


def prepare_rename(snapshot: Snapshot, place: lsp.Position) -> lsp.PrepareRenamePlaceholder | None:
    wanted = occurrence_at(occurrences(snapshot), *convert.from_position(snapshot, place))
    if wanted is None:
        return None
    return lsp.PrepareRenamePlaceholder(convert.to_range(snapshot, wanted.span), wanted.word)


def rename(snapshot: Snapshot, place: lsp.Position, new: str) -> lsp.WorkspaceEdit | None:
    """The edits that give a name another one, wherever it stands. Raises Refused where that would break
    the file."""
    found = occurrences(snapshot)
    wanted = occurrence_at(found, *convert.from_position(snapshot, place))
    if wanted is None:
        return None
    _check_name(snapshot, wanted, new)
    edits = [_edit(snapshot, each, new) for each in same(found, wanted)]
    return lsp.WorkspaceEdit(changes={snapshot.uri: edits})


def _edit(snapshot: Snapshot, each: Occurrence, new: str) -> lsp.TextEdit:
    """Written so that it stays one name: in quotes where the place has none and the name needs them."""
    (line, start), (_, end) = each.span.start, each.span.end
    text = snapshot.line(line)
    in_expression = "${{" in text[:start]
    quote = (
        text[start - 1]
        if start and text[start - 1] in "'\"" and text[end : end + 1] == text[start - 1]
        else ""
    )
    part = each.kind == "node" and ("/" in (text[start - 1 : start], text[end : end + 1]))
    written = new if in_expression or part else insertion.quoted(new, quote)
    return lsp.TextEdit(convert.to_range(snapshot, each.span), written)


def _check_name(snapshot: Snapshot, wanted: Occurrence, new: str) -> None:
    pattern, expected = _names_of(wanted)
    if not new or (pattern and not re.search(pattern, new, re.ASCII)):
        raise Refused(f"'{new}' cannot be a name here: expected {expected}")
    taken = {each.name for each in occurrences(snapshot) if each.kind == wanted.kind and each.declares}
    if wanted.name[: len(wanted.name) - len(wanted.word)] + new in taken - {wanted.name}:
        raise Refused(f"there is already a {wanted.kind.removesuffix('-name')} called '{new}'")


def _names_of(wanted: Occurrence) -> tuple[str, str]:
    """The pattern of a name's kind, and what it expects in words."""
    path: tuple[str | int, ...] = (SECTION_OF.get(wanted.kind, ""),)
    if wanted.kind == "node":
        path = ("pipeline", "serial")
    elif wanted.kind == "matrix":
        path = ("pipeline", "matrix")
    for form in forms_at(path):
        for names in forms(form.schema.get("propertyNames", {})):
            if "pattern" in names.schema:
                return str(names.schema["pattern"]), str(names.schema.get("x-expects", "another name"))
    return "", "a name"


# Files


def _file(snapshot: Snapshot, line: int, column: int) -> list[lsp.Location]:
    """The file that a path names, or the function that a `call` names in its file."""
    spot = spot_at(snapshot, line, column)
    scalar = scalar_at(spot)
    if scalar is None or not scalar.text:
        return []
    start = lsp.Range(lsp.Position(0, 0), lsp.Position(0, 0))
    schema = property_at(general(spot.path))
    kinds = [str(form.schema.get("x-kind", "")) for form in forms(schema)] if schema else []
    if any(kind.startswith("path") for kind in kinds):
        target = snapshot.directory / scalar.text
        return [lsp.Location(target.as_uri(), start)] if target.is_file() else []
    if spot.path[-2:] == ("call", "function"):
        node = snapshot.nodes.get(node_path(spot.path))
        call = node.get("call") if node else None
        file = text_of(call.get("file")) if isinstance(call, Mapping) else ""
        source = paths.read_small(snapshot.directory, file) if file else None
        if source is not None:
            match = re.search(rf"^(?:async\s+)?def\s+({re.escape(scalar.text)})\b", source, re.MULTILINE)
            at = lsp.Position(source[: match.start(1)].count("\n") if match else 0, 0)
            return [lsp.Location((snapshot.directory / file).as_uri(), lsp.Range(at, at))]
    return []


def _anchor(snapshot: Snapshot, name: str, before: int) -> list[lsp.Location]:
    """The last anchor of a name above a line."""
    pattern = re.compile(rf"&{re.escape(name)}(?=[\s,\]}}]|\Z)")
    for number in range(before, -1, -1):
        match = pattern.search(snapshot.line(number))
        if match:
            span = Span(Origin(snapshot.document.file), number, match.start(), number, match.end())
            return [convert.to_location(snapshot, span)]
    return []
