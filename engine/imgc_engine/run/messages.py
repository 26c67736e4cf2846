"""What the threads of a run tell the one that decides."""

from __future__ import annotations

from queue import SimpleQueue

from imgc.records import dataclass
from imgc_engine.run.expansion import Expansion
from imgc_engine.run.states import End


@dataclass(frozen=True, slots=True)
class Started:
    """The leaf's command runs."""

    path: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The leaf's attempt has ended. `container`, if any, is to be removed as soon as that is in the journal.

    With an `expansion`, the leaf goes on as the group in it.
    """

    path: str
    container: str | None
    end: End
    last_lines: tuple[str, ...]
    expansion: Expansion | None = None


@dataclass(frozen=True, slots=True)
class Broken:
    """A thread met an error that is ours."""

    error: BaseException


class Interrupted:
    """The user wants to stop."""


Message = Started | Ended | Broken | Interrupted
Inbox = SimpleQueue[Message]
