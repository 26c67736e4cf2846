"""What one line of block YAML begins: items (`- `) and a key, each with its column. No parser, so it
cannot fail."""

from __future__ import annotations

import re

from imgc.patterns import lazy
from imgc.records import dataclass

KEY = lazy(
    r"""(?:"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>(?:[^']|'')*)'"""
    r"""|(?P<plain>(?:[^\s\-?:'"\[\]{},\#&*!|>%@`]|[-?:](?=[^\s,\[\]{}]))(?:[^:\#]|:(?=\S)|(?<=\S)\#)*?))"""
    r"""[ \t]*:(?=\s|\Z)""",
    re.VERBOSE,
)
BLOCK_SCALAR = lazy(r"(?:[&!]\S+\s+)*[|>][-+0-9]{0,2}\s*(?:#.*)?\Z")
PROPERTIES = lazy(r"(?:[&!]\S*\s*)*(?:#.*)?\Z")


@dataclass(frozen=True, slots=True)
class Mark:
    """An item (`key` is None) or a key at a column. `end` is where a key's text ends, `value` where what
    belongs to the mark begins (spaces skipped, but not beyond the end of the line)."""

    column: int
    key: str | None
    end: int
    value: int


def marks(line: str) -> tuple[list[Mark], int]:
    """The marks of a line, left to right, and the column where its content begins."""
    column = indent(line)
    found: list[Mark] = []
    while line.startswith("-", column) and (column + 1 == len(line) or line[column + 1] in " \t"):
        inner = _skip(line, column + 1)
        found.append(Mark(column, None, column + 1, inner))
        column = inner
    match = KEY.match(line, column) if column < len(line) else None
    if match:
        name = match["plain"]
        if name is None:
            name = match["single"].replace("''", "'") if match["single"] is not None else match["double"]
        colon = match.end() - 1
        text_end = column + len(line[column:colon].rstrip())
        found.append(Mark(column, name, text_end, _skip(line, colon + 1)))
    return found, column


def indent(line: str) -> int:
    """The column of the first character that is no space or tab."""
    return len(line) - len(line.lstrip(" \t"))


def blank(line: str) -> bool:
    """Whether a line holds nothing, or only a comment."""
    body = line.lstrip(" \t")
    return not body or body[0] == "#"


def comment_start(line: str) -> int:
    """The column of the `#` that begins a comment; the length of the line when there is none."""
    quote = ""
    column = 0
    while column < len(line):
        character = line[column]
        if quote:
            if character == "\\" and quote == '"':
                column += 1
            elif character == quote:
                quote = ""
        elif character == "#" and (column == 0 or line[column - 1] in " \t"):
            return column
        elif character in "'\"" and (column == 0 or line[column - 1] in " \t[{,:"):
            quote = character
        column += 1
    return len(line)


def _skip(line: str, column: int) -> int:
    while column < len(line) and line[column] in " \t":
        column += 1
    return column
