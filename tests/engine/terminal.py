"""A program on a terminal of its own, as a user has it: what it shows is read, keys are typed."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 60.0  # seconds for something to appear


class Terminal:
    """`shown` is all that has appeared on the screen so far, with its control sequences."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self.process = process
        self.shown = ""
        self._master = master
        self._read_to = 0

    def expect(self, text: str) -> str:
        """Wait until it appears behind what was waited for before; what came up to its end."""
        deadline = time.monotonic() + PATIENCE
        while (at := self.shown.find(text, self._read_to)) < 0:
            assert time.monotonic() < deadline, f"no {text!r} in: {self.shown[self._read_to :]!r}"
            if not self._read(0.5) and self.process.poll() is not None and not self._read(0.5):
                raise AssertionError(f"it ended without {text!r}: {self.shown[self._read_to :]!r}")
        start, self._read_to = self._read_to, at + len(text)
        return self.shown[start : self._read_to]

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def type_until(self, text: str, shown: str) -> None:
        """Type it, and again every few seconds, as one does with Ctrl-C, until something appears."""
        for _ in range(10):
            self.type(text)
            deadline = time.monotonic() + PATIENCE / 10
            while time.monotonic() < deadline:
                self._read(0.5)
                if self.shown.find(shown, self._read_to) >= 0:
                    self.expect(shown)
                    return
        self.expect(shown)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def end(self) -> int:
        """Wait for the program to end; its exit code."""
        deadline = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < deadline, f"it does not end: {self.shown!r}"
            self._read(0.2)
        while self._read(0.1):
            pass
        return self.process.returncode

    def hang_up(self) -> None:
        """Close the window."""
        os.close(self._master)
        self._master = -1

    def close(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self._master >= 0:
            os.close(self._master)

    def _read(self, seconds: float) -> bool:
        poll = select.poll()  # select() takes no descriptor above 1023
        poll.register(self._master, select.POLLIN)
        if not poll.poll(seconds * 1000):
            return False
        try:
            data = os.read(self._master, 1 << 16)
        except OSError:  # nobody has the other end any more
            return False
        self.shown += data.decode("utf-8", "replace")
        return bool(data)


@contextmanager
def on_terminal(argv: Sequence[str], folder: Path, env: Mapping[str, str]) -> Iterator[Terminal]:
    """Its window has 30 rows of 100 columns."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))

    def take_terminal() -> None:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        list(argv), cwd=folder, env={**env, "TERM": "xterm"}, stdin=slave, stdout=slave, stderr=slave,
        preexec_fn=take_terminal,
    )  # fmt: skip
    os.close(slave)
    terminal = Terminal(process, master)
    try:
        yield terminal
    finally:
        terminal.close()
