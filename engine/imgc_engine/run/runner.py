"""Runs a schedule: does what it says with the crew, and tells it what became of that.

One thread decides and writes the journal. Nothing counts before it is in the journal, and a container is
removed only when its end is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from queue import Empty

from imgc.records import replace
from imgc_engine.events import NodeChanged, NodeExpanded
from imgc_engine.failures import Failure
from imgc_engine.run.actions import Action, Changed, Expanded, Start, Stop
from imgc_engine.run.causes import failure_of, sentence
from imgc_engine.run.expansion import Expansion, keep
from imgc_engine.run.history import expand_record, node_record
from imgc_engine.run.items import Deadlock, TooMany
from imgc_engine.run.logs import now
from imgc_engine.run.messages import AHEAD, Broken, Crew, Ended, Inbox, Interrupted, Message, Session, Started
from imgc_engine.run.naming import log_path
from imgc_engine.run.schedule import Schedule
from imgc_engine.run.states import End
from imgc_engine.run.store import Record


class Runner:
    """`execute` once. `failures` then has those of nodes, by path, that no later attempt made good, and
    `succeeded` the paths of nodes."""

    def __init__(self, schedule: Schedule, session: Session, crew: Callable[[Inbox], Crew]) -> None:
        self.failures: dict[str, Failure] = {}
        self.succeeded: set[str] = set()
        self.session = session
        self._schedule = schedule
        self._inbox = Inbox()
        self._crew = crew(self._inbox)
        self._last_lines: dict[str, tuple[str, ...]] = {}
        self._used_up: dict[str, str | None] = {}
        self._expansions: dict[str, Expansion] = {}

    def execute(self) -> None:
        """Return when all has ended and no container is left. OSError when the journal cannot be written."""
        with self.session.interrupt.calling(lambda: self._inbox.put(Interrupted())):
            try:
                self._schedule.begin(time.monotonic())
                self._act()
                while not self._schedule.finished:
                    if self.session.interrupt.level > 1:
                        self._give_up()
                    else:
                        self._hear()
                    self._act()
            finally:
                self._crew.clean_up()

    def _hear(self) -> None:
        """Wait for something to happen, and take all that has."""
        wake = self._schedule.wake
        with suppress(Empty):
            wait = None if wake is None else max(0.0, wake - time.monotonic())
            self._take(self._inbox.get(timeout=wait))
            while True:
                self._take(self._inbox.get_nowait())
        self._schedule.tick(time.monotonic())

    def _take(self, message: Message) -> None:
        match message:
            case Started(path):
                self._schedule.started(path, time.monotonic())
            case Ended():
                self._crew.ended(message.path)
                self._last_lines[message.path] = message.last_lines
                self._used_up[message.path] = message.container
                self._end(message)
            case Broken(error):
                raise error
            case Interrupted():
                self._schedule.interrupt(time.monotonic())

    def _end(self, message: Ended) -> None:
        if message.expansion is not None:
            self._expansions[message.path] = message.expansion
            try:
                nodes, settled = message.expansion.nodes, message.settled
                self._schedule.expand(message.path, nodes, time.monotonic(), settled)
                return
            except (TooMany, Deadlock) as error:
                message = replace(message, end=End(message=f"What it gave cannot run: {error}."))
        self._schedule.ended(message.path, message.end, time.monotonic())

    def _act(self) -> None:
        """Do what the schedule wants: first the journal, then the world."""
        actions = self._schedule.actions()
        self.session.store.append(list(self._records(actions)))
        for action in actions:
            match action:
                case Changed():
                    self._note(action)
                case Expanded():
                    self.session.tell(NodeExpanded(action.nodes))
        for action in actions:
            match action:
                case Start():
                    self._crew.start(action)
                case Stop():
                    self._crew.stop(action)
                case Changed() if action.node.is_group and action.state == "running":
                    self._crew.begin_group(action.node.path, action.attempt)
                case Changed() if action.node.is_group:
                    self._crew.end_group(action.node.path)
                case Changed(node) if action.state in ("failed", "error") and node.path in self._used_up:
                    self._crew.failed(node, action.attempt, self._used_up[node.path])
                case Changed() if action.state in ("skipped", "omitted"):
                    self._crew.will_not_start(action.node.path)
        for container in self._used_up.values():
            if container is not None:
                self._crew.remove(container)
        self._used_up.clear()
        if not self._schedule.finished and not self.session.interrupt.level:
            self._crew.prepare(self._schedule.soon(self._crew.running, AHEAD))

    def _records(self, actions: Iterable[Action]) -> Iterator[Record]:
        """What the journal has to have of them. An expansion is in a file of its own, on the disk before."""
        time_now = now()
        for action in actions:
            match action:
                case Changed():
                    yield node_record(action, self.session.mask.text(sentence(action)), time_now)
                case Expanded():
                    path = action.nodes[0].path
                    file = keep(self.session.store.folder, self._expansions.pop(path))
                    yield expand_record(path, file, time_now)

    def _note(self, change: Changed) -> None:
        """Tell it, and keep what the end of the run will want to know."""
        node, end, mask = change.node, change.end, self.session.mask
        message = mask.text(sentence(change))
        if change.state in ("failed", "error") and end is not None:  # a group's own; not its children's
            log = None if node.is_group else log_path(self.session.store.logs, node.path, change.attempt)
            failure = failure_of(change, self._last_lines.get(node.path, ()), log)
            self.failures[node.path] = replace(failure, message=message, detail=mask.text(failure.detail))
        else:
            self.failures.pop(node.path, None)
        if change.state == "succeeded":
            self.succeeded.add(node.path)
        exit_code = end.exit_code if end else None
        seconds = change.seconds if change.state == "pending" else end.seconds if end else 0.0
        self.session.tell(
            NodeChanged(node.path, change.state, change.attempt, change.cause, message, exit_code, seconds)
        )

    def _give_up(self) -> None:
        """The user wants to go now: what still runs is removed in the end, and was interrupted."""
        self._schedule.interrupt(time.monotonic())
        for path in self._crew.leave():
            self._schedule.ended(path, End(stopped=True), time.monotonic())
