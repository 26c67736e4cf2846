"""One attempt of a leaf as a process group of this machine, from its start to knowing how it ended."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from imgc.records import dataclass
from imgc_engine.run.logs import Log, Stream
from imgc_engine.run.states import End

CHUNK = 1 << 16
POLL = 0.05
DRAIN = 1.0  # seconds in which what a background process still writes is heard, once the command has ended


@dataclass(frozen=True, slots=True)
class Command:
    argv: Sequence[str]
    folder: Path
    env: Mapping[str, str]
    stdin: bytes | None
    shared: bool
    """Whether what it has started goes on when it ends, for the next ones to use."""


class Process:
    """A command's process group. Its methods may be called from any thread."""

    def __init__(self) -> None:
        self.stopped = False
        self._lock = threading.Lock()
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def group(self) -> int | None:
        return self._running.pid if self._running else None

    def stop(self, grace: float) -> None:
        """End it: SIGTERM to all of the group, and SIGKILL after `grace` seconds."""
        with self._lock:
            self.stopped = True
            process = self._running
        if process is None:
            return
        kill(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + grace
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(POLL)
        kill(process.pid, signal.SIGKILL)

    def live(
        self,
        command: Command,
        log: Log,
        started: Callable[[int], None],
        output: Callable[[Stream, bytes], None],
    ) -> End:
        """See it through. OSError when its log cannot be written."""
        with self._lock:
            if self.stopped:
                return End(began=False, stopped=True)
            try:
                process = self._running = subprocess.Popen(
                    list(command.argv),
                    cwd=command.folder,
                    env=dict(command.env),
                    stdin=subprocess.DEVNULL if command.stdin is None else subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    start_new_session=True,
                )
            except OSError as error:
                return _not_started(command, error)
        begin = time.monotonic()
        started(process.pid)
        if command.stdin is not None:
            assert process.stdin is not None
            threading.Thread(target=_feed, args=(process.stdin, command.stdin), daemon=True).start()
        assert process.stdout is not None
        assert process.stderr is not None
        faults: list[OSError] = []
        readers = [
            threading.Thread(target=_read, args=(pipe, stream, log, output, faults), daemon=True)
            for pipe, stream in ((process.stdout, "stdout"), (process.stderr, "stderr"))
        ]
        for reader in readers:
            reader.start()
        code = process.wait()
        seconds = time.monotonic() - begin
        if not command.shared:
            kill(process.pid, signal.SIGKILL)  # what it left in the background, as a container would end it
        for reader in readers:
            reader.join(DRAIN)
        if faults:
            kill(process.pid, signal.SIGKILL)
            raise faults[0]
        return End(code if code >= 0 else 128 - code, stopped=self.stopped, seconds=seconds)


def kill(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _not_started(command: Command, error: OSError) -> End:
    """As a shell tells it."""
    program = command.argv[0]
    if isinstance(error, FileNotFoundError):
        return End(127, began=False, message=f"{program!r} was not found on this machine.")
    if isinstance(error, PermissionError):
        return End(126, began=False, message=f"{program!r} is not an executable file.")
    return End(
        lost=True, permanent=True, began=False, message=f"The process did not start: {error.strerror}."
    )


def _feed(pipe: BinaryIO, data: bytes) -> None:
    with suppress(OSError), pipe:
        pipe.write(data)


def _read(
    pipe: BinaryIO,
    stream: Stream,
    log: Log,
    output: Callable[[Stream, bytes], None],
    faults: list[OSError],
) -> None:
    try:
        while data := os.read(pipe.fileno(), CHUNK):
            if shown := log.write(stream, data):
                output(stream, shown)
    except OSError as error:
        faults.append(error)
