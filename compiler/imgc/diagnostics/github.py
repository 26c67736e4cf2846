"""Diagnostics as workflow commands of GitHub Actions: each becomes an annotation at its line."""

from __future__ import annotations

from collections.abc import Iterable

from imgc.diagnostics.diagnostic import Diagnostic, Severity

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.HINT: "notice"}


def to_github(diagnostics: Iterable[Diagnostic], folder: str = "") -> str:
    """One command a line. `folder` is where file names start from, relative to the repository."""
    return "".join(f"{_command(diagnostic, folder)}\n" for diagnostic in diagnostics)


def _command(diagnostic: Diagnostic, folder: str) -> str:
    span = diagnostic.span
    (line, column), (end_line, end_column) = span.start, span.end
    properties = {
        "file": f"{folder}/{span.file}" if folder else span.file,
        "line": str(line + 1),
        "endLine": str(end_line + 1),
        "title": diagnostic.code,
    }
    if line == end_line:  # GitHub takes columns for ranges of one line only
        properties |= {"col": str(column + 1), "endColumn": str(end_column + 1)}
    written = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{_COMMANDS[diagnostic.severity]} {written}::{_data(diagnostic.text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
