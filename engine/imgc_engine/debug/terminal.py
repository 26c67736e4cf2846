"""The user's terminal, or whatever standard input and output are, connected to a container that is to be started.

The `docker` program does that where there is one; else the SDK, with the terminal in raw mode.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import termios
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import docker

from imgc_engine.connection import engine_errors
from imgc_engine.run.streams import CHUNK, Attached, attach

INTERRUPTED = 130
ENDING = (signal.SIGTERM, signal.SIGHUP)  # with the latter, the terminal is gone


class _Leave(Exception):
    """Somebody wants us to end."""


def is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def connected(client: docker.APIClient, container: str, *, terminal: bool) -> int:
    """Start the container, and return its exit code when it has ended.

    Ctrl-C is the container's, as with `docker run`. After SIGTERM or SIGHUP it is left running, and the code
    is that of an interruption. EngineError.
    """
    program = shutil.which("docker")
    try:
        with _signals():
            if program is not None:
                return _by_program(program, container)
            with engine_errors():
                return _by_sdk(client, container, terminal=terminal)
    except _Leave:
        return INTERRUPTED


@contextmanager
def _signals() -> Iterator[None]:
    def leave(_number: int, _frame: FrameType | None) -> None:
        raise _Leave

    def nothing(_number: int, _frame: FrameType | None) -> None:
        """Not SIG_IGN: the program that we start would inherit it."""

    handlers: dict[signal.Signals, Any] = {signal.SIGINT: nothing, **dict.fromkeys(ENDING, leave)}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _by_program(program: str, container: str) -> int:
    process = subprocess.Popen([Path(program), "start", "--attach", "--interactive", container])
    try:
        code = process.wait()
    except _Leave:
        process.kill()
        process.wait()
        raise
    return code if code >= 0 else 128 - code


def _by_sdk(client: docker.APIClient, container: str, *, terminal: bool) -> int:
    attached = attach(client, container, stdin=True)
    exited: list[int] = []

    def wait() -> None:
        with suppress(Exception):
            exited.append(int(client.wait(container, timeout=None)["StatusCode"]))

    client.start(container)
    waiter = threading.Thread(target=wait, daemon=True)
    waiter.start()
    threading.Thread(target=_feed, args=(attached,), daemon=True).start()
    if terminal:
        with _raw(client, container):
            for data in attached.raw():
                _write(1, data)
    else:
        for stream, data in attached.frames():
            _write(2 if stream == "stderr" else 1, data)
    waiter.join()
    return exited[0] if exited else INTERRUPTED


def _feed(attached: Attached) -> None:
    """Pass standard input on, to its end."""
    with suppress(OSError, ValueError):
        while data := os.read(0, CHUNK):
            attached.pass_on(data)
        attached.end_input()


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:
            select.select([], [descriptor], [])


@contextmanager
def _raw(client: docker.APIClient, container: str) -> Iterator[None]:
    """Every key goes to the container, which has a terminal of the same size."""

    def resize(*_: object) -> None:
        size = os.get_terminal_size(0)
        with suppress(docker.errors.APIError):
            client.resize(container, size.lines, size.columns)

    before = termios.tcgetattr(0)
    handler = signal.signal(signal.SIGWINCH, resize)
    try:
        tty.setraw(0)
        resize()
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)
        signal.signal(signal.SIGWINCH, handler)
