"""A run as one page that needs nothing else, made of what the run has left in its folder."""

from __future__ import annotations

from pathlib import Path

from imgc_engine.report.model import read_run
from imgc_engine.report.page import to_html
from imgc_engine.run import store
from imgc_engine.run.store import UnknownRun

__all__ = ["UnknownRun", "report", "report_of", "write"]

STATE = ".imgc"


def report(folder: Path) -> str:
    """The page of the run whose folder this is. OSError, ReadError."""
    return to_html(read_run(folder))


def report_of(project: Path, run: str) -> str:
    """The same of a run of the project, the latest for "". UnknownRun, OSError, ReadError."""
    return report(store.find(project / STATE, run))


def write(folder: Path, file: Path) -> None:
    """Write the page so that it is never seen half. OSError."""
    store.write_whole(file, report(folder))
