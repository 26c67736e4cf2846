"""The text of an open document as lines, edited in place.

Lines end at `\\r\\n`, `\\n` and `\\r` only, as the protocol and YAML 1.2 say. `str.splitlines` also cuts at
form feeds and U+2028, which puts an incremental edit on the wrong line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from imgc.document.text import split_lines
from imgc_lsp.positions import Encoding, to_column

_PIECE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+\Z")


@dataclass(frozen=True, slots=True)
class Change:
    """A replacement between two protocol positions (line, units); a change without a range is a new text."""

    start: tuple[int, int]
    end: tuple[int, int]
    text: str


class Buffer:
    """Lines with their ends. The list is replaced, never changed, so that a snapshot can keep it."""

    def __init__(self, text: str, encoding: Encoding) -> None:
        self.encoding = encoding
        self.pieces = _split(text)

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def lines(self) -> list[str]:
        """Without ends; the last one is what stands behind the last line end."""
        return split_lines(self.text)

    def replace(self, text: str) -> None:
        self.pieces = _split(text)

    def apply(self, change: Change) -> None:
        """Puts in one incremental change; positions behind the end mean the end."""
        start, end = self.place(*change.start), self.place(*change.end)
        if end < start:
            start, end = end, start
        head = self.piece(start[0])[: start[1]]
        tail = self.piece(end[0])[end[1] :]
        # A line end of two characters may come together or apart at either side of the change.
        first, last = max(start[0] - 1, 0), min(end[0] + 2, len(self.pieces))
        before = "".join(self.pieces[first : start[0]])
        after = "".join(self.pieces[end[0] + 1 : last])
        middle = _split(before + head + change.text + tail + after)
        self.pieces = [*self.pieces[:first], *middle, *self.pieces[last:]]

    def piece(self, line: int) -> str:
        return self.pieces[line] if line < len(self.pieces) else ""

    def place(self, line: int, units: int) -> tuple[int, int]:
        """Line and index of a protocol position."""
        if line < 0:
            return 0, 0
        if line >= len(self.pieces):
            return len(self.pieces), 0
        return line, to_column(self.pieces[line].rstrip("\r\n"), units, self.encoding)


def _split(text: str) -> list[str]:
    return _PIECE.findall(text)
