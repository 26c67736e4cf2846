"""What the threads of a run tell the one that decides, and what it asks of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from queue import SimpleQueue
from typing import Protocol

from imgc.records import dataclass, field
from imgc_engine.events import Listener
from imgc_engine.interrupt import Interrupt
from imgc_engine.masking import Mask
from imgc_engine.plan import Node
from imgc_engine.run.actions import Start, Stop
from imgc_engine.run.expansion import Expansion
from imgc_engine.run.states import End
from imgc_engine.run.store import Store


@dataclass(frozen=True, slots=True)
class Started:
    """The leaf's command runs."""

    path: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The leaf's attempt has ended. `container`, if any, is to be removed as soon as that is in the journal.

    With an `expansion`, the leaf goes on as the group in it; `settled` are leaves below it that have succeeded
    already, by path.
    """

    path: str
    container: str | None
    end: End
    last_lines: tuple[str, ...]
    expansion: Expansion | None = None
    settled: Mapping[str, End] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Broken:
    """A thread met an error that is ours."""

    error: BaseException


class Interrupted:
    """The user wants to stop."""


AHEAD = 4  # leaves that are made ready before their turn

Message = Started | Ended | Broken | Interrupted
Inbox = SimpleQueue[Message]


class Crew(Protocol):
    """Those who do what the schedule wants. What they come to know, they put into the inbox."""

    @property
    def running(self) -> Iterable[str]: ...
    def start(self, start: Start) -> None: ...
    def stop(self, stop: Stop) -> None: ...
    def prepare(self, starts: Iterable[Start]) -> None: ...
    def ended(self, path: str) -> None: ...
    def failed(self, node: Node, attempt: int, container: str | None) -> None: ...
    def will_not_start(self, path: str) -> None: ...
    def begin_group(self, path: str, attempt: int) -> None: ...
    def end_group(self, path: str) -> None: ...
    def remove(self, container: str) -> None: ...
    def leave(self) -> list[str]: ...
    def clean_up(self) -> None: ...


class Session(Protocol):
    """What a run works with, whatever runs its steps."""

    @property
    def store(self) -> Store: ...
    @property
    def mask(self) -> Mask: ...
    @property
    def tell(self) -> Listener: ...
    @property
    def interrupt(self) -> Interrupt: ...
