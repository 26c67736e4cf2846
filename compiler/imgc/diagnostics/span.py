"""Where something stands in a text.

Lines and columns are 0-based here and counted in Unicode code points; what people and tools read
(`Place`, JSON, the terminal) is 1-based. A span's lines are relative to its `Origin`, a piece of a
file that is parsed alone: when text above the piece changes, only the origin's line moves, and every
span in it stays valid.
"""

from __future__ import annotations

from imgc.records import dataclass


@dataclass(slots=True, eq=False)
class Origin:
    """A piece of a file: the file's name as the user wrote it, and the 0-based line where the piece begins."""

    file: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """A place as people count it: 1-based line and column (code points)."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(slots=True, eq=False)
class Span:
    """A half-open range of text. Treat as immutable (it is not frozen, for speed: there are as many as nodes)."""

    origin: Origin
    line: int
    column: int
    end_line: int
    end_column: int

    @property
    def start(self) -> tuple[int, int]:
        """0-based line in the file, and column."""
        return self.origin.line + self.line, self.column

    @property
    def end(self) -> tuple[int, int]:
        """0-based line in the file, and column, just behind the last character."""
        return self.origin.line + self.end_line, self.end_column

    @property
    def file(self) -> str:
        return self.origin.file

    @property
    def place(self) -> Place:
        return Place(self.origin.file, self.origin.line + self.line + 1, self.column + 1)

    def cut(self, start: int, end: int) -> Span:
        """The part between two offsets of a span that lies on one line."""
        return Span(self.origin, self.line, self.column + start, self.line, self.column + end)

    def until(self, other: Span) -> Span:
        """From the start of this span to the end of a later one of the same origin."""
        return Span(self.origin, self.line, self.column, other.end_line, other.end_column)

    def head(self) -> Span:
        """The empty span at the start."""
        return Span(self.origin, self.line, self.column, self.line, self.column)
