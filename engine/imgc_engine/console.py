"""How the command line shows a build or a run:

live on a terminal, in lines elsewhere, as JSON if asked for.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TextIO

from imgc_engine.api import Result
from imgc_engine.events import Event, Listener
from imgc_engine.show.json_lines import JsonLines
from imgc_engine.show.lines import Lines
from imgc_engine.show.summary import summary

Style = Literal["auto", "live", "lines", "json", "quiet"]

__all__ = ["Style", "conclude", "listening"]


@contextmanager
def listening(
    file: TextIO, style: Style = "auto", *, verbose: bool = False, color: bool | None = None
) -> Iterator[Listener]:
    """A listener that shows what happens on the file, as long as the context lasts.

    "auto" is live where the file is a terminal that can do it. rich is imported only then.
    """
    if style == "auto":
        style = "live" if file.isatty() and os.environ.get("TERM") != "dumb" and not verbose else "lines"
    if style == "live":
        from imgc_engine.show.live import LiveView

        with LiveView(file, color=color) as view:
            yield view
    elif style == "json":
        yield JsonLines(file)
    elif style == "lines":
        yield Lines(file, verbose=verbose)
    else:
        yield _nothing


def conclude(
    result: Result, project: Path, file: TextIO, again: Sequence[str] = (), *, shells: bool = True
) -> int:
    """Print the closing summary; the exit code. `again`: options for another command on the same pipeline;
    `shells`: whether `imgc debug` can look at a node."""
    for line in summary(result, project, again, shells=shells):
        print(line, file=file)
    return int(result.code)


def _nothing(_event: Event) -> None:
    """Of a quiet run, only the summary is said."""
