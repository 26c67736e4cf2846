"""The files that a pipeline may name: below the project root, symlinks resolved.

Paths are given as the user wrote them, relative to the pipeline's folder, and come back POSIX and normalised
(`src`, `../lib`, `.`). `a/..` is dropped by its letters, as Docker does it, whatever `a` is.
"""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from imgc.context.links import AbsoluteLink, below, relative, through
from imgc.records import dataclass

Want = Literal["any", "file", "dir"]

MOST_NAMES = 5000
"""Of a larger folder only so many names are looked at for a similar one."""

LARGEST_TEXT = 16 * 1024 * 1024
"""Bytes of a file that is read whole (a requirements file, a Dockerfile)."""

KEPT = 1024 * 1024
"""Bytes of a file whose content is kept for the next one who asks."""


@dataclass(frozen=True, slots=True)
class Missing:
    """Why a path cannot be had. `message` is a sentence without its full stop; `near` are values to be written instead."""

    code: str
    message: str
    near: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Entry:
    """What a path is, and where it really is when all symlinks are resolved."""

    real: str
    mode: int


@dataclass(frozen=True, slots=True)
class _Failure:
    """`path` is the first part of a path that could not be looked at."""

    path: str
    number: int


class Project:
    """The files of one pipeline. What is asked of the file system is kept until `forget`."""

    def __init__(
        self,
        directory: Path,
        file: str,
        *,
        allow_outside: Sequence[Path] = (),
        root: Path | None = None,
    ) -> None:
        """`allow_outside`: paths out of the root that may be used, each with all below it."""
        self.directory = Path(posixpath.realpath(directory))
        self.file = file
        self.root = Path(posixpath.realpath(root)) if root is not None else project_root(self.directory)
        self._written = posixpath.abspath(directory)
        self._allowed = [str(self.root)]
        for path in allow_outside:
            self._allowed += (posixpath.abspath(path), posixpath.realpath(path))
        self.forget()

    def forget(self) -> None:
        """Look at the files anew: they may have changed."""
        self._entries: dict[str, _Entry | _Failure] = {}
        self._located: dict[tuple[str, Want], str | Missing] = {}
        self._contents: dict[str, bytes] = {}

    def locate(self, path: str, want: Want = "any") -> str | Missing:
        """Where the path is, relative to the pipeline's folder; or why it cannot be used.

        Codes: path-invalid, path-outside, path-missing, path-not-a-file, path-not-a-directory,
        path-unreadable (no permission, a symlink loop).
        """
        key = path, want
        if key not in self._located:
            self._located[key] = self._locate(path, want)
        return self._located[key]

    def exists(self, path: str, want: Want = "any") -> bool:
        # `locate` would look for near names of what is not there, which nobody asked for.
        if ".." not in path and not os.path.lexists(os.path.join(self.directory, path)):  # noqa: PTH118
            return False
        return isinstance(self.locate(path, want), str)

    def read_bytes(self, path: str) -> bytes | Missing:
        located = self.locate(path, "file")
        if isinstance(located, Missing):
            return located
        known = self._contents.get(located)
        if known is not None:
            return known
        try:
            with (self.directory / located).open("rb") as stream:
                content = stream.read(LARGEST_TEXT + 1)
        except OSError as error:
            return _unreadable(path, error.errno or 0)
        if len(content) > LARGEST_TEXT:
            size = LARGEST_TEXT // 1024 // 1024
            return Missing("path-unreadable", f"'{path}' is larger than {size} MiB, too large to be read")
        if len(content) <= KEPT:
            self._contents[located] = content
        return content

    def read_text(self, path: str) -> str | Missing:
        """The text of a UTF-8 file, without a byte order mark, line ends as they are."""
        content = self.read_bytes(path)
        if isinstance(content, Missing):
            return content
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            return Missing("path-unreadable", f"'{path}' is not UTF-8 text (line {line})")

    def follow(self, path: str) -> tuple[str, ...] | Missing:
        """All that a build must see to get at a located path: itself, and where the symlinks on its way lead,
        one after the other. Docker follows those of a COPY source or a mount, within the context."""
        absolute = self._absolute(path)
        entry = self._look(absolute)
        if isinstance(entry, _Entry) and entry.real == absolute:
            return (path,)
        try:
            steps = through(self.directory, path)
        except AbsoluteLink as error:
            return Missing("path-outside", f"{error}; make it relative, or name its target")
        except OSError as error:
            return _unreadable(path, error.errno or 0)
        for step in steps:
            if not self._inside(self._absolute(step)):
                return self._outside(path, f", through the symlink '{steps[0]}'")
        return steps

    def _locate(self, path: str, want: Want) -> str | Missing:
        reason = _invalid(path)
        if reason:
            return Missing("path-invalid", reason)
        absolute = self._absolute(path)
        if not self._inside(absolute):
            return self._outside(path)
        entry = self._look(absolute)
        if isinstance(entry, _Failure):
            if entry.number in (errno.ENOENT, errno.ENOTDIR):
                return self._missing(path, absolute, entry, want)
            return _unreadable(path, entry.number)
        if not self._inside(entry.real):
            return self._outside(path, f", through a symlink to '{entry.real}'")
        wrong = _wrong_kind(path, entry.mode, want)
        return wrong or relative(absolute, str(self.directory))

    def _absolute(self, path: str) -> str:
        """Normalised, and below the real folder, also where the user knows that by another name."""
        absolute = posixpath.normpath(posixpath.join(self.directory, path)).replace("//", "/", 1)
        if path.startswith("/") and below(absolute, self._written):
            return posixpath.normpath(posixpath.join(self.directory, relative(absolute, self._written)))
        return absolute

    def _inside(self, absolute: str) -> bool:
        return any(below(absolute, allowed) for allowed in self._allowed)

    def _outside(self, path: str, how: str = "") -> Missing:
        message = f"'{path}' is outside of the project{how}"
        return Missing("path-outside", f"{message}; use --allow-outside to name a path that may be used")

    def _look(self, absolute: str) -> _Entry | _Failure:
        """Each folder on the way is looked at once."""
        known = self._entries.get(absolute)
        if known is None:
            unknown = []
            above = absolute
            while known is None and above != "/":
                unknown.append(above)
                above = posixpath.dirname(above)
                known = self._entries.get(above)
            known = known or _Entry("/", stat.S_IFDIR)
            for part in reversed(unknown):
                if isinstance(known, _Entry):
                    known = _entry(part, known)
                self._entries[part] = known
        return known

    def _missing(self, path: str, absolute: str, failure: _Failure, want: Want) -> Missing:
        near = tuple(self._spelled(path, found) for found in self._near(absolute, failure, want, depth=4))
        parent, name = posixpath.split(failure.path)
        above = self._look(parent)
        shown = self._spelled(path, failure.path)
        if isinstance(above, _Entry) and not stat.S_ISDIR(above.mode):
            message = f"'{path}' does not exist: '{self._spelled(path, parent)}' is a file"
        elif Path(failure.path).is_symlink():
            message = f"'{shown}' is a symlink to '{Path(failure.path).readlink()}', which does not exist"
        elif failure.path == absolute and "/" not in path.strip("/"):
            message = f"'{path}' does not exist"
        else:
            message = f"'{path}' does not exist: there is no '{name}' in '{self._spelled(path, parent)}'"
        return Missing("path-missing", message, near)

    def _near(self, absolute: str, failure: _Failure, want: Want, depth: int) -> list[str]:
        """Paths that exist and are like this one, the nearest first: another name for the part that misses,
        and then the rest, where further parts may miss."""
        parent, name = posixpath.split(failure.path)
        rest = absolute[len(failure.path) :]
        found: list[str] = []
        for other in _similar(name, parent):
            candidate = posixpath.join(parent, other) + rest
            entry = self._look(candidate)
            if isinstance(entry, _Failure):
                if depth and entry.path != failure.path:
                    found += self._near(candidate, entry, want, depth - 1)
            elif self._inside(entry.real) and _wrong_kind(candidate, entry.mode, want) is None:
                found.append(candidate)
        return list(dict.fromkeys(found))[:3]

    def _spelled(self, path: str, absolute: str) -> str:
        """A path in the way in which the user wrote this one."""
        if path.startswith("/"):
            return absolute
        spelled = relative(absolute, str(self.directory))
        return f"./{spelled}" if path.startswith("./") and not spelled.startswith(".") else spelled


def project_root(directory: Path) -> Path:
    """The nearest git work tree (in a submodule `.git` is a file) that holds the folder; else the folder."""
    for folder in (directory, *directory.parents):
        if posixpath.lexists(folder / ".git"):
            return folder
    return directory


def _entry(path: str, parent: _Entry) -> _Entry | _Failure:
    if not stat.S_ISDIR(parent.mode):
        return _Failure(path, errno.ENOTDIR)
    real = posixpath.join(parent.real, posixpath.basename(path))
    try:
        mode = os.lstat(real).st_mode
        if stat.S_ISLNK(mode):
            real = posixpath.realpath(real, strict=True)
            mode = os.lstat(real).st_mode
    except OSError as error:
        return _Failure(path, error.errno or 0)
    return _Entry(real, mode)


def _invalid(path: str) -> str:
    """What is wrong with the text of a path; "" if nothing."""
    if not path:
        return "the path is empty"
    if path.startswith("~"):
        return f"'{path}' begins with '~', which is not replaced: paths are relative to the file"
    for character, name in (("\0", "a NUL character"), ("\n", "a line break"), ("\r", "a line break")):
        if character in path:
            return f"the path {path!r} has {name} in it"
    try:
        path.encode()
    except UnicodeEncodeError:
        return f"the path {path!r} is not valid Unicode"
    return ""


def _wrong_kind(path: str, mode: int, want: Want) -> Missing | None:
    directory = stat.S_ISDIR(mode)
    if not directory and not stat.S_ISREG(mode):
        return Missing("path-not-a-file", f"'{path}' is neither a file nor a directory")
    if want == "file" and directory:
        return Missing("path-not-a-file", f"'{path}' is a directory, and a file is needed here")
    if not directory and (want == "dir" or path.endswith("/")):
        return Missing("path-not-a-directory", f"'{path}' is a file, and a directory is needed here")
    return None


def _unreadable(path: str, number: int) -> Missing:
    if number == errno.ELOOP:
        reason = "is a symlink that leads back to itself"
    elif number == errno.EACCES:
        reason = "cannot be read: permission denied"
    else:
        reason = f"cannot be read: {os.strerror(number).lower()}"
    return Missing("path-unreadable", f"'{path}' {reason}")


def _similar(name: str, directory: str) -> list[str]:
    try:
        names = sorted(entry.name for entry in Path(directory).iterdir())[:MOST_NAMES]
    except OSError:
        return []
    folded = name.casefold()
    by_case = [other for other in names if other.casefold() == folded and other != name]
    from difflib import get_close_matches  # for files that are not there: seldom, and slow to load

    return list(dict.fromkeys([*by_case, *get_close_matches(name, names, n=3)]))
