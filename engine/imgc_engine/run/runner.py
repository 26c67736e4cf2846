"""Runs a schedule on an engine: starts and stops attempts as it says, and tells it what became of them.

One thread decides and writes the journal; each attempt has a thread that waits for its container; a few
more stop and remove containers. Nothing counts before it is in the journal, and a container is removed only
when its end is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue

import docker
import docker.errors

from imgc.records import dataclass, replace
from imgc_engine.connection import UNREACHABLE
from imgc_engine.events import Listener, NodeChanged, NodeOutput, Notice
from imgc_engine.failures import Failure
from imgc_engine.interrupt import Interrupt
from imgc_engine.masking import Mask
from imgc_engine.run.attempt import Attempt, Control, Creation, Hooks, live
from imgc_engine.run.causes import failure_of, sentence
from imgc_engine.run.cleaning import remove, remove_all
from imgc_engine.run.containers import Given, Surroundings, description
from imgc_engine.run.history import node_record
from imgc_engine.run.logs import Log, Stream, now
from imgc_engine.run.naming import container_name, log_path
from imgc_engine.run.schedule import Changed, Schedule, Start, Stop
from imgc_engine.run.secret_files import SecretFiles
from imgc_engine.run.states import End
from imgc_engine.run.steady import EngineGone, Steady
from imgc_engine.run.store import Store
from imgc_engine.workers import Workers

GRACE = {"timeout": 2.0, "interrupt": 10.0}  # seconds between SIGTERM and SIGKILL
HANDS = 4  # threads that remove
AHEAD = 4  # containers that are created before their turn
LAST_WAIT = 30.0  # seconds for the last containers to be removed one by one


@dataclass(frozen=True, slots=True)
class Session:
    """What a run works with.

    `references` and `users` are those of the images, by name; `mask` knows the secrets.
    """

    client: docker.APIClient
    store: Store
    surroundings: Surroundings
    references: Mapping[str, str]
    users: Mapping[str, str]
    secrets: SecretFiles
    mask: Mask
    tell: Listener
    interrupt: Interrupt


@dataclass(frozen=True, slots=True)
class _Started:
    path: str


@dataclass(frozen=True, slots=True)
class _Ended:
    path: str
    container: str
    end: End
    last_lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Broken:
    error: BaseException


Message = _Started | _Ended | _Broken | None  # None: the user has interrupted


class Runner:
    """`execute` once. `failures` then has those of nodes, by path, that no later attempt made good."""

    def __init__(self, schedule: Schedule, session: Session) -> None:
        self.failures: dict[str, Failure] = {}
        self._schedule, self._session = schedule, session
        self._steady = Steady(session.client)
        self._inbox: SimpleQueue[Message] = SimpleQueue()
        self._running: dict[str, Control] = {}
        self._last_lines: dict[str, tuple[str, ...]] = {}
        self._hands = Workers(HANDS, "hand")
        self._makers = Workers(AHEAD, "maker")
        self._created: dict[str, Creation] = {}
        self._ended: list[str] = []
        self._to_remove = 0
        self._removal = threading.Condition()

    def execute(self) -> None:
        """Return when all has ended and no container is left. OSError when the journal cannot be written."""
        with self._session.interrupt.calling(lambda: self._inbox.put(None)):
            try:
                self._schedule.begin(time.monotonic())
                self._act()
                while not self._schedule.finished:
                    if self._session.interrupt.level > 1:
                        self._give_up()
                    else:
                        self._hear()
                    self._act()
            finally:
                self._clean_up()

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
            case _Started(path):
                self._schedule.started(path, time.monotonic())
            case _Ended(path, container, end, last_lines):
                del self._running[path]
                self._last_lines[path] = last_lines
                self._ended.append(container)
                self._schedule.ended(path, end, time.monotonic())
            case _Broken(error):
                raise error
            case None:
                self._schedule.interrupt(time.monotonic())

    def _act(self) -> None:
        """Do what the schedule wants: first the journal, then the world."""
        actions = self._schedule.actions()
        changes = [action for action in actions if isinstance(action, Changed)]
        mask, time_now = self._session.mask, now()
        self._session.store.append(
            [node_record(change, mask.text(sentence(change)), time_now) for change in changes]
        )
        for change in changes:
            self._note(change)
        for action in actions:
            if isinstance(action, Start):
                self._start(action)
            elif isinstance(action, Stop) and (control := self._running.get(action.node.path)):
                self._in_thread(partial(control.stop, GRACE[action.cause]))
        while self._ended:
            self._remove(self._ended.pop())
        self._prepare()

    def _note(self, change: Changed) -> None:
        """Tell it, and keep what the end of the run will want to know."""
        node, end, mask = change.node, change.end, self._session.mask
        message = mask.text(sentence(change))
        if change.state in ("skipped", "omitted") and (unused := self._created.pop(node.path, None)):
            self._remove(unused.attempt.name)
        if change.state in ("failed", "error") and end is not None:  # a group's own; not its children's
            log = None if node.is_group else log_path(self._session.store.logs, node.path, change.attempt)
            failure = failure_of(change, self._last_lines.get(node.path, ()), log)
            self.failures[node.path] = replace(failure, message=message, detail=mask.text(failure.detail))
        else:
            self.failures.pop(node.path, None)
        exit_code = end.exit_code if end else None
        seconds = change.seconds if change.state == "pending" else end.seconds if end else 0.0
        self._session.tell(
            NodeChanged(node.path, change.state, change.attempt, change.cause, message, exit_code, seconds)
        )

    def _prepare(self) -> None:
        """Create containers ahead, while others run: it is a tenth of what a short node takes."""
        if self._schedule.finished or self._session.interrupt.level:
            return
        for start in self._schedule.soon(self._running, AHEAD):
            if len(self._created) < AHEAD and start.node.path not in self._created:
                creation = self._created[start.node.path] = Creation(self._attempt(start), self._steady)
                self._makers.submit(creation.run)

    def _attempt(self, start: Start) -> Attempt:
        node, session = start.node, self._session
        assert node.image is not None
        name = container_name(session.surroundings.run, node.path, start.attempt)
        user = session.users[node.image] if node.user is None else node.user
        given = Given(
            start.attempt, start.mem, session.secrets.variables(node), session.secrets.files(node, user)
        )
        config = description(node, session.references[node.image], session.surroundings, given)
        stdin = None if node.stdin is None else node.stdin.encode("utf-8", "surrogateescape")
        return Attempt(name, config, stdin, start.mem)

    def _start(self, start: Start) -> None:
        creation = self._created.pop(start.node.path, None)
        control = self._running[start.node.path] = Control(
            self._steady, container_name(self._session.surroundings.run, start.node.path, start.attempt)
        )
        self._in_thread(partial(self._attend, start, creation, control))

    def _attend(self, start: Start, creation: Creation | None, control: Control) -> None:
        """The thread of an attempt."""
        if creation is None:
            creation = Creation(self._attempt(start), self._steady)
            creation.run()
        attempt = creation.attempt
        path, number = start.node.path, start.attempt
        tell, lines = self._session.tell, tuple[str, ...]()

        def output(stream: Stream, data: bytes) -> None:
            tell(NodeOutput(path, number, stream, data))

        try:
            log = Log(log_path(self._session.store.logs, path, number), self._session.mask)
            try:
                hooks = Hooks(lambda: self._inbox.put(_Started(path)), output)
                end = live(attempt, self._steady, control, log, hooks, creation)
            finally:
                for stream, rest in log.close().items():
                    if rest:
                        output(stream, rest)
                lines = log.last_lines()
        except OSError as error:  # the container is removed with the end of the attempt, running or not
            end = End(lost=True, permanent=True, message=f"Its log cannot be written: {error.strerror}.")
        self._inbox.put(_Ended(path, attempt.name, end, lines))

    def _remove(self, container: str) -> None:
        with self._removal:
            self._to_remove += 1

        def job() -> None:
            with suppress(EngineGone, docker.errors.APIError):
                self._steady.call(lambda: remove(self._session.client, container))
            with self._removal:
                self._to_remove -= 1
                self._removal.notify()

        self._hands.submit(job)

    def _give_up(self) -> None:
        """The user wants to go now: what still runs is removed in the end, and was interrupted."""
        self._steady.leave()
        self._schedule.interrupt(time.monotonic())
        for path in list(self._running):
            del self._running[path]
            self._schedule.ended(path, End(stopped=True), time.monotonic())

    def _clean_up(self) -> None:
        """Wait for the removals, and see that nothing was forgotten."""
        patience = 0.0 if self._session.interrupt.level > 1 else LAST_WAIT
        with self._removal:
            self._removal.wait_for(lambda: not self._to_remove, timeout=patience)
        self._hands.close()
        self._makers.close()
        run = self._session.surroundings.run
        try:
            remove_all(self._session.client, run)
        except (docker.errors.APIError, *UNREACHABLE):
            self._session.tell(Notice(f"The engine is away: `imgc clean` removes what is left of run {run}."))
        self._session.secrets.remove()

    def _in_thread(self, job: Callable[[], None]) -> None:
        """Its mistakes are ours: they end the run, after cleaning up."""

        def guarded() -> None:
            try:
                job()
            except EngineGone:
                return  # the attempt's own thread will say so
            except BaseException as error:
                self._inbox.put(_Broken(error))

        threading.Thread(target=guarded, daemon=True).start()
