"""Running other programs, and saying clearly what went wrong when one fails."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

LAST_LINES = 20


class HarnessError(RuntimeError):
    """The engine, an image or a registry for the tests could not be had. The text is for a person to read."""


def run(
    argv: Sequence[str | Path],
    *,
    stdin: bytes | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
    folder: Path | None = None,
) -> str:
    """What the command wrote to its standard output. HarnessError, with its last lines, when it failed."""
    command = [str(arg) for arg in argv]
    try:
        done = subprocess.run(
            command,
            input=stdin if stdin is not None else b"",
            env=env,
            timeout=timeout,
            cwd=folder,
            capture_output=True,
            check=False,
        )
    except OSError as error:
        raise HarnessError(f"{command[0]} cannot be run: {error.strerror}.") from error
    except subprocess.TimeoutExpired as error:
        raise HarnessError(f"`{' '.join(command)}` did not end within {timeout} seconds.") from error
    if done.returncode != 0:
        output = (done.stdout + done.stderr).decode(errors="replace")
        raise HarnessError(f"`{' '.join(command)}` failed ({done.returncode}):\n{last_lines(output)}")
    return done.stdout.decode(errors="replace")


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """One process at a time inside, of all that name the file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def last_lines(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.strip().splitlines()[-LAST_LINES:])


def require(programs: Mapping[str, str]) -> None:
    """Install the Debian packages of those programs (program -> package) that are not there yet."""
    missing = sorted({package for program, package in programs.items() if which(program) is None})
    if not missing:
        return
    if which("apt-get") is None:
        raise HarnessError(f"Install {', '.join(missing)}: this machine has no apt-get to do it.")
    say(f"installing {' '.join(missing)}")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update"], env=env)
    run(["apt-get", "install", "-y", "--no-install-recommends", *missing], env=env)


def which(program: str) -> Path | None:
    """Like shutil.which, and also in the folders of system programs, which a user's PATH may lack."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin"])
    found = shutil.which(program, path=path)
    return Path(found) if found else None


def say(message: str) -> None:
    """Progress goes to standard error: standard output is for the shell that evaluates it."""
    print(f"harness: {message}", file=sys.stderr, flush=True)
