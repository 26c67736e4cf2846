"""Symlinks on the way to a path, followed as a build does it: one after the other, relative ones only."""

from __future__ import annotations

import errno
import os
import posixpath
from pathlib import Path


class AbsoluteLink(ValueError):
    """A symlink to an absolute path: in a build that means a path of the context, not of this machine."""

    def __init__(self, link: str, target: str) -> None:
        super().__init__(f"'{link}' is a symlink to '{target}', and a build cannot follow an absolute one")
        self.link = link


def through(directory: Path, path: str) -> tuple[str, ...]:
    """The symlinks on the way to a path below the directory, each as a path, and at last where they lead.
    Paths are relative to the directory and may begin with `..`. Raises AbsoluteLink; OSError for a loop."""
    seen: dict[str, None] = {}
    while (link := _first_link(directory, path)) is not None:
        if link in seen:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), link)
        seen[link] = None
        target = str((directory / link).readlink())
        if target.startswith("/"):
            raise AbsoluteLink(link, target)
        rest = path[len(link) :].lstrip("/")
        path = relative(posixpath.join(directory, posixpath.dirname(link), target, rest), str(directory))
    return (*seen, path)


def below(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def relative(path: str, directory: str) -> str:
    """An absolute path relative to a directory (absolute and normalised), both by their letters."""
    absolute = posixpath.normpath(path)
    if below(absolute, directory):
        return absolute[len(directory) :].strip("/") or "."
    return posixpath.relpath(absolute, directory)


def _first_link(directory: Path, path: str) -> str | None:
    parts = path.split("/")
    for count, name in enumerate(parts, 1):
        part = "/".join(parts[:count])
        if name != ".." and (directory / part).is_symlink():
            return part
    return None
