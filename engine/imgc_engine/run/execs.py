"""One attempt of a leaf as a command in a container that it shares.

The engine starts such a command and tells its exit code; it keeps none of its output, and cannot stop it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

import docker.errors

from imgc.records import dataclass, replace
from imgc_engine.connection import UNREACHABLE, explanation
from imgc_engine.run.attempt import Control, Hooks, not_run
from imgc_engine.run.drain import Drain
from imgc_engine.run.follow import GAP
from imgc_engine.run.logs import Log
from imgc_engine.run.sharing import KEEPER
from imgc_engine.run.signals import MARK, end_all, mark_of
from imgc_engine.run.states import End
from imgc_engine.run.steady import Steady
from imgc_engine.run.streams import Attached

FIRST_LOOK, LAST_LOOK = 0.01, 0.5  # seconds between looks whether it has ended, growing
DRAIN = 0.2  # seconds for what it wrote last; a server that it left behind may keep its output open
CUT = 126  # what the engine says of a command whose output it could not pass on, however that ended


@dataclass(frozen=True, slots=True)
class Command:
    """What to execute. `name` is unique for the run, the node and the attempt; `workdir` None is the image's.

    `again`: an earlier session of the run may have left it running. `pooled`: another container would do.
    """

    container: str
    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    workdir: str | None
    user: str
    stdin: bytes | None
    again: bool
    pooled: bool


class Execution:
    """Sees a command through, once, with `live`. What the engine or the log raises comes out of it."""

    def __init__(self, command: Command, steady: Steady, control: Control, log: Log, hooks: Hooks) -> None:
        """The log is closed when nothing more can come, which may be after `live` returns."""
        self._command, self._steady, self._client = command, steady, steady.client
        self._control, self._log, self._hooks = control, log, hooks
        self._drain = Drain(log, hooks)
        self._begin, self._outages = time.monotonic(), steady.outages
        self._id: str | None = None

    def live(self) -> End:
        """OSError when the log cannot be written; APIError, EngineGone."""
        try:
            return self._live()
        finally:
            self._drain.finish()

    def _live(self) -> End:
        if self._command.again:
            self._stop(0.0)
        try:
            exec_id = self._id = self._steady.call(self._create)
            if not self._control.begin():
                return End(began=False, stopped=True)
            begin = time.monotonic()
            attached = self._start(exec_id)
        except docker.errors.APIError as error:
            return self._not_begun(explanation(error))
        if attached is not None:
            self._drain.start(attached, self._command.stdin)
        self._hooks.started()
        self._control.running(self._stop)
        state = self._wait(exec_id)
        seconds = time.monotonic() - begin
        self._control.over()
        if self._drain.error is not None:
            self._stop(0.0)
            raise self._drain.error
        code: int | None = state["ExitCode"]
        told = self._exit_code_told(exec_id) if code == CUT and state.get("Pid") else code
        if attached is None or self._steady.outages != self._outages or told != code:
            self._drain.take("stderr", GAP)
        if told in (126, 127) and not state.get("Pid"):
            return self._not_started(self._log.last_lines()[-1:])
        return replace(self._end(told), seconds=seconds)

    def _create(self) -> str:
        """One that is created twice, since the engine went away, does no harm: only one is started."""
        command = self._command
        created = self._client.exec_create(
            command.container,
            list(command.argv),
            stdin=command.stdin is not None,
            user=command.user,
            environment={**command.env, MARK: mark_of(command.name)},
            workdir=command.workdir,
        )
        return str(created["Id"])

    def _start(self, exec_id: str) -> Attached | None:
        """Start it once.

        None when the connection was cut after that: its output is lost, its exit code is not.
        """
        try:
            return Attached(self._client.exec_start(exec_id, socket=True))
        except UNREACHABLE:
            self._steady.wait_until_back()
            state = self._inspect(exec_id)
            if state["Running"] or state["ExitCode"] is not None:
                return None
            return self._start(exec_id)

    def _wait(self, exec_id: str) -> Mapping[str, Any]:
        """Its state when it has ended, and its output come, as far as that comes at all; sooner when the log
        fails.
        """
        pause, silent = FIRST_LOOK, False
        while True:
            if silent:
                time.sleep(pause)
                pause = min(LAST_LOOK, pause * 1.5)
            else:  # its end shows by that of its output, but for one that leaves a server behind
                silent = self._drain.over.wait(LAST_LOOK)
            state = self._inspect(exec_id)
            if not state["Running"] or self._drain.error is not None:
                self._drain.over.wait(DRAIN)
                return state

    def _stop(self, grace: float) -> None:
        def running() -> bool:
            return self._id is not None and bool(self._inspect(self._id)["Running"])

        command = self._command
        end_all(self._steady, command.container, command.user, mark_of(command.name), grace, running)

    def _end(self, code: int | None) -> End:
        stopped = self._control.stopped
        if code is None or (code == 137 and not stopped and not self._container()["Running"]):
            return self._container_ended()
        oom = (
            code == 137
            and not stopped
            and bool(self._steady.events(self._command.container, "oom", self._since()))
        )
        message = "It ran out of the memory of the container that it shares." if oom else ""
        return End(code, oom=oom, stopped=stopped, message=message)

    def _not_started(self, said: tuple[str, ...]) -> End:
        """As when a container's start fails: 127 and 126 are the command's, the rest is the engine's."""
        if not said:
            return End(
                lost=True, began=False, message="The connection to the engine was lost before it started."
            )
        found = re.search(r'exec: "([^"]*)": (.*)', said[0])
        if found is None:
            return self._not_begun(said[0])
        code = 127 if "not found" in found[2] or "no such file" in found[2] else 126
        return End(code, began=False, message=not_run(found[1], code))

    def _not_begun(self, why: str) -> End:
        """It cannot run there (Docker 28 looks for the user already when it is created), or the container is gone."""
        state = self._container()
        if state["Running"]:
            return End(lost=True, permanent=True, began=False, message=why)
        if state["ExitCode"] == 127:
            message = (
                f"The image has no {KEEPER[0]!r}, which a container that is shared needs: give the node one "
                "of its own, with `container_reuse: global`."
            )
            return End(lost=True, permanent=True, began=False, message=message)
        return replace(self._container_ended(), began=False)

    def _container_ended(self) -> End:
        message = "The container that it shares has ended, and what was in it is gone."
        return End(lost=True, permanent=not self._command.pooled, message=message)

    def _container(self) -> Mapping[str, Any]:
        """Its state; without an exit code when somebody removed it."""
        try:
            found = self._steady.call(lambda: self._client.inspect_container(self._command.container))
        except docker.errors.NotFound:
            return {"Running": False, "ExitCode": None}
        state: Mapping[str, Any] = found["State"]
        return state

    def _inspect(self, exec_id: str) -> Mapping[str, Any]:
        state: Mapping[str, Any] = self._steady.call(lambda: self._client.exec_inspect(exec_id))
        return state

    def _since(self) -> float:
        """When it began, by the engine's clock."""
        return self._steady.time() - (time.monotonic() - self._begin) - 1.0

    def _exit_code_told(self, exec_id: str) -> int | None:
        """The exit code in the engine's event; None when there is none."""
        for event in self._steady.events(self._command.container, "exec_die", self._since()):
            attributes = event["Actor"]["Attributes"]
            if attributes.get("execID") == exec_id:
                return int(attributes["exitCode"])
        return None
