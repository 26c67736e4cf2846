"""Those who do what the schedule wants, with processes: the same work as `run.crew` does with containers."""

from __future__ import annotations

import os
import re
import shutil
import signal
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from imgc.records import dataclass
from imgc_engine.events import Listener, NodeOutput
from imgc_engine.interrupt import Interrupt
from imgc_engine.masking import Mask
from imgc_engine.plan import Node
from imgc_engine.process import leftovers
from imgc_engine.process.attempt import Command, Process, kill
from imgc_engine.process.tree import HOME, TEMPORARY, Trees
from imgc_engine.run.actions import Start, Stop
from imgc_engine.run.logs import Log, Stream
from imgc_engine.run.messages import Broken, Ended, Inbox, Started
from imgc_engine.run.naming import log_path
from imgc_engine.run.states import End
from imgc_engine.run.store import Store
from imgc_engine.secrets import Secrets

GRACE = {"timeout": 2.0, "interrupt": 10.0}  # seconds between SIGTERM and SIGKILL
INHERITED = re.compile(
    r"LANG|LC_\w+|TZ|USER|LOGNAME|SHELL|TERM|CUDA_\w+|NVIDIA_\w+|(?i:(?:https?|no|all)_proxy)|SSL_CERT_\w+"
    r"|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|PIP_CERT|LD_LIBRARY_PATH"
)
"""Variables of the host that a step gets, beside PATH: what says where we are, and nothing that is a secret."""

_VARIABLE = re.compile(r"\$(?:\$|\{(\w+)\})")


@dataclass(frozen=True, slots=True)
class Session:
    """What a run works with. `environments` are the folders of virtual environments by image, `variables` those of
    the images. `keep`: the folders of failed attempts stay."""

    store: Store
    trees: Trees
    environments: Mapping[str, Path]
    variables: Mapping[str, Mapping[str, str]]
    secrets: Secrets
    mask: Mask
    keep: bool
    tell: Listener
    interrupt: Interrupt


class Crew:
    """Works for the one that decides, whose `inbox` it fills. Its methods return at once, but for `clean_up`."""

    def __init__(self, session: Session, inbox: Inbox) -> None:
        self._session, self._inbox = session, inbox
        self._running: dict[str, Process] = {}
        self._left: dict[str, list[int]] = {}  # what leaves that share a folder have started, by their group
        self._failed: set[str] = set()

    @property
    def running(self) -> Iterable[str]:
        return self._running.keys()

    def start(self, start: Start) -> None:
        process = self._running[start.node.path] = Process()
        self._in_thread(partial(self._attend, start, process))

    def stop(self, stop: Stop) -> None:
        if process := self._running.get(stop.node.path):
            self._in_thread(partial(process.stop, GRACE[stop.cause]))

    def prepare(self, starts: Iterable[Start]) -> None:
        """There is nothing to do ahead."""

    def ended(self, path: str) -> None:
        self._running.pop(path, None)

    def failed(self, _node: Node, _attempt: int, container: str | None) -> None:
        if self._session.keep and container is not None:
            self._failed.add(container)

    def will_not_start(self, path: str) -> None:
        """There is nothing of it."""

    def begin_group(self, path: str, attempt: int) -> None:
        """Its folder is made when the first leaf wants it."""

    def end_group(self, path: str) -> None:
        """With the group ends what its leaves have left running, and the folder that they share."""
        groups = self._left.pop(path, None)
        if groups is None:
            return
        for group in groups:
            kill(group, signal.SIGKILL)
            leftovers.forget(self._session.store.folder, group)
        self.remove(str(self._shared_root(path)))

    def remove(self, container: str) -> None:
        """The folder of an attempt, unless it is to be kept."""
        if container not in self._failed:
            shutil.rmtree(container, ignore_errors=True)

    def leave(self) -> list[str]:
        left, processes = list(self._running), list(self._running.values())
        self._running = {}
        for process in processes:
            self._in_thread(partial(process.stop, 0))
        return left

    def clean_up(self) -> None:
        for process in list(self._running.values()):
            process.stop(0)
        for path in list(self._left):
            self.end_group(path)
        work = self._session.store.folder / leftovers.WORK
        if not self._failed:
            shutil.rmtree(work, ignore_errors=True)

    def _attend(self, start: Start, process: Process) -> None:
        node, lines = start.node, tuple[str, ...]()
        shared = node.container.group is not None
        root = self._root(start)
        try:
            log = Log(log_path(self._session.store.logs, node.path, start.attempt), self._session.mask)
            try:
                command = self._command(start, root, shared=shared)
                end = process.live(command, log, partial(self._started, node), self._output(start))
            finally:
                for stream, rest in log.close().items():
                    if rest:
                        self._output(start)(stream, rest)
                lines = log.last_lines()
        except OSError as error:
            end = End(lost=True, permanent=True, message=f"The disk does not take it: {error.strerror}.")
        if process.group is not None and not shared:
            leftovers.forget(self._session.store.folder, process.group)
        self._inbox.put(Ended(node.path, None if shared else str(root), end, lines))

    def _started(self, node: Node, group: int) -> None:
        leftovers.note(self._session.store.folder, group)
        if node.container.group is not None:
            self._left.setdefault(node.container.group, []).append(group)
        self._inbox.put(Started(node.path))

    def _output(self, start: Start) -> Callable[[Stream, bytes], None]:
        path, number, tell = start.node.path, start.attempt, self._session.tell
        return lambda stream, data: tell(NodeOutput(path, number, stream, data))

    def _command(self, start: Start, root: Path, *, shared: bool) -> Command:
        node, trees = start.node, self._session.trees
        folder = trees.make(node, root)
        stdin = None if node.stdin is None else node.stdin.encode("utf-8", "surrogateescape")
        return Command(trees.command(node, root), folder, self._environment(node, root), stdin, shared)

    def _environment(self, node: Node, root: Path) -> dict[str, str]:
        assert node.image is not None
        environment = self._session.environments[node.image]
        env = {name: value for name, value in os.environ.items() if INHERITED.fullmatch(name)}
        env |= {"HOME": str(root / HOME), "TMPDIR": str(root / TEMPORARY), "VIRTUAL_ENV": str(environment)}
        env["PATH"] = f"{environment / 'bin'}:{os.environ.get('PATH', os.defpath)}"
        for name, value in self._session.variables[node.image].items():
            env[name] = _VARIABLE.sub(lambda found: env.get(found[1], "") if found[1] else "$", value)
        secrets = {
            use.env: self._session.secrets.text(use.name) for use in node.secrets if use.env is not None
        }
        return {**env, **node.env, **secrets}

    def _root(self, start: Start) -> Path:
        group = start.node.container.group
        if group is not None:
            return self._shared_root(group)
        work = self._session.store.folder / leftovers.WORK
        return log_path(work, start.node.path, start.attempt).with_suffix("")

    def _shared_root(self, group: str) -> Path:
        return log_path(self._session.store.folder / leftovers.WORK, group, 0).with_suffix("")

    def _in_thread(self, job: Callable[[], None]) -> None:
        """Its mistakes are ours: they end the run, after cleaning up."""

        def guarded() -> None:
            try:
                job()
            except BaseException as error:
                self._inbox.put(Broken(error))

        with suppress(RuntimeError):  # at the very end of the interpreter
            threading.Thread(target=guarded, daemon=True).start()
