"""COPY and ADD as items of `copy`: which files there are says whether a path is a folder."""

from __future__ import annotations

import glob
import posixpath
import re
import stat
from pathlib import Path

from imgc.importing.dockerfile.words import Unsayable
from imgc.importing.source import Source
from imgc.records import dataclass

_PATTERN = re.compile(r"[*?\[]")
_ARCHIVE = re.compile(r"(?i).*\.(tar|tgz|tbz2?|txz|gz|bz2|xz|zst)\Z")
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*://|git@", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Item:
    """Paths as the pipeline file names them; of a folder its contents are copied."""

    src: tuple[str, ...]
    dst: str
    folder: bool
    note: str = ""


def path_of(source: str) -> str:
    """A source of COPY as a path in the build context, out of which nothing leads."""
    return posixpath.normpath("/" + source).lstrip("/") or "."


def kind_of(folder: Path, path: str) -> str:
    """file, folder, or "" for what is not there."""
    try:
        mode = (folder / path).stat().st_mode
    except (OSError, ValueError):
        return ""
    return "folder" if stat.S_ISDIR(mode) else "file"


class Copies:
    """What has been copied so far, and where to. `workdir` begins at a place that only the base knows."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.workdir = "/?"
        self._local: dict[str, str] = {}

    def local(self, path: str) -> str | None:
        """The file of the context that a path in the container is a copy of."""
        place = posixpath.normpath(posixpath.join(self.workdir, path))
        if place in self._local:
            return self._local[place]
        for target, local in self._local.items():
            if place.startswith(target.rstrip("/") + "/"):
                inner = posixpath.normpath(posixpath.join(local, posixpath.relpath(place, target)))
                if kind_of(self.source.folder, inner) == "file":
                    return inner
        return None

    def items(self, sources: list[str], destination: str, add: bool) -> list[Item]:
        """The items that one instruction is."""
        pattern = next((source for source in sources if _PATTERN.search(source)), "")
        paths = [path for source in sources for path in self._found(source, add)]
        into = destination.endswith("/") or posixpath.basename(destination) in (".", "..")
        if len(paths) > 1 and not into:
            raise Unsayable("COPY of several paths to one")
        note = f"{pattern} as it was when imported" if pattern else ""
        files = [path for path in paths if kind_of(self.source.folder, path) == "file"]
        found: list[Item] = []
        for path in paths:
            target = posixpath.normpath(posixpath.join(self.workdir, destination))
            if path in files:
                self._local[posixpath.join(target, posixpath.basename(path)) if into else target] = path
            else:
                self._local[target] = path
                found.append(Item((self.source.local(path),), destination, True, note))
        if files:
            found.append(Item(tuple(map(self.source.local, files)), destination, False, note))
        return found

    def _found(self, source: str, add: bool) -> list[str]:
        if _ELSEWHERE.match(source) or (add and _ARCHIVE.match(source)):
            raise Unsayable(f"ADD {source}, which fetches or unpacks")
        path = path_of(source)
        if "\0" in path:
            raise Unsayable("COPY of a path with a NUL in it")
        if _PATTERN.search(path):
            found = sorted(glob.glob(path, root_dir=self.source.folder, include_hidden=True))  # noqa: PTH207
            if not found:
                raise Unsayable(f"COPY {source}: nothing here has such a name")
            return found
        if not kind_of(self.source.folder, path):
            raise Unsayable(f"COPY {source}: there is no such path beside the Dockerfile")
        return [path]
