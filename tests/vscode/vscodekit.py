"""Where the extension is, how its programs are run, and what the workbench tests are about."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness import cache_folder

from tests_support import ROOT

FOLDER = ROOT / "vscode"
CODE_SERVER = "4.100.3"
WATCHED = ("vscode", "lsp", "schema", "tests/vscode")


@contextmanager
def locked(name: str) -> Iterator[Path]:
    """One process at a time in a folder of the cache."""
    folder = cache_folder() / "vscode"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def run(*command: str, cwd: Path = FOLDER, env: dict[str, str] | None = None, timeout: int = 600) -> str:
    """The output of a program that has to succeed."""
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **(env or {})}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, timeout=timeout, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-30_000:]}"
    return done.stdout


def state() -> str:
    """A digest of all that the workbench tests are about."""
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *WATCHED, cwd=ROOT)
    digest = hashlib.sha256()
    for name in sorted(filter(None, listed.split("\0"))):
        path = ROOT / name
        digest.update(f"{name}\0".encode())
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()
