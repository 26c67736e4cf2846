"""Which of the leaves that could start do start: limits of groups, of the run, and of the machine."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from imgc.records import dataclass, field

LOOK_AHEAD = 32  # leaves that are looked at when those before them do not fit
ROUNDING = 1e-9  # of sums of CPUs
PATIENCE = 20  # leaves that may overtake one that does not fit


@dataclass(frozen=True, slots=True)
class Limits:
    """What there is for all leaves together. `parallel` is their number; None is without a limit.

    `cpus` bounds what leaves have reserved; `load` that and one CPU for each leaf that reserves none, which
    may as well wait for a disk: an engine gains from up to four times as many as it has processors.
    """

    cpus: float = float("inf")
    load: float = float("inf")
    memory: float = float("inf")
    gpus: float = float("inf")
    parallel: int | None = None


@dataclass(frozen=True, slots=True)
class Need:
    """What one leaf reserves: CPUs (None: it did not say), bytes, GPUs."""

    cpus: float | None = None
    memory: float = 0.0
    gpus: int = 0

    @property
    def load(self) -> float:
        return 1.0 if self.cpus is None else self.cpus


Index = tuple[int, ...]
"""A place in the tree: of what a leaf has expanded to, the leaf's with one more number."""


class Leaf(Protocol):
    """`index` is its place in the tree, which is the order of starting; `limited` are the groups with a limit
    that hold it, by their indexes. `ticket` counts how often it was added or withdrawn."""

    ticket: int

    @property
    def index(self) -> Index: ...
    @property
    def need(self) -> Need: ...
    @property
    def limited(self) -> tuple[Index, ...]: ...


L = TypeVar("L", bound=Leaf)
Entry = tuple[Index, int, L]  # index and ticket, to be ordered by


@dataclass(slots=True)
class _Room(Generic[L]):
    limit: int
    running: int = 0
    parked: list[Entry[L]] = field(default_factory=list)


class Ready(Generic[L]):
    """Leaves go in, and come out when there is room for them; `gone` gives their room back.

    No limit is ever exceeded, but for a leaf that wants more than there is at all: it runs alone.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._rooms: dict[Index, _Room[L]] = {}
        self._heap: list[Entry[L]] = []
        self._running = 0
        self._cpus = self._load = self._memory = 0.0
        self._gpus = 0
        self._overtaken: tuple[L, int] | None = None

    def limit(self, group: Index, count: int) -> None:
        """At most so many leaves run below the group at once."""
        self._rooms[group] = _Room(count)

    def add(self, leaf: L) -> None:
        leaf.ticket += 1
        heapq.heappush(self._heap, (leaf.index, leaf.ticket, leaf))

    def withdraw(self, leaf: L) -> None:
        """It will not start after all."""
        leaf.ticket += 1

    def take(self) -> Iterator[L]:
        """Those that start now. Their room is taken as they come out."""
        passed: list[Entry[L]] = []
        while self._heap and len(passed) < LOOK_AHEAD and self._any_room():
            entry = heapq.heappop(self._heap)
            _, ticket, leaf = entry
            full = next((room for room in self._held_by(leaf) if room.running >= room.limit), None)
            if ticket != leaf.ticket:
                self._let_others(leaf)
            elif full is not None:
                heapq.heappush(full.parked, entry)
                self._let_others(leaf)
            elif not self._fits(leaf.need) or self._must_wait(passed):
                passed.append(entry)
            else:
                self._count(leaf, 1)
                self._note(passed, leaf)
                yield leaf
        for entry in passed:
            heapq.heappush(self._heap, entry)

    def next(self, count: int) -> list[L]:
        """Some that may well start next; not exactly, for the price of a look."""
        return [leaf for _, ticket, leaf in self._heap[:count] if ticket == leaf.ticket]

    def gone(self, leaf: L) -> None:
        """It has ended."""
        self._count(leaf, -1)
        self._let_others(leaf)

    def _let_others(self, leaf: L) -> None:
        """It does not use the room that its groups have: another one may."""
        for room in self._held_by(leaf):
            if room.running < room.limit:
                self._unpark(room)

    def _unpark(self, room: _Room[L]) -> None:
        if room.parked:
            heapq.heappush(self._heap, heapq.heappop(room.parked))

    def _held_by(self, leaf: L) -> list[_Room[L]]:
        return [self._rooms[index] for index in leaf.limited]

    def _any_room(self) -> bool:
        limits = self._limits
        if limits.parallel is not None and self._running >= limits.parallel:
            return False
        return self._running == 0 or self._load < limits.load

    def _fits(self, need: Need) -> bool:
        limits = self._limits
        return self._running == 0 or (
            self._cpus + (need.cpus or 0) <= limits.cpus + ROUNDING
            and self._load + need.load <= limits.load + ROUNDING
            and self._memory + need.memory <= limits.memory
            and self._gpus + need.gpus <= limits.gpus
        )

    def _must_wait(self, passed: list[Entry[L]]) -> bool:
        """Whether too many have overtaken the first that does not fit: it is to have what becomes free."""
        if not passed or self._overtaken is None:
            return False
        leaf, times = self._overtaken
        return leaf is passed[0][2] and times >= PATIENCE

    def _note(self, passed: list[Entry[L]], starting: L) -> None:
        if self._overtaken is not None and self._overtaken[0] is starting:
            self._overtaken = None
        if passed:
            first = passed[0][2]
            times = self._overtaken[1] if self._overtaken and self._overtaken[0] is first else 0
            self._overtaken = first, times + 1

    def _count(self, leaf: L, sign: int) -> None:
        self._running += sign
        self._cpus += sign * (leaf.need.cpus or 0)
        self._load += sign * leaf.need.load
        self._memory += sign * leaf.need.memory
        self._gpus += sign * leaf.need.gpus
        if self._running == 0:
            self._cpus = self._load = self._memory = 0.0  # or rounding would add up
        for room in self._held_by(leaf):
            room.running += sign
