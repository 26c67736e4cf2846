"""Folders of data by content: what is in one, and one digest for all of it or for a part.

Names, contents, symlinks as they are, empty folders and whether a file may be executed count. Times, owners
and the rest of the mode do not; sockets, pipes and devices are no data.
"""

from __future__ import annotations

import bisect
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from imgc.context.digest import Digests, files
from imgc.context.ignore import Matcher
from imgc.records import dataclass

HEADER = b"imgc data 1\n"


@dataclass(frozen=True, slots=True)
class File:
    """`path` is relative and POSIX; `content` is a file's SHA-256, a symlink's target, nothing of a folder."""

    path: str
    kind: Literal["file", "link", "directory"]
    content: str = ""
    executable: bool = False


class Tree:
    """A folder and what is in it, sorted folder by folder."""

    __slots__ = ("_digest", "_order", "files", "root")

    def __init__(self, root: Path, files: tuple[File, ...]) -> None:
        self.root, self.files = root, files
        self._order = [by_folders(file.path) for file in files]
        self._digest = ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tree) and (self.root, self.files) == (other.root, other.files)

    def __hash__(self) -> int:
        return hash((self.root, self.digest))

    @property
    def digest(self) -> str:
        self._digest = self._digest or digest(self.files)
        return self._digest

    def below(self, path: str) -> tuple[File, ...]:
        """The file or folder of that path, with all that is in it; everything for "", nothing if it is not
        there."""
        if not path:
            return self.files
        key = by_folders(path)
        begin = bisect.bisect_left(self._order, key)
        if begin == len(self.files) or self.files[begin].path != path:
            return ()
        return self.files[begin : bisect.bisect_left(self._order, f"{key}\1", lo=begin)]

    def get(self, path: str) -> File | None:
        found = self.below(path)
        return found[0] if path and found else None

    def digest_of(self, path: str) -> str:
        """The digest of a part: a folder's is that of its content, whatever it is called."""
        if not path:
            return self.digest
        inside = len(path) + 1
        return digest(File(file.path[inside:], file.kind, file.content, file.executable)
                      for file in self.below(path))  # fmt: skip

    @property
    def top(self) -> list[str]:
        """The names at the top."""
        return [file.path for file in self.files if "/" not in file.path]


def read(
    root: Path,
    keep: Callable[[str], bool] = lambda _: True,
    *,
    ignore: Iterable[str] = (),
    cache: Path | None,
) -> Tree:
    """A folder of the host's. `keep` decides on files and symlinks, `ignore` are patterns of a dockerignore.

    `cache` is a folder that remembers the digests of files that have not changed. Unreadable (an OSError).
    """
    digests = Digests(cache)
    base = os.path.realpath(root)
    found: list[File] = []
    for entry in files(root, ["."], Matcher(ignore)):
        path = entry.path
        if entry.kind == "directory":
            found.append(File(path, "directory"))
        elif entry.kind != "special" and keep(path):
            if entry.kind == "link":
                found.append(File(path, "link", str(Path(base, path).readlink())))
            else:
                content = digests.content(f"{base}/{path}", entry).hex()
                found.append(File(path, "file", content, entry.executable))
    digests.save()
    return Tree(Path(base), tuple(found))


def read_file(path: Path) -> str:
    """The digest of one file of the host's, with its mode. OSError."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    return digest([File("", "file", found, os.access(path, os.X_OK))])


def digest(content: Iterable[File]) -> str:
    """Of files with their paths. Every part is preceded by its length, so that none can pass for another."""
    hasher = hashlib.sha256(HEADER)
    for file in content:
        kind = "x" if file.executable else file.kind[0]
        for part in (kind, file.path, file.content):
            data = os.fsencode(part)
            hasher.update(len(data).to_bytes(8, "big") + data)
    return hasher.hexdigest()


def by_folders(path: str) -> str:
    """What to sort paths by, so that what is in a folder follows it."""
    return path.replace("/", "\0")


def in_order(content: Iterable[File]) -> tuple[File, ...]:
    return tuple(sorted(content, key=lambda file: by_folders(file.path)))


def dump(content: Iterable[File]) -> str:
    """As text, one file a line. Names that are no UTF-8 survive."""
    rows = ([file.path, file.kind, file.content, file.executable] for file in content)
    return "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)


def parse(text: str) -> tuple[File, ...]:
    return tuple(File(*row) for row in map(json.loads, text.splitlines()))


def key_of(document: Mapping[str, Any]) -> str:
    """A digest of a JSON document that does not depend on how it is written."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def folders_above(path: str) -> Iterator[str]:
    """`a`, `a/b` for `a/b/c`."""
    at = path.find("/")
    while at >= 0:
        yield path[:at]
        at = path.find("/", at + 1)


def clash_of(first: Tree, second: Tree) -> str | None:
    """A path at which two trees hold different things; folders are joined."""
    few, many = sorted((first, second), key=lambda tree: len(tree.files))
    for file in few.files:
        other = many.get(file.path)
        if other is not None and other != file:
            return file.path
        for above in folders_above(file.path):
            folder = many.get(above)
            if folder is not None and folder.kind != "directory":
                return above
    return None
