"""Where a position is inside `[…]` and `{…}`, read from the text alone."""

from __future__ import annotations

from collections.abc import Sequence

from imgc.document.lines import comment_start
from imgc.records import dataclass, field


@dataclass(slots=True)
class Frame:
    """An open bracket. `key` is the key whose value is being written, None before its colon."""

    mapping: bool
    key: str | None = None
    index: int = 0
    keys: list[str] = field(default_factory=list)
    token: tuple[int, int] | None = None
    """Line and column where the current key or value begins."""
    quote: str = ""
    """The quote that is open, else that of the current token."""


class Scanner:
    """Reads flow text up to a position; `frames` are then the brackets that are open there, outermost
    first."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = lines
        self.frames: list[Frame] = []
        self.open_quote = ""

    def scan(self, start: tuple[int, int], end: tuple[int, int], floor: int = 0) -> None:
        """Reads from `start` to `end`; stops early when fewer than `floor` brackets remain."""
        for number in range(start[0], min(end[0], len(self.lines) - 1) + 1):
            line = self.lines[number]
            last = min(end[1], len(line)) if number == end[0] else len(line)
            column = start[1] if number == start[0] else 0
            limit = min(last, comment_start(line)) if not self.open_quote else last
            while column < limit:
                column = self.step(line, number, column)
                if len(self.frames) < floor:
                    return

    def step(self, line: str, number: int, column: int) -> int:
        character = line[column]
        frame = self.frames[-1] if self.frames else None
        if self.open_quote:
            if character == "\\" and self.open_quote == '"':
                return column + 2
            if character == self.open_quote:
                self.open_quote = ""
            return column + 1
        if character in "[{":
            if frame is not None and frame.token is None:
                frame.token = (number, column)
            self.frames.append(Frame(character == "{"))
        elif frame is None:
            return column + 1
        elif character in "]}":
            self.name(frame, line, number, column)
            self.frames.pop()
        elif character == ",":
            self.name(frame, line, number, column)
            frame.key, frame.token, frame.quote = None, None, ""
            frame.index += 1
        elif character == ":" and frame.mapping and frame.key is None and self.is_colon(line, column, frame):
            self.name(frame, line, number, column)
            frame.key = frame.keys[-1] if frame.keys else ""
            frame.token, frame.quote = None, ""
        elif character not in " \t" and frame.token is None:
            frame.token = (number, column)
            if character in "'\"":
                self.open_quote = frame.quote = character
        return column + 1

    def is_colon(self, line: str, column: int, frame: Frame) -> bool:
        following = line[column + 1 : column + 2]
        return following in ("", " ", "\t", ",", "]", "}") or bool(frame.quote)

    def name(self, frame: Frame, line: str, number: int, column: int) -> None:
        """Notes the key that ends here."""
        if frame.mapping and frame.key is None and frame.token is not None and frame.token[0] == number:
            frame.keys.append(line[frame.token[1] : column].strip().strip("'\""))

    def keys_after(self, position: tuple[int, int], last: int) -> list[str]:
        """The keys that follow in the innermost mapping, up to a line. The scanner is of no use after
        that."""
        frame = self.frames[-1]
        before = len(frame.keys)
        self.scan(position, (last, 1 << 30), floor=len(self.frames))
        return frame.keys[before:]
