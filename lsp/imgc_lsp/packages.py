"""Package names from the indexes that are on this machine already. Nothing is ever downloaded."""

from __future__ import annotations

import json
import os
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from imgc_lsp.lookups import Lookups
from imgc_lsp.sources import Found

_HOLDS = 600.0
_MOST = 100
_LARGEST_INDEX = 200_000_000


class LocalPackages:
    """Names by manager, read once in a thread and kept for some minutes."""

    def __init__(self) -> None:
        self.lookups = Lookups()

    def find(self, manager: str, prefix: str) -> Found:
        read = _READERS.get(manager)
        if read is None:
            return Found()
        names, fresh = self.lookups.get(manager, lambda: sorted(set(read())), _HOLDS)
        if not names:
            return Found(complete=fresh)
        word = re.split(r"[<>=!~;\[ ]", prefix)[0].lower()
        start = bisect_left(names, word)
        found = [(name, "on this machine") for name in names[start : start + _MOST] if name.startswith(word)]
        return Found(found, complete=fresh and len(found) < _MOST)


def _apt() -> Iterator[str]:
    """Debian's package lists, and what is installed."""
    lists = Path("/var/lib/apt/lists")
    indexes = sorted(lists.glob("*_Packages")) if lists.is_dir() else []
    for index in [*indexes, Path("/var/lib/dpkg/status")]:
        yield from _fields(index, "Package: ")


def _apk() -> Iterator[str]:
    yield from _fields(Path("/lib/apk/db/installed"), "P:")


def _fields(file: Path, name: str) -> Iterator[str]:
    try:
        if file.stat().st_size > _LARGEST_INDEX:
            return
        with file.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line.startswith(name):
                    yield line[len(name) :].strip()
    except OSError:
        return


def _system() -> Iterator[str]:
    yield from _apt()
    yield from _apk()


def _pip() -> Iterator[str]:
    """Installed distributions, and the projects that uv has looked up before."""
    from importlib.metadata import distributions

    for distribution in distributions():
        if name := distribution.metadata["Name"]:
            yield name.lower().replace("_", "-")
    cache = Path(os.environ.get("UV_CACHE_DIR") or Path.home() / ".cache/uv")
    for entry in islice(cache.glob("simple-v*/*/*.rkyv"), 100_000):
        yield entry.stem.lower()


def _npm() -> Iterator[str]:
    roots = [Path.cwd() / "node_modules", Path("/usr/lib/node_modules"), Path("/usr/local/lib/node_modules")]
    for root in roots:
        for package in islice(root.glob("*"), 20_000) if root.is_dir() else ():
            if package.name.startswith("@"):
                yield from (f"{package.name}/{inner.name}" for inner in package.glob("*"))
            elif not package.name.startswith("."):
                yield package.name


def _conda() -> Iterator[str]:
    """The repository data that conda and mamba keep."""
    homes = [Path.home() / name for name in ("miniconda3", "anaconda3", "micromamba", "miniforge3")]
    for root in [Path("/opt/conda"), *homes]:
        for index in sorted((root / "pkgs/cache").glob("*.json"))[:20]:
            if index.stat().st_size > _LARGEST_INDEX:
                continue
            data = json.loads(index.read_text(encoding="utf-8", errors="replace"))
            for section in ("packages", "packages.conda"):
                yield from {str(entry.get("name")) for entry in data.get(section, {}).values()}


_READERS: dict[str, Callable[[], Iterator[str]]] = {
    "apt": _apt,
    "system": _system,
    "pip": _pip,
    "npm": _npm,
    "conda": _conda,
}
