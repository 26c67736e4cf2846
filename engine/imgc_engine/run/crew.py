"""Those who do what the schedule wants: a thread for each attempt, and a few that create and remove."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import docker
import docker.errors

from imgc.records import replace
from imgc_engine.connection import UNREACHABLE
from imgc_engine.data.pieces import has_data_to_find, pieces_of
from imgc_engine.events import NodeOutput, Notice
from imgc_engine.failures import LAST_LINES, EngineError, Refused
from imgc_engine.images import Local
from imgc_engine.plan import Node
from imgc_engine.run.actions import Start, Stop
from imgc_engine.run.attempt import Attempt, Control, Creation, Hooks, live, or_lost
from imgc_engine.run.cleaning import remove, remove_all
from imgc_engine.run.containers import Given, description, shared_description, variables
from imgc_engine.run.execs import Command, Execution
from imgc_engine.run.expansion import Expansion, NotExpandable
from imgc_engine.run.keeping import keep
from imgc_engine.run.logs import Log, Stream
from imgc_engine.run.messages import AHEAD, Broken, Ended, Inbox, Started
from imgc_engine.run.naming import container_name, log_path
from imgc_engine.run.rules import is_success
from imgc_engine.run.session import Session
from imgc_engine.run.sharing import Sharing
from imgc_engine.run.states import End
from imgc_engine.run.steady import EngineGone, Steady
from imgc_engine.workers import Workers

GRACE = {"timeout": 2.0, "interrupt": 10.0}  # seconds between SIGTERM and SIGKILL
REMOVERS = 4  # threads
LAST_WAIT = 30.0  # seconds for the last containers to be removed one by one
KEEP_WAIT = 600.0  # the same when large states may have to be kept
SHORT_WAIT = 5.0  # the same when the user wants to go at once


Expand = Callable[[Node, Path], Expansion]
"""Makes a group of a leaf, whose attempt has succeeded, from its log. NotExpandable."""


class Crew:
    """Works for the one that decides, whose `inbox` it fills.

    Its methods return at once, but for `clean_up`.
    """

    def __init__(self, session: Session, inbox: Inbox, expand: Expand) -> None:
        self._session, self._inbox, self._expand = session, inbox, expand
        self._steady = Steady(session.client)
        self._sharing = Sharing(self._steady, session.surroundings.run, self._shared_config, self._fill)
        self._running: dict[str, Control] = {}
        self._created: dict[str, Creation] = {}
        self._makers, self._removers = Workers(AHEAD, "maker"), Workers(REMOVERS, "remover")
        self._failed: dict[str, tuple[Node, int]] = {}
        self._to_remove = 0
        self._removal = threading.Condition()

    @property
    def running(self) -> Iterable[str]:
        """Paths of the leaves that have been started, and not ended yet."""
        return self._running.keys()

    def start(self, start: Start) -> None:
        creation = self._created.pop(start.node.path, None)
        control = self._running[start.node.path] = Control()
        if has_data_to_find(start.node):
            self._in_thread(partial(self._find_data, start))
        elif start.node.container.mode == "own":
            self._in_thread(partial(self._attend, start, creation, control))
        else:
            self._in_thread(partial(self._attend_sharing, start, control))

    def stop(self, stop: Stop) -> None:
        if control := self._running.get(stop.node.path):
            self._in_thread(partial(control.stop, GRACE[stop.cause]))

    def prepare(self, starts: Iterable[Start]) -> None:
        """Create containers ahead, while others run: it is a tenth of what a short node takes."""
        for start in starts:
            path = start.node.path
            own = start.node.container.mode == "own" and not has_data_to_find(start.node)
            if own and path not in self._created and len(self._created) < AHEAD:
                with suppress(OSError):  # of the disk; the attempt itself will say so
                    creation = self._created[path] = self._creation(start)
                    self._makers.submit(creation.run)

    def ended(self, path: str) -> None:
        """The leaf's attempt has ended."""
        self._running.pop(path, None)

    def failed(self, node: Node, attempt: int, container: str | None) -> None:
        """The leaf has failed for good, in this container of its own."""
        if not self._session.keep:
            return
        if container is not None:
            self._failed[container] = node, attempt
        elif node.container.group is not None:
            self._failed[node.container.group] = node, attempt

    def will_not_start(self, path: str) -> None:
        if unused := self._created.pop(path, None):
            self.remove(unused.attempt.name)

    def begin_group(self, path: str, attempt: int) -> None:
        self._sharing.begin_group(path, attempt)

    def end_group(self, path: str) -> None:
        """The group has ended, or waits for another try: with it ends the container that its leaves share."""
        failed = self._failed.pop(path, None)
        if container := self._sharing.end_group(path):
            if failed is not None:
                self._failed[container] = failed
            self.remove(container)

    def remove(self, container: str) -> None:
        """Its state is kept before, if that is wanted."""
        failed = self._failed.pop(container, None)
        with self._removal:
            self._to_remove += 1

        def job() -> None:
            if failed is not None:
                self._keep(container, *failed)
            with suppress(EngineGone, docker.errors.APIError):
                self._steady.call(lambda: remove(self._session.client, container))
            with self._removal:
                self._to_remove -= 1
                self._removal.notify()

        self._removers.submit(job)

    def _keep(self, container: str, node: Node, attempt: int) -> None:
        session = self._session
        try:
            self._steady.call(lambda: keep(session.client, container, node, attempt, session.surroundings))
        except (EngineGone, EngineError, docker.errors.APIError) as error:
            session.tell(Notice(f"The state of {node.path or '/'} could not be kept: {error}"))

    def leave(self) -> list[str]:
        """The user wants to go now. The leaves that run, and are not waited for any more."""
        self._steady.leave()
        left, self._running = list(self._running), {}
        return left

    def clean_up(self) -> None:
        """Wait for the removals, and see that nothing was forgotten."""
        patience = SHORT_WAIT if self._session.interrupt.level > 1 else LAST_WAIT
        if self._session.keep and self._session.interrupt.level < 2:
            patience = KEEP_WAIT
        with self._removal:
            self._removal.wait_for(lambda: not self._to_remove, timeout=patience)
        self._removers.close()
        self._makers.close()
        run = self._session.surroundings.run
        try:
            remove_all(self._session.client, run)
        except (docker.errors.APIError, *UNREACHABLE):
            self._session.tell(Notice(f"The engine is away: `imgc clean` removes what is left of run {run}."))
        self._session.secrets.remove()

    def _find_data(self, start: Start) -> None:
        """The thread of a leaf with `input`: it becomes a group with a child for each of its data."""
        found = self._session.finder.find(start.node)
        if found.note:
            self._session.tell(Notice(found.note))
        if found.problem:
            end = End(began=False, message=found.problem)
            self._inbox.put(Ended(start.node.path, None, end, ()))
            return
        self._inbox.put(Ended(start.node.path, None, End(), (), Expansion(found.nodes), found.settled))

    def _attend(self, start: Start, creation: Creation | None, control: Control) -> None:
        """The thread of an attempt in a container of its own."""
        lines: tuple[str, ...] = ()
        if creation is None and pieces_of(start.node):
            known = self._session.finder.known_end(start.node)
            if known is not None:
                self._inbox.put(Ended(start.node.path, None, known, lines))
                return
        try:
            if creation is None:
                creation = self._creation(start)
                creation.run()
            log, hooks = self._log(start), self._hooks(start)
            try:
                end = live(creation.attempt, self._steady, control, log, hooks, creation)
            finally:
                for stream, rest in log.close().items():
                    if rest:
                        hooks.output(stream, rest)
                lines = log.last_lines()
        except OSError as error:  # the container is removed with the end of the attempt, running or not
            end = _no_log(error)
        end = self._session.pfs.finish(start.node, start.attempt, end)
        self._end(start, creation.attempt.name if creation else None, end, lines)

    def _attend_sharing(self, start: Start, control: Control) -> None:
        """The thread of an attempt in a container that others use too."""
        node, lines = start.node, tuple[str, ...]()
        container: str | None = None

        def work() -> End:
            nonlocal container
            container = self._sharing.acquire(node)
            if node.workdir is not None and node.workdir != self._image(node).workdir:
                self._sharing.make_folder(container, node.workdir)
            command = self._command(start, container)
            return Execution(command, self._steady, control, log, self._hooks(start)).live()

        try:
            log = self._log(start)
            end = or_lost(work)
            if container is None:
                log.close()
            lines = log.last_lines()
        except OSError as error:
            end = _no_log(error)
        clean = end.exit_code == 0 and not control.stopped
        used_up = self._sharing.release(node, container, clean=clean) if container else None
        self._end(start, used_up, end, lines)

    def _end(self, start: Start, container: str | None, end: End, lines: tuple[str, ...]) -> None:
        """The last thing in an attempt: what a lazy node has printed takes its place."""
        node, expansion = start.node, None
        if node.kind == "lazy" and is_success(node, end) and not self._session.interrupt.level:
            try:
                expansion = self._expand(node, self._log_path(start))
            except NotExpandable as error:
                end, lines = replace(end, exit_code=None, message=str(error)), error.lines[:LAST_LINES]
            except (EngineError, Refused, OSError) as error:
                end = replace(end, lost=True, permanent=True, message=str(error))
        self._inbox.put(Ended(node.path, container, end, lines, expansion))

    def _creation(self, start: Start) -> Creation:
        return Creation(self._attempt(start), self._steady, partial(self._fill, start.node))

    def _fill(self, node: Node, container: str) -> None:
        assert node.image is not None
        self._session.code.put(node.image, container)

    def _attempt(self, start: Start) -> Attempt:
        node = start.node
        config = description(node, self._reference(node), self._session.surroundings, self._given(start))
        name = container_name(self._session.surroundings.run, node.path, start.attempt)
        return Attempt(name, config, _stdin(node), start.mem)

    def _command(self, start: Start, container: str) -> Command:
        node, session = start.node, self._session
        assert node.command is not None
        return Command(
            container,
            container_name(session.surroundings.run, node.path, start.attempt),
            node.command,
            variables(node, session.surroundings, self._given(start)),
            node.workdir,
            self._user(node),
            _stdin(node),
            again=session.left.get(node.path) == start.attempt,
            pooled=node.container.mode == "pool",
        )

    def _shared_config(self, node: Node, attempt: int) -> dict[str, Any]:
        """Of the container that the leaf shares: with the secret files of all that do."""
        group = node.container.group
        sharers = (node,) if group is None else self._session.sharers[group]
        files = self._session.secrets.shared_files((sharer, self._user(sharer)) for sharer in sharers)
        given = Given(attempt, node.mem, {}, files, self._session.pfs.extra(node, attempt).mounts)
        return shared_description(node, self._reference(node), self._session.surroundings, given)

    def _given(self, start: Start) -> Given:
        node, secrets = start.node, self._session.secrets
        extra = self._session.pfs.extra(node, start.attempt)
        return Given(
            start.attempt,
            start.mem,
            secrets.variables(node),
            secrets.files(node, self._user(node)),
            extra.mounts,
            extra.env,
        )

    def _reference(self, node: Node) -> str:
        assert node.image is not None
        return self._session.references[node.image]

    def _image(self, node: Node) -> Local:
        assert node.image is not None
        return self._session.images[node.image]

    def _user(self, node: Node) -> str:
        return self._image(node).user if node.user is None else node.user

    def _log(self, start: Start) -> Log:
        return Log(self._log_path(start), self._session.mask)

    def _log_path(self, start: Start) -> Path:
        return log_path(self._session.store.logs, start.node.path, start.attempt)

    def _hooks(self, start: Start) -> Hooks:
        path, number, tell = start.node.path, start.attempt, self._session.tell

        def output(stream: Stream, data: bytes) -> None:
            tell(NodeOutput(path, number, stream, data))

        return Hooks(lambda: self._inbox.put(Started(path)), output)

    def _in_thread(self, job: Callable[[], None]) -> None:
        """Its mistakes are ours: they end the run, after cleaning up."""

        def guarded() -> None:
            try:
                job()
            except EngineGone:
                return  # the attempt's own thread will say so
            except BaseException as error:
                self._inbox.put(Broken(error))

        threading.Thread(target=guarded, daemon=True).start()


def _stdin(node: Node) -> bytes | None:
    return None if node.stdin is None else node.stdin.encode("utf-8", "surrogateescape")


def _no_log(error: OSError) -> End:
    return End(lost=True, permanent=True, message=f"Its log cannot be written: {error.strerror}.")
