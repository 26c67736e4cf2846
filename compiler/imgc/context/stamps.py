"""Digests of files kept between runs, by what the file system says of a file that has not changed."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path

FILE = "file-digests.json"
VERSION = 1
RACY = 2_000_000_000
"""Nanoseconds. A file that changed so shortly before it was read may change again without a trace: clocks of
file systems tick slowly, some in seconds. Such a digest is not kept (git has the same rule for its index)."""

Stamp = tuple[int, int, int, int]
"""Size, time of the last change of content and of inode (nanoseconds), inode."""


def stamp(status: os.stat_result) -> Stamp:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


class Stamps:
    """Digests (SHA-256) of files by their absolute paths. A folder of None keeps nothing between runs; a
    file there that cannot be read or written is as good as none."""

    def __init__(self, folder: Path | None) -> None:
        self._file = folder / FILE if folder is not None else None
        self._kept = self._load()
        self._now: dict[str, tuple[Stamp, bytes]] = {}
        self._changed = False

    def get(self, path: str, mark: Stamp) -> bytes | None:
        found = self._now.get(path) or self._kept.get(path)
        if found is None or found[0] != mark:
            return None
        self._now[path] = found
        return found[1]

    def put(self, path: str, mark: Stamp, digest: bytes, read_at: int) -> None:
        """`read_at`: nanoseconds since the epoch, taken before the file was opened."""
        if max(mark[1], mark[2]) < read_at - RACY:
            self._now[path] = mark, digest
            self._changed = True

    def save(self) -> None:
        """What was not asked for this time stays, up to twice as much as what was: other images need it."""
        if self._file is None or not self._changed:
            return
        unused = {path: entry for path, entry in self._kept.items() if path not in self._now}
        room = 2 * len(self._now) + 1000
        kept = {**dict(list(unused.items())[-room:]), **self._now}
        table = {path: [*mark, digest.hex()] for path, (mark, digest) in kept.items()}
        with suppress(OSError):
            _write(self._file, json.dumps({"version": VERSION, "files": table}))
            self._changed = False

    def _load(self) -> dict[str, tuple[Stamp, bytes]]:
        if self._file is None:
            return {}
        try:
            table = json.loads(self._file.read_bytes())
            if table["version"] != VERSION:
                return {}
            return {
                path: ((size, mtime, ctime, inode), bytes.fromhex(digest))
                for path, (size, mtime, ctime, inode, digest) in table["files"].items()
            }
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return {}


def read_time() -> int:
    return time.time_ns()


def _write(path: Path, text: str) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    import tempfile  # written by large contexts only

    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            stream.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
