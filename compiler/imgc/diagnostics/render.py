"""Diagnostics as people and programs read them."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from imgc.diagnostics.diagnostic import Diagnostic, Severity
from imgc.diagnostics.span import Span
from imgc.patterns import lazy

_COLORS = {Severity.ERROR: "1;31", Severity.WARNING: "1;33", Severity.HINT: "1;36"}
_CREDENTIALS = lazy(r"(://)([^/@\s'\"]+)@")
"""What stands before the host in a URL: an excerpt never shows it."""
_LONGEST = 160  # columns of an excerpt; a longer line is shown around the place


def to_json(diagnostics: Sequence[Diagnostic]) -> str:
    """`check --format json`: 1-based lines and columns, columns in code points (schema: `imgc schema diagnostics`)."""
    return json.dumps(
        {"version": 1, "diagnostics": [as_data(d) for d in diagnostics]}, ensure_ascii=False, indent=2
    )


def as_data(diagnostic: Diagnostic) -> dict[str, object]:
    return {
        "file": diagnostic.span.file,
        **_range(diagnostic.span),
        "severity": diagnostic.severity.word,
        "code": diagnostic.code,
        "message": diagnostic.text,
        "fixes": [
            {"title": fix.title, "edits": [{**_range(edit.span), "text": edit.text} for edit in fix.edits]}
            for fix in diagnostic.fixes
        ],
        "related": [
            {
                "file": other.span.file,
                "line": other.span.place.line,
                "column": other.span.place.column,
                "message": other.message,
            }
            for other in diagnostic.related
        ],
    }


def _range(span: Span) -> dict[str, int]:
    (line, column), (end_line, end_column) = span.start, span.end
    return {"line": line + 1, "column": column + 1, "end_line": end_line + 1, "end_column": end_column + 1}


def pretty(
    diagnostics: Iterable[Diagnostic], sources: Mapping[str, Sequence[str]], color: bool = False
) -> str:
    """Each finding with its place, an excerpt with the range marked, the message and the help.

    `sources` holds the lines of the files, by the name that spans carry.
    """
    return "\n".join(_one(diagnostic, sources, color) for diagnostic in diagnostics)


def _one(diagnostic: Diagnostic, sources: Mapping[str, Sequence[str]], color: bool) -> str:
    paint = _painter(color)
    tint = _COLORS[diagnostic.severity]
    span = diagnostic.span
    lines = [
        f"{paint(tint, f'{diagnostic.severity.word}[{diagnostic.code}]')}{paint('1', ': ' + printable(diagnostic.message))}"
    ]
    lines.append(f"  {paint('34', '-->')} {span.place}")
    label = diagnostic.label or (diagnostic.fixes[0].title if diagnostic.fixes else "")
    lines += _excerpt(span, sources, printable(label), paint, tint)
    for related in diagnostic.related:
        lines.append(f"  {paint('34', 'note')}: {related.span.place}: {printable(related.message)}")
    return "\n".join(lines) + "\n"


def _excerpt(
    span: Span, sources: Mapping[str, Sequence[str]], label: str, paint: _Paint, tint: str
) -> list[str]:
    text = sources.get(span.file, ())
    number, column = span.start
    if number >= len(text):
        return [f"   = {label}"] if label else []
    end_line, end_column = span.end
    line = _CREDENTIALS.sub(lambda found: found[1] + "*" * len(found[2]) + "@", text[number])
    end = end_column if end_line == number else len(line.rstrip())
    end = max(min(end, len(line)), column + 1)
    first = max(0, min(column - 20, len(line) - _LONGEST)) if len(line) > _LONGEST else 0
    shown, end = line[first : first + _LONGEST], min(end, first + _LONGEST)
    gutter = f"{number + 1:>4} | "
    blank = " " * (len(gutter) - 2) + "| "
    marks = " " * width(line[first:column]) + paint(tint, "^" * max(1, width(line[column:end])))
    return [
        paint("34", gutter) + printable(shown),
        paint("34", blank) + marks + (" " + paint(tint, label) if label else ""),
    ]


class _Paint:
    def __init__(self, color: bool) -> None:
        self.color = color

    def __call__(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.color else text


def _painter(color: bool) -> _Paint:
    return _Paint(color)


def printable(text: str) -> str:
    """The text on one line, with nothing in it that a terminal would obey."""
    return "".join(
        " "
        if character in "\t\n\r"
        else "\ufffd"
        if unicodedata.category(character) in ("Cc", "Cs", "Cf")
        else character
        for character in text
    )


def width(text: str) -> int:
    """Columns that a terminal needs for the text."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def summary(diagnostics: Iterable[Diagnostic]) -> str:
    """`2 errors, 1 warning`; empty when there is nothing."""
    counts = dict.fromkeys(Severity, 0)
    for diagnostic in diagnostics:
        counts[diagnostic.severity] += 1
    return ", ".join(
        f"{count} {severity.word}{'s' * (count > 1)}" for severity, count in counts.items() if count
    )
