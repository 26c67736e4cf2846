"""What went wrong, in the form that summaries, results and the journal share."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from pathlib import Path

from imgc.records import dataclass
from imgc_engine.plan import Place

LAST_LINES = 20  # of output, in a failure


class Code(IntEnum):
    """Exit codes of the command line."""

    FINE = 0
    USER_FILE = 1
    USAGE = 2
    ENVIRONMENT = 3
    STEP_FAILED = 4
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that failed. `subject` is an image's name or a node's path; `message` is a sentence.

    `code` is what it means for the whole: STEP_FAILED when the user's command failed, ENVIRONMENT when the
    engine, a registry or the disk did.
    """

    subject: str
    message: str
    place: Place
    code: Code
    last_lines: tuple[str, ...] = ()
    log: Path | None = None
    exit_code: int | None = None
    detail: str = ""
    """The step or command that failed, as people know it."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A setting that this engine, or this release of it, does not honour: said before anything starts."""

    place: Place
    message: str


class Refused(Exception):
    """Something that this engine does not honour; nothing was done."""

    def __init__(self, refused: tuple[Refusal, ...]) -> None:
        super().__init__("\n".join(f"{refusal.place}: {refusal.message}" for refusal in refused))
        self.refused = refused


class EngineError(RuntimeError):
    """Docker could not be used at all. The text says what to do."""


def worst(failures: Iterable[Failure]) -> Code:
    """The exit code of the whole: the environment's failures weigh more, since they explain the others."""
    codes = {failure.code for failure in failures}
    order = (Code.INTERRUPTED, Code.ENVIRONMENT, Code.USER_FILE, Code.STEP_FAILED)
    return next((code for code in order if code in codes), Code.FINE)
