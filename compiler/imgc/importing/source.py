"""What is imported: its text, where it lies, and how places in it are named."""

from __future__ import annotations

import os
from pathlib import Path

from imgc.diagnostics import Origin, Span
from imgc.document.text import split_lines
from imgc.records import dataclass, field

MAX_BYTES = 10 * 1024 * 1024


class SourceError(ValueError):
    """The source is not what its system would read, or nothing that can be imported; `code` is a diagnostic's."""

    def __init__(self, span: Span, message: str, code: str = "bad-import") -> None:
        super().__init__(message)
        self.span = span
        self.code = code


@dataclass(frozen=True, slots=True)
class Source:
    """A file to import. `folder` is where its relative paths begin, `target` the folder of the pipeline file,
    `context` the folder that a Dockerfile is built in, "" where nobody says."""

    file: str
    text: str
    folder: Path
    target: Path
    origin: Origin
    lines: list[str] = field(repr=False)
    context: str = ""

    @property
    def start(self) -> Span:
        return Span(self.origin, 0, 0, 0, 0)

    def span(self, line: int, end_line: int | None = None) -> Span:
        """Whole lines, 1-based, without the blanks around them."""
        first, last = line - 1, (end_line or line) - 1
        text = self.lines[first] if first < len(self.lines) else ""
        end = self.lines[last] if last < len(self.lines) else ""
        column = min(
            len(text) - len(text.lstrip()), len(text.rstrip())
        )  # a blank line has its place at the start
        return Span(self.origin, first, column, last, len(end.rstrip()))

    def local(self, path: str) -> str:
        """A path of the source as the pipeline file names it."""
        if os.path.isabs(path):  # noqa: PTH117
            return path
        return Path(os.path.relpath(self.folder / path, self.target)).as_posix()


def source(file: str, data: bytes, folder: Path, target: Path, context: str = "") -> Source:
    """A source of these bytes; SourceError where they are no text."""
    origin = Origin(file)
    start = Span(origin, 0, 0, 0, 0)
    if len(data) > MAX_BYTES:
        raise SourceError(start, f"the file is larger than {MAX_BYTES // 1024 // 1024} MiB", "too-large")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start)
        raise SourceError(
            Span(origin, line, 0, line, 0), f"the file is not UTF-8: byte {error.start + 1}, in line {line + 1}", "not-utf8",
        ) from None  # fmt: skip
    return Source(file, text, folder, target, origin, split_lines(text), context)
