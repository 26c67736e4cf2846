"""Cutting a text into islands: pieces, delimited by indentation, that can each be parsed alone.

A syntax error stays in its island, and an edit re-parses one island. The cut follows from the text
alone, so a file and an edited buffer of the same text give the same result.
"""

from __future__ import annotations

from collections.abc import Sequence

from imgc.patterns import lazy
from imgc.records import dataclass

LARGE = 24
"""Lines above which a block is cut into its entries, so that no edit re-parses more than that."""

_PARENT = lazy(r"( *)(?:[A-Za-z0-9_.\-]+|'[^']*'|\"[^\"\\]*\")[ \t]*:[ \t]*(?:#.*)?\Z")


@dataclass(frozen=True, slots=True)
class Piece:
    """Lines [start, end) of the document, whose entries stand at column `indent`."""

    start: int
    end: int
    indent: int


def indentation(line: str) -> int | None:
    """Leading spaces; None for blank lines and comments."""
    body = line.lstrip(" ")
    if not body or body[0] == "#" or not body.strip():
        return None
    return len(line) - len(body)


NO_CONTENT = 1 << 30
"""What stands for the indentation of a blank line or a comment: deeper than anything."""


def indentations(lines: Sequence[str]) -> list[int]:
    """The indentation of every line. Worked out once for a text: at each keystroke all lines are cut again."""
    return [
        len(line) - len(body)
        if (body := line.lstrip(" ")) and body[0] != "#" and not body.isspace()
        else NO_CONTENT
        for line in lines
    ]


def cut(lines: Sequence[str], depths: Sequence[int], start: int, end: int, indent: int) -> list[Piece]:
    """Cuts lines into pieces, each beginning at a line indented by exactly `indent` or less.

    Lines before the first such line belong to the first piece; comments to the piece above them.
    `depths` are the `indentations` of the lines.
    """
    starts = [
        number
        for number, depth in enumerate(depths[start:end], start)
        if depth <= indent
        and not (depth == indent and lines[number].startswith("- ", indent) and number > start)
    ]
    if not starts:
        return [Piece(start, end, indent)] if start < end else []
    starts[0] = start
    return [Piece(a, b, indent) for a, b in zip(starts, [*starts[1:], end], strict=True)]


def children(lines: Sequence[str], depths: Sequence[int], piece: Piece) -> tuple[int, list[Piece]] | None:
    """The line of the piece's key and the pieces below it, when the piece is `key:` and a block mapping."""
    head = next((n for n in range(piece.start, piece.end) if depths[n] != NO_CONTENT), None)
    if head is None or not (match := _PARENT.match(lines[head])) or len(match[1]) != piece.indent:
        return None
    first = next((n for n in range(head + 1, piece.end) if depths[n] != NO_CONTENT), None)
    if first is None:
        return None
    indent = depths[first]
    if (
        indent <= piece.indent
        or lines[first].startswith(("- ", "-\n"), indent)
        or lines[first][indent:] == "-"
    ):
        return None
    return head, cut(lines, depths, head + 1, piece.end, indent)
