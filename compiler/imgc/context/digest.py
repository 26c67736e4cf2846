"""What a build takes from its context, as a list of files and as one digest of their names and contents.

The digest holds what an image would: names, contents, symlinks as they are, empty folders, and whether a file
may be executed. It does not hold what differs between two checkouts of one commit: times, owners, the rest of
the mode. Sockets, pipes and devices are listed and take no part.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal, TypeVar

from imgc.context import stamps
from imgc.context.ignore import Matcher
from imgc.context.links import AbsoluteLink, through
from imgc.context.narrow import outermost
from imgc.records import dataclass
from imgc.sha256 import sha256

Kind = Literal["file", "link", "directory", "special"]
Result = TypeVar("Result")

HEADER = b"imgc context 1\n"
SMALL = 32 * 1024
"""Bytes. Most files are smaller, and then one read is enough."""
CHUNK = 1024 * 1024


class Unreadable(OSError):
    """A file of the context cannot be read. `path` is relative to the context; the text is a sentence."""

    def __init__(self, path: str, reason: str, number: int = 0) -> None:
        super().__init__(number, f"'{path}' {reason}.")
        self.path = path
        self.message = f"'{path}' {reason}."

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True)
class Entry:
    """`path` is relative to the context, POSIX."""

    path: str
    kind: Kind
    executable: bool = False
    stamp: stamps.Stamp = (0, 0, 0, 0)


Listing = list[tuple[str, Kind, bool, stamps.Stamp]]
"""What is in a folder: name, kind, executable, stamp."""


def files(root: Path, paths: Iterable[str], matcher: Matcher) -> Iterator[Entry]:
    """What a build gets when its Dockerfile copies or mounts these paths (relative to the context, `root`),
    sorted by name, folder by folder. A path that is a symlink is followed, as COPY does it; symlinks below a
    path are not. Paths that are not there are passed over. Raises Unreadable."""
    return iter(_entries(root, paths, matcher, _listing))


def digest(root: Path, paths: Iterable[str], matcher: Matcher, cache: Path | None = None) -> str:
    """`sha256:…` of what `files` lists; `cache` is a folder for what shall be known next time. Raises
    Unreadable."""
    digests = Digests(cache)
    found = digests.digest(root, paths, matcher)
    digests.save()
    return found


class Digests:
    """Digests for many images at one moment: nothing is read twice."""

    def __init__(self, cache: Path | None = None) -> None:
        self._stamps = stamps.Stamps(cache)
        self._found: dict[tuple[str, tuple[str, ...], tuple[str, ...]], str] = {}
        self._listings: dict[str, Listing] = {}
        self._contents: dict[str, bytes] = {}

    def digest(self, root: Path, paths: Iterable[str], matcher: Matcher) -> str:
        """As the function of that name."""
        taken = tuple(sorted(set(paths)))
        key = str(root), taken, matcher.patterns
        known = self._found.get(key)
        if known is None:
            known = self._found[key] = self._digest(root, taken, matcher)
        return known

    def save(self) -> None:
        self._stamps.save()

    def _digest(self, root: Path, paths: tuple[str, ...], matcher: Matcher) -> str:
        base = os.path.realpath(root)
        frames = [HEADER]
        for entry in _entries(root, paths, matcher, self._listing):
            name = os.fsencode(entry.path)
            head = len(name).to_bytes(8, "big") + name
            if entry.kind == "file":
                frames.append((b"x" if entry.executable else b"f") + head)
                frames.append(self.content(f"{base}/{entry.path}", entry))
            elif entry.kind == "directory":
                frames.append(b"d" + head)
            elif entry.kind == "link":
                target = os.fsencode(_guarded(entry.path, os.readlink, f"{base}/{entry.path}"))
                frames.append(b"l" + head + len(target).to_bytes(8, "big") + target)
        return f"sha256:{sha256(b''.join(frames)).hexdigest()}"

    def _listing(self, folder: str) -> Listing:
        known = self._listings.get(folder)
        if known is None:
            known = self._listings[folder] = _listing(folder)
        return known

    def content(self, path: str, entry: Entry) -> bytes:
        """The SHA-256 of a file's content. `entry` is the file as `files` has it. Raises Unreadable."""
        known = self._contents.get(path) or self._stamps.get(path, entry.stamp)
        if known is None:
            read_at = stamps.read_time()
            known, after = _guarded(entry.path, _hash, path)
            if after == entry.stamp:
                self._stamps.put(path, after, known, read_at)
        self._contents[path] = known
        return known


def _entries(
    root: Path, paths: Iterable[str], matcher: Matcher, listing: Callable[[str], Listing]
) -> list[Entry]:
    base = os.path.realpath(root)
    found: list[Entry] = []
    starts = [step for path in paths for step in _steps(Path(base), path)]
    for path in outermost(starts):
        if path == ".":
            _walk(base, "", 0, matcher, listing, found, ignored=False)
            continue
        try:
            status = os.lstat(f"{base}/{path}")
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise _unreadable(path, error) from error
        ignored, memory = matcher.folder(path)
        kind = _kind(status.st_mode)
        if not ignored:
            executable = kind == "file" and bool(status.st_mode & stat.S_IXUSR)
            found.append(Entry(path, kind, executable, stamps.stamp(status)))
        if kind == "directory" and not (ignored and matcher.hopeless(path, memory)):
            _walk(base, path, memory, matcher, listing, found, ignored)
    found.sort(key=_by_folders)
    return found


def _steps(base: Path, path: str) -> tuple[str, ...]:
    try:
        steps = through(base, path)
    except AbsoluteLink as error:
        raise Unreadable(path, f"cannot be followed: {error}") from error
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise Unreadable(path, "is a symlink that leads back to itself", errno.ELOOP) from error
        raise _unreadable(path, error) from error
    for step in steps:
        if step == ".." or step.startswith("../"):
            raise Unreadable(path, "leads out of the build context")
    return steps


def _walk(
    base: str,
    top: str,
    memory: int,
    matcher: Matcher,
    listing: Callable[[str], Listing],
    found: list[Entry],
    ignored: bool,
) -> None:
    """Adds what is below a folder, in no order."""
    step = matcher.step
    waiting = [(top, memory, ignored)]
    while waiting:
        folder, memory, ignored = waiting.pop()
        prefix = f"{folder}/" if folder else ""
        try:
            content = listing(f"{base}/{folder}")
        except (FileNotFoundError, NotADirectoryError):
            continue  # gone since its parent was listed
        except PermissionError as error:
            if ignored:
                continue
            raise _unreadable(folder or ".", error) from error
        except OSError as error:
            raise _unreadable(folder or ".", error) from error
        for name, kind, executable, mark in content:
            path = prefix + name
            left_out, remembered = step(path, memory)
            if not left_out:
                found.append(Entry(path, kind, executable, mark))
            if kind == "directory" and not (left_out and matcher.hopeless(path, remembered)):
                waiting.append((path, remembered, left_out))


def _listing(folder: str) -> Listing:
    found: Listing = []
    with os.scandir(folder) as content:
        for item in content:
            try:
                status = item.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            kind = _kind(status.st_mode)
            executable = kind == "file" and bool(status.st_mode & stat.S_IXUSR)
            found.append((item.name, kind, executable, stamps.stamp(status)))
    return found


def _kind(mode: int) -> Kind:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "directory"
    return "link" if stat.S_ISLNK(mode) else "special"


def _by_folders(entry: Entry) -> str:
    return entry.path.replace("/", "\0")


def _hash(path: str) -> tuple[bytes, stamps.Stamp]:
    """The SHA-256 of a file, and its stamp after reading. The path may have become something else since it
    was listed: a symlink is not followed and a pipe not waited for."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        data = os.read(handle, SMALL)
        if len(data) <= 4096:
            hasher = sha256(data)
        else:
            import hashlib  # see imgc.sha256

            hasher = hashlib.sha256(data)
        if len(data) == SMALL:
            while data := os.read(handle, CHUNK):
                hasher.update(data)
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.ENXIO, os.strerror(errno.ENXIO))
        return hasher.digest(), stamps.stamp(status)
    finally:
        os.close(handle)


def _guarded(name: str, action: Callable[[str], Result], path: str) -> Result:
    try:
        return action(path)
    except OSError as error:
        raise _unreadable(name, error) from error


def _unreadable(path: str, error: OSError) -> Unreadable:
    number = error.errno or 0
    if number == errno.EACCES:
        return Unreadable(path, "cannot be read: permission denied", number)
    if number in (errno.ENOENT, errno.ELOOP, errno.ENXIO):
        return Unreadable(path, "changed while it was read", number)
    return Unreadable(path, f"cannot be read: {os.strerror(number).lower()}", number)
