"""Spans, edits and diagnostics of the compiler as the protocol has them, and positions back."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lsprotocol import types as lsp
from pygls.uris import from_fs_path, to_fs_path

from imgc.diagnostics import Diagnostic, Edit, Severity, Span
from imgc_lsp.positions import to_column, to_units
from imgc_lsp.snapshot import Snapshot

SOURCE = "imgc"
_SEVERITY = {
    Severity.ERROR: lsp.DiagnosticSeverity.Error,
    Severity.WARNING: lsp.DiagnosticSeverity.Warning,
    Severity.HINT: lsp.DiagnosticSeverity.Hint,
}
_UNUSED = (
    "unused-name", "unused-argument", "docker-unused", "duplicate-package", "duplicate-requirement",
)  # fmt: skip
_TAGS = {code: [lsp.DiagnosticTag.Unnecessary] for code in _UNUSED} | {
    "foreign-key": [lsp.DiagnosticTag.Deprecated]  # it has another name here
}


def position(snapshot: Snapshot, line: int, column: int) -> lsp.Position:
    """A 0-based line and column (code points) as a protocol position."""
    lines = snapshot.lines
    if line >= len(lines):
        line = max(len(lines) - 1, 0)
        column = len(lines[line]) if lines else 0
    units = to_units(snapshot.line(line), column, snapshot.encoding)
    if snapshot.bom and line == 0:
        units += to_units("\ufeff", 1, snapshot.encoding)
    return lsp.Position(max(line, 0), units)


def range_of(snapshot: Snapshot, start: tuple[int, int], end: tuple[int, int]) -> lsp.Range:
    return lsp.Range(position(snapshot, *start), position(snapshot, *end))


def to_range(snapshot: Snapshot, span: Span) -> lsp.Range:
    return range_of(snapshot, span.start, span.end)


def from_position(snapshot: Snapshot, place: lsp.Position) -> tuple[int, int]:
    """Line and column (code points), inside the document whatever the client sent."""
    line = min(max(place.line, 0), max(len(snapshot.lines) - 1, 0))
    if place.line > line:
        return line, len(snapshot.line(line))
    units = place.character
    if snapshot.bom and line == 0:
        units -= to_units("\ufeff", 1, snapshot.encoding)
    return line, to_column(snapshot.line(line), units, snapshot.encoding)


def to_location(snapshot: Snapshot, span: Span) -> lsp.Location:
    return lsp.Location(snapshot.uri, to_range(snapshot, span))


def to_edit(snapshot: Snapshot, edit: Edit) -> lsp.TextEdit:
    return lsp.TextEdit(to_range(snapshot, edit.span), edit.text)


def to_diagnostic(snapshot: Snapshot, diagnostic: Diagnostic) -> lsp.Diagnostic:
    related = [
        lsp.DiagnosticRelatedInformation(_location_of(snapshot, other.span), other.message)
        for other in diagnostic.related
    ]
    return lsp.Diagnostic(
        range=_range_anywhere(snapshot, diagnostic.span),
        message=diagnostic.text,
        severity=_SEVERITY[diagnostic.severity],
        code=diagnostic.code,
        source=SOURCE,
        related_information=related or None,
        tags=_TAGS.get(diagnostic.code),
    )


def own(snapshot: Snapshot, span: Span) -> bool:
    """Whether a span lies in the document itself, and not in a file beside it."""
    return span.file == snapshot.document.file


def file_uri(snapshot: Snapshot, file: str) -> str:
    """The URI of a file that a span names (relative to the document's folder)."""
    if file == snapshot.document.file:
        return snapshot.uri
    return from_fs_path(str(snapshot.directory / file)) or snapshot.uri


def _location_of(snapshot: Snapshot, span: Span) -> lsp.Location:
    return lsp.Location(file_uri(snapshot, span.file), _range_anywhere(snapshot, span))


def _range_anywhere(snapshot: Snapshot, span: Span) -> lsp.Range:
    if own(snapshot, span):
        return to_range(snapshot, span)
    start, end = span.start, span.end  # the text of other files is not at hand: code points are near enough
    return lsp.Range(lsp.Position(*start), lsp.Position(*end))


def text_edits(snapshot: Snapshot, edits: Iterable[Edit]) -> lsp.WorkspaceEdit:
    return lsp.WorkspaceEdit(changes={snapshot.uri: [to_edit(snapshot, edit) for edit in edits]})


def path_of(uri: str) -> Path:
    """A path for a URI; of a document that is in no file, a name in the current folder."""
    path = to_fs_path(uri) if urlsplit(uri).scheme == "file" else None
    return Path(path) if path else Path.cwd() / (Path(unquote(urlsplit(uri).path)).name or "pipeline.yaml")


def markdown(text: str) -> lsp.MarkupContent:
    return lsp.MarkupContent(lsp.MarkupKind.Markdown, text)
