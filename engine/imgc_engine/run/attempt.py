"""One attempt of a leaf, from creating its container to knowing how it ended."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

import docker.errors

from imgc.records import dataclass
from imgc_engine.connection import UNREACHABLE, explanation
from imgc_engine.run.follow import Follower
from imgc_engine.run.logs import Log, Stream
from imgc_engine.run.states import End
from imgc_engine.run.steady import EngineGone, Steady, seconds_since_1970

_NOT_RUN = {127: "was not found in the image", 126: "is not an executable file"}  # codes as a shell's
_INIT = re.compile(r"\[FATAL tini \(\d+\)\] exec .* failed|ERROR \(catatonit")
"""What the init says when there is no such command: for the engine, the container has started then."""

KILLED = (137, 143, 255)  # exit codes of what somebody may have killed; 255 is an engine's after a crash


@dataclass(frozen=True, slots=True)
class Attempt:
    """What there is to start. `name` is unique for the run, the node and the number of the attempt."""

    name: str
    config: Mapping[str, Any]
    stdin: bytes | None
    memory: int | None


def not_run(command: str, code: int) -> str:
    """Why a command did not start, in a sentence. Its code is 126 or 127."""
    return f"{command!r} {_NOT_RUN[code]}."


class Creation:
    """The making of an attempt's container, which may begin before the attempt does.

    `run` in any thread, once.
    """

    def __init__(self, attempt: Attempt, steady: Steady, fill: Callable[[str], None]) -> None:
        """`fill` puts what it needs into the container of that name, before it starts."""
        self.attempt = attempt
        self._steady, self._fill = steady, fill
        self._made: Future[str] = Future()

    def run(self) -> None:
        try:
            self._made.set_result(self._steady.call(self._create))
        except BaseException as error:
            self._made.set_exception(error)

    def status(self) -> str:
        """Wait for it:

        "new", or the status of the container that has the name already. APIError, EngineGone.
        """
        return self._made.result()

    def _create(self) -> str:
        client, name = self._steady.client, self.attempt.name
        try:
            client.create_container_from_config(self.attempt.config, name)
        except docker.errors.APIError as error:
            if error.status_code != 409:
                raise
            status = str(client.inspect_container(name)["State"]["Status"])
            if status == "created":  # by an earlier session, which may not have come to fill it
                self._fill(name)
            return status
        self._fill(name)
        return "new"


class Control:
    """The other threads' hold on an attempt. `stopped`: it was told to end before it had."""

    def __init__(self) -> None:
        self.stopped = False
        self._lock = threading.Lock()
        self._grace: float | None = None
        self._stop: Callable[[float], None] | None = None

    def stop(self, grace: float) -> None:
        """End it: SIGTERM, and SIGKILL after `grace` seconds. What has not started yet will not."""
        with self._lock:
            self._grace, stop = grace, self._stop
            self.stopped = stop is not None
        if stop is not None:
            stop(grace)

    def begin(self) -> bool:
        """Whether it may be started; False when it was to be stopped before."""
        with self._lock:
            self.stopped = self._grace is not None
            return not self.stopped

    def running(self, stop: Callable[[float], None]) -> None:
        """It was started, and this is how to stop it. If that was wanted meanwhile, it is done now."""
        with self._lock:
            self._stop, grace = stop, self._grace
            self.stopped = grace is not None
        if grace is not None:
            stop(grace)

    def over(self) -> None:
        """It has ended: what comes now cannot be why."""
        with self._lock:
            self._stop = None


@dataclass(frozen=True, slots=True)
class Hooks:
    """What to call on the way: when the command runs, and for what it writes."""

    started: Callable[[], None]
    output: Callable[[Stream, bytes], None]


def live(attempt: Attempt, steady: Steady, control: Control, log: Log, hooks: Hooks, create: Creation) -> End:
    """See the attempt through; its container is left as it ended. OSError when its log cannot be written.

    An attempt whose container is there already, since the engine or imgc went away meanwhile, is taken over.
    """
    return or_lost(lambda: _live(attempt, steady, control, log, hooks, create))


def or_lost(work: Callable[[], End]) -> End:
    """What `work` gives; what the engine raises as an end that is not the command's doing."""
    try:
        return work()
    except EngineGone as error:
        return End(lost=True, permanent=True, message=str(error))
    except docker.errors.ImageNotFound as error:
        return End(lost=True, permanent=True, began=False, message=explanation(error))
    except docker.errors.NotFound as error:
        return End(lost=True, message=f"Somebody removed the container: {explanation(error)}")
    except docker.errors.APIError as error:
        return End(lost=True, permanent=True, began=False, message=explanation(error))


def _live(
    attempt: Attempt, steady: Steady, control: Control, log: Log, hooks: Hooks, create: Creation
) -> End:
    outages = steady.outages
    taken_over = create.status() not in ("new", "created")
    follower = Follower(attempt.name, steady, log, hooks.output, stdin=attempt.stdin is not None)
    if not taken_over:
        follower.attach()
        if not control.begin():
            follower.close()
            return End(began=False, stopped=True)
        try:
            _start(attempt.name, steady)
        except docker.errors.APIError as error:
            follower.close()
            return _not_started(attempt.name, steady, explanation(error))
    begin = time.monotonic()
    hooks.started()
    control.running(lambda grace: _stop(attempt.name, steady, grace))
    state = follower.follow(attempt.stdin if not taken_over else None)
    seconds = time.monotonic() - begin
    control.over()
    killed = not control.stopped and (steady.outages != outages or _was_killed(attempt.name, state, steady))
    return _end(attempt, state, control.stopped, killed, seconds, log.last_lines())


def _start(name: str, steady: Steady) -> None:
    """Start it once, even if the engine goes away before it says that it did. APIError when it cannot run."""
    try:
        steady.client.start(name)
    except UNREACHABLE:
        steady.wait_until_back()
        if steady.call(lambda: steady.client.inspect_container(name))["State"]["Status"] == "created":
            _start(name, steady)


def _stop(name: str, steady: Steady, grace: float) -> None:
    with suppress(docker.errors.NotFound):
        steady.call(lambda: steady.client.stop(name, timeout=int(grace)))


def _not_started(name: str, steady: Steady, message: str) -> End:
    """As `docker run` tells it: 127 and 126 are the command's, the rest is the engine's."""
    code = steady.call(lambda: steady.client.inspect_container(name))["State"]["ExitCode"]
    if code in _NOT_RUN:
        found = re.search(r'exec: "([^"]*)"', message)
        command = repr(found[1]) if found else "The command"
        return End(exit_code=code, began=False, message=f"{command} {_NOT_RUN[code]}.")
    return End(lost=True, permanent=True, began=False, message=f"The container did not start: {message}")


def _was_killed(name: str, state: Mapping[str, Any], steady: Steady) -> bool:
    """Whether the engine was asked, by anybody but us, to kill it: by `docker kill`, or when it shut down."""
    if state["ExitCode"] not in KILLED or state["OOMKilled"]:
        return False
    return bool(steady.events(name, "kill", seconds_since_1970(state["StartedAt"])))


def _end(
    attempt: Attempt,
    state: Mapping[str, Any],
    stopped: bool,
    killed: bool,
    seconds: float,
    last_lines: Sequence[str],
) -> End:
    code = int(state["ExitCode"])
    lost = killed and code in KILLED
    oom = bool(state["OOMKilled"]) and code != 0 and not lost
    message = ""
    if lost:
        message = "The container was killed with the engine, or by somebody."
    elif oom and attempt.memory:
        message = f"It ran out of its {attempt.memory / 2**20:.0f} MiB of memory."
    elif oom:
        message = "It ran out of the machine's memory."
    elif code in _NOT_RUN and any(_INIT.match(line) for line in last_lines[-1:]):
        message = not_run(attempt.config["Entrypoint"][0], code)
    return End(code, oom=oom, lost=lost, stopped=stopped, message=message, seconds=seconds)
