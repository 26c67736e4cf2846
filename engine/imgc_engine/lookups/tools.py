"""Programs of this machine that list and resolve packages, each run in a bounded time."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from imgc.records import dataclass

_running: set[subprocess.Popen[bytes]] = set()

LARGEST = 20_000_000
"""Bytes that a program may write."""


class ToolError(Exception):
    """A program cannot be run, does not end, or fails. `missing`: it is not there."""

    def __init__(self, message: str, missing: bool = False) -> None:
        super().__init__(message)
        self.missing = missing


@dataclass(frozen=True, slots=True)
class Done:
    out: str
    err: str
    code: int


def run(
    argv: Sequence[str],
    directory: Path,
    seconds: float,
    env: Mapping[str, str] | None = None,
    given: str = "",
) -> Done:
    """Runs a program to its end, with what it has started. ToolError when there is none, or it takes too long."""
    try:
        process = subprocess.Popen(
            argv, cwd=directory, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, **(env or {})}, start_new_session=True,
        )  # fmt: skip
    except FileNotFoundError:
        raise ToolError(f"there is no '{argv[0]}' on PATH", missing=True) from None
    except OSError as error:
        raise ToolError(f"'{argv[0]}' cannot be run: {error.strerror}") from None
    _running.add(process)
    try:
        out, err = process.communicate(given.encode(), timeout=seconds)
    except subprocess.TimeoutExpired:
        raise ToolError(f"'{argv[0]}' did not end within {seconds:.0f} seconds") from None
    finally:
        _running.discard(process)
        if process.poll() is None:
            _kill(process)
            process.communicate()
    if len(out) > LARGEST:
        raise ToolError(f"'{argv[0]}' writes more than {LARGEST} bytes")
    return Done(out.decode("utf-8", "replace"), err.decode("utf-8", "replace"), process.returncode)


def end_all() -> None:
    """Ends what threads that nobody waits for any more have started."""
    for process in tuple(_running):
        _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def find_uv() -> str | None:
    """uv: on PATH, beside imgc's own Python, or in its package (pip install uv)."""
    beside = Path(sys.executable).parent / "uv"
    if found := shutil.which("uv") or (str(beside) if beside.is_file() else None):
        return found
    try:
        from uv import find_uv_bin  # type: ignore[import-not-found,unused-ignore]

        return str(find_uv_bin())
    except (ImportError, OSError):
        return None


def last_words(text: str) -> str:
    """The last line that says something, for people."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else "it said nothing"
