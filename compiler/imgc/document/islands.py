"""Cutting a text into islands: pieces, delimited by indentation, that can each be parsed alone.

A syntax error stays in its island, and an edit re-parses one island. The cut follows from the text
alone, so a file and an edited buffer of the same text give the same result.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

LARGE = 24
"""Lines above which a block is cut into its entries, so that no edit re-parses more than that."""

_PARENT = re.compile(r"( *)(?:[A-Za-z0-9_.\-]+|'[^']*'|\"[^\"\\]*\")[ \t]*:[ \t]*(?:#.*)?\Z")


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


def cut(lines: Sequence[str], start: int, end: int, indent: int) -> list[Piece]:
    """Cuts lines into pieces, each beginning at a line indented by exactly `indent` or less.

    Lines before the first such line belong to the first piece; comments to the piece above them.
    """
    starts = [
        number
        for number in range(start, end)
        if (depth := indentation(lines[number])) is not None and depth <= indent
        and not (depth == indent and lines[number].startswith("- ", indent) and number > start)
    ]  # fmt: skip
    if not starts:
        return [Piece(start, end, indent)] if start < end else []
    starts[0] = start
    return [Piece(a, b, indent) for a, b in zip(starts, [*starts[1:], end], strict=True)]


def children(lines: Sequence[str], piece: Piece) -> tuple[int, list[Piece]] | None:
    """The line of the piece's key and the pieces below it, when the piece is `key:` and a block mapping."""
    head = next((n for n in range(piece.start, piece.end) if indentation(lines[n]) is not None), None)
    if head is None or not (match := _PARENT.match(lines[head])) or len(match[1]) != piece.indent:
        return None
    first = next((n for n in range(head + 1, piece.end) if indentation(lines[n]) is not None), None)
    if first is None:
        return None
    indent = indentation(lines[first])
    if indent is None or indent <= piece.indent or lines[first].startswith(("- ", "-\n"), indent) or lines[first][indent:] == "-":
        return None
    return head, cut(lines, head + 1, piece.end, indent)
