"""A world for the scheduler: leaves that take virtual time and end as a script says."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from imgc_engine.plan import Node, load
from imgc_engine.run.actions import Action, Changed, Expanded, Start, Stop
from imgc_engine.run.ready import Limits
from imgc_engine.run.schedule import Schedule
from imgc_engine.run.states import End, Past

Script = Callable[[str, int], tuple[float, End]]
"""Path and attempt -> how many seconds the attempt takes, and how it ends."""

FINE = End(exit_code=0)
BAD = End(exit_code=1)


@dataclass
class World:
    """`log` has every start and end as (time, what, path, attempt). `expansions` are what leaves turn into, by
    path, when they succeed.
    """

    schedule: Schedule
    nodes: dict[str, Node]
    script: Script
    interrupt_at: float | None = None
    now: float = 0.0
    log: list[tuple[float, str, str, int]] = field(default_factory=list)
    changes: list[Changed] = field(default_factory=list)
    running: dict[str, tuple[int, float | None]] = field(default_factory=dict)
    memory: dict[str, int | None] = field(default_factory=dict)
    check: Callable[[World], None] | None = None
    expansions: Mapping[str, tuple[Node, ...]] = field(default_factory=dict)

    def run(self) -> World:
        ends: list[tuple[float, int, str, int, End]] = []
        self.schedule.begin(self.now)
        number = 0
        while True:
            for action in self.schedule.actions():
                number += 1
                self._do(action, ends, number)
                if self.check:
                    self.check(self)
            if self.schedule.finished:
                assert not self.running
                return self
            self.now = max(self.now, self._next(ends))
            if self.interrupt_at is not None and self.interrupt_at <= self.now:
                self.now, self.interrupt_at = self.interrupt_at, None
                self.schedule.interrupt(self.now)
            elif ends and ends[0][0] <= self.now:
                _, _, path, attempt, end = heapq.heappop(ends)
                if self.running.get(path, (0,))[0] == attempt:
                    del self.running[path]
                    self.log.append((self.now, "end", path, attempt))
                    if path in self.expansions and end.exit_code == 0 and not end.lost:
                        self.schedule.expand(path, self.expansions[path], self.now)
                    else:
                        self.schedule.ended(path, end, self.now)
            else:
                self.schedule.tick(self.now)

    def _do(self, action: Action, ends: list[Any], number: int) -> None:
        if isinstance(action, Changed):
            self.changes.append(action)
        elif isinstance(action, Expanded):
            self.nodes.update((node.path, node) for node in action.nodes)
        elif isinstance(action, Start):
            path = action.node.path
            seconds, end = self.script(path, action.attempt)
            assert path not in self.running, f"{path} runs twice"
            self.running[path] = (action.attempt, None)
            self.memory[path] = action.mem
            self.log.append((self.now, "start", path, action.attempt))
            self.schedule.started(path, self.now)
            heapq.heappush(ends, (self.now + seconds, number, path, action.attempt, end))
        elif isinstance(action, Stop):
            path = action.node.path
            assert path in self.running
            end = End(exit_code=143, stopped=True)
            heapq.heappush(ends, (self.now + 0.5, number, path, action.attempt, end))

    def _next(self, ends: list[Any]) -> float:
        times = [self.interrupt_at, self.schedule.wake, ends[0][0] if ends else None]
        coming = [time for time in times if time is not None]
        assert coming, "nothing is to come, and the run has not ended"
        return min(coming)

    @property
    def states(self) -> dict[str, str]:
        """The last state of each node; "" is the root."""
        return {change.node.path: change.state for change in self.changes}

    def starts(self) -> list[str]:
        return [path for _, what, path, _ in self.log if what == "start"]

    def time_of(self, what: str, path: str) -> float:
        """The last time that it happened."""
        return [time for time, done, of, _ in self.log if (done, of) == (what, path)][-1]


def simulate(
    plan: dict[str, Any],
    ends: Mapping[str, End | list[End]] | Script | None = None,
    *,
    limits: Limits | None = None,
    seconds: Mapping[str, float] | None = None,
    interrupt_at: float | None = None,
    keep_going: bool = False,
    past: Mapping[str, Past] | None = None,
    expansions: Mapping[str, tuple[Node, ...]] | None = None,
) -> World:
    """Run the plan.

    `ends`: how leaves end (a list: each attempt in turn, the last ones ever after); fine if not named.
    `seconds`: how long they take; 1 if not named.
    """
    nodes = load(plan).nodes

    def script(path: str, attempt: int) -> tuple[float, End]:
        assert not callable(ends)
        end = (ends or {}).get(path, FINE)
        if isinstance(end, list):
            end = end[min(attempt, len(end)) - 1]
        return (seconds or {}).get(path, 1.0), end

    schedule = Schedule(nodes, limits or Limits(), keep_going=keep_going, past=past)
    chosen = ends if callable(ends) else script
    by_path = {node.path: node for node in nodes}
    return World(schedule, by_path, chosen, interrupt_at, expansions=expansions or {}).run()
