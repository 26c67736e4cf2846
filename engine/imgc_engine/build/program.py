"""The `docker` program that builds: the SDK cannot drive BuildKit with secrets, the CLI can."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from imgc.records import dataclass
from imgc_engine.failures import EngineError

RAWJSON_SINCE = (0, 13)
NEEDS_BUILDX_SINCE = 23  # a docker of that release and later has no BuildKit without it


@dataclass(frozen=True, slots=True)
class Program:
    """`buildx` is its version; None for a docker of the years before, which has BuildKit built in."""

    path: Path
    buildx: tuple[int, ...] | None

    @property
    def rawjson(self) -> bool:
        return self.buildx is not None and self.buildx >= RAWJSON_SINCE


def find_program() -> Program:
    """The first `docker` on PATH that can build with BuildKit. EngineError says what to install."""
    unfit = []
    for path in _candidates():
        if (buildx := _buildx_version(path)) is not None:
            return Program(path, buildx)
        release = _release(path)
        if release is not None and release < NEEDS_BUILDX_SINCE:
            return Program(path, None)
        unfit.append(path)
    if unfit:
        raise EngineError(f"{unfit[0]} cannot build: it lacks its plugin buildx (docs.docker.com/go/buildx).")
    raise EngineError("There is no `docker` program on PATH; building needs one, with its plugin buildx.")


def _candidates() -> list[Path]:
    folders = dict.fromkeys(os.get_exec_path())
    return [path for folder in folders if os.access(path := Path(folder, "docker"), os.X_OK)]


def _buildx_version(path: Path) -> tuple[int, ...] | None:
    found = re.search(r"\bv?(\d+)\.(\d+)\.(\d+)", _output(path, "buildx", "version"))
    return tuple(map(int, found.groups())) if found else None


def _release(path: Path) -> int | None:
    found = re.search(r"Docker version (\d+)\.", _output(path, "--version"))
    return int(found[1]) if found else None


def _output(path: Path, *args: str) -> str:
    """Standard output; empty when the command fails."""
    try:
        done = subprocess.run([path, *args], capture_output=True, timeout=30, check=False, text=True)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
