"""Builds that go to the engine as one request, their context with them: no `docker` program, no buildx.

What such a request cannot carry is left to `docker`: secrets, agents, credentials for registries, caches
elsewhere, several platforms, a context too large to be sent whole each time.
docs/decisions/0021-builds-by-request.md has the reasons and the figures.
"""

from __future__ import annotations

import io
import json
import posixpath
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from imgc.context.digest import Entry, files
from imgc.context.ignore import Matcher, parse
from imgc.dockerfile.userfile import Instruction, UserFile, UserFileError, bases, read
from imgc.records import dataclass
from imgc_engine.build.command import CONTENT_LABEL, Flags, has_content_tag
from imgc_engine.plan import Image

LIMIT = 16 << 20  # bytes of context; `docker` sends only what has changed since the last time
DOCKERFILE = "Dockerfile"
FOLDER = ".imgc-context/"
"""Where the files of the context are in what is sent, and what the sources in the Dockerfile begin with. The
Dockerfile has to be sent with them and must not be among them, since ignore files do not hold for a request.
What the engine says of the steps is told without it."""

_SYNTAX = re.compile(r"(?im)^\s*#\s*syntax\s*=")
_UNCLEAR = re.compile(r"[$\\\"']")  # what only a build can read
_WORD = re.compile(r"\S+")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_SOURCE = re.compile(r"(?<=,)(?:source|src)=")
_URL = re.compile(r"[a-z]+://|git@")


class _Refused(Exception):
    """A request cannot carry it."""


def carries_settings(image: Image, flags: Flags) -> bool:
    """Whether a request can say all that the image's settings and the user's flags say."""
    settings, flags = image.build, flags.of(image)
    special = (
        image.secrets or image.ssh or flags.builder or flags.platforms or settings.options
        or settings.pull or settings.shm_size or settings.cache_from or settings.cache_to
    )  # fmt: skip
    return not special and settings.network in (None, "default", "none", "host")


@dataclass(frozen=True, slots=True)
class Sendable:
    """A Dockerfile for a request. The images of `needs` must be on the engine, since a request brings no
    credentials for registries. `sources` are what it takes of the context, as it is written."""

    text: str
    needs: frozenset[str]
    sources: frozenset[str]


def sendable(text: str, image: Image) -> Sendable | None:
    """The Dockerfile with its sources in `FOLDER`; None when a request cannot carry it."""
    try:
        if _SYNTAX.search(text):
            return None  # a frontend, from a registry
        file = read(text)
        needs = frozenset(_needs(file, image))
        sources = {at: source for step in file.instructions for at, source in _sources(step)}
        for at in sorted(sources, reverse=True):
            text = text[:at] + FOLDER + text[at:]
    except (_Refused, UserFileError):
        return None
    return Sendable(text, needs, frozenset(sources.values()))


def parameters(image: Image, flags: Flags) -> dict[str, str]:
    """Of the request, beside the body."""
    found = {"version": "2", "t": image.reference, "dockerfile": DOCKERFILE, "rm": "1"}
    found |= {"nocache": "1"} if flags.of(image).no_cache else {}
    found |= {"buildargs": json.dumps(dict(image.args))} if image.args else {}
    found |= {"target": image.target} if image.target else {}
    found |= {"networkmode": image.build.network} if image.build.network else {}
    found |= {} if has_content_tag(image) else {"labels": json.dumps({CONTENT_LABEL: image.content})}
    return found


@dataclass(frozen=True, slots=True)
class Context:
    """What of a folder goes into the build."""

    root: Path
    entries: tuple[Entry, ...]

    @staticmethod
    def of(root: Path, dockerfile: Path, sources: Iterable[str] = ()) -> Context | None:
        """None for what `docker` does better. OSError, ValueError."""
        if any(_leads_through_link(root, source) for source in sources):
            return None  # where it leads depends on where the context is
        matcher = Matcher(parse(_ignore_text(root, dockerfile)))
        entries = tuple(files(root, (".",), matcher))
        left = LIMIT
        for entry in entries:
            left -= (root / entry.path).lstat().st_size if entry.kind == "file" else 0
            if left < 0 or entry.kind == "special":
                return None
        return Context(root, entries)

    def body(self, dockerfile: str) -> bytes:
        """A tar of it all, owned by root, as `docker` sends it. OSError."""
        import tarfile  # 10 ms, for those that build

        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as archive:
            head = tarfile.TarInfo(DOCKERFILE)
            content = dockerfile.encode()
            head.size = len(content)
            archive.addfile(head, io.BytesIO(content))
            folder = tarfile.TarInfo(FOLDER)  # there, even if nothing is in it
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(folder)
            for path in self._paths():
                source = self.root / path
                info = archive.gettarinfo(source, FOLDER + path)
                info.uid = info.gid = 0
                info.uname = info.gname = ""
                info.mtime = int(info.mtime)
                if info.islnk():  # another name of a file that is sent: a file of its own
                    info.type, info.linkname, info.size = tarfile.REGTYPE, "", source.stat().st_size
                if info.isreg():
                    content = source.read_bytes()
                    info.size = len(content)
                    archive.addfile(info, io.BytesIO(content))
                else:
                    archive.addfile(info)
        return made.getvalue()

    def _paths(self) -> Iterator[str]:
        """With the folders around what is let through, which may be left out themselves."""
        known = set()
        for entry in self.entries:
            parts = entry.path.split("/")
            for depth in range(1, len(parts)):
                folder = "/".join(parts[:depth])
                if folder not in known:
                    known.add(folder)
                    yield folder
            if entry.path not in known:
                known.add(entry.path)
                yield entry.path


def _leads_through_link(root: Path, source: str) -> bool:
    path = root
    for part in posixpath.normpath(source).strip("/").split("/"):
        path = path / part
        if path.is_symlink():
            return True
    return False


def _ignore_text(root: Path, dockerfile: Path) -> str:
    """Of the Dockerfile's own ignore file, else of the context's."""
    for file in (Path(f"{dockerfile}.dockerignore"), root / ".dockerignore"):
        if file.is_file():
            return file.read_text(encoding="utf-8")
    return ""


def _needs(file: UserFile, image: Image) -> Iterator[str]:
    for base in bases(file, image.args):
        if base.stage is None:
            if base.reference is None:
                raise _Refused
            if base.reference != "scratch":
                yield base.reference
    stages = {name for stage in file.stages for name in (stage.name, str(stage.index))}
    for instruction in file.instructions:
        for other in _others(instruction):
            if "$" in other:
                raise _Refused
            if other.lower() not in stages:
                yield other


def _others(instruction: Instruction) -> Iterator[str]:
    """Stages and images that it takes files from."""
    for flag in instruction.flags:
        if flag.startswith("--from="):
            yield flag.removeprefix("--from=")
        elif flag.startswith("--mount=") and "from" in (mount := _mount(flag)):
            yield mount["from"]


def _sources(instruction: Instruction) -> Iterator[tuple[int, str]]:
    """What it takes from the context, and where in the file that is written."""
    if instruction.keyword == "ONBUILD" or instruction.heredocs:
        raise _Refused
    if instruction.keyword in ("COPY", "ADD"):
        yield from _copied(instruction)
    elif instruction.keyword == "RUN":
        yield from _mounted(instruction)


def _copied(instruction: Instruction) -> Iterator[tuple[int, str]]:
    names = {flag.partition("=")[0] for flag in instruction.flags}
    if not names <= {"--from", "--chown", "--chmod", "--link"}:
        raise _Refused
    if "--from" in names:
        return
    text = instruction.arguments
    if instruction.is_json:
        words = [(found.start(1), str(json.loads(found[0]))) for found in _STRING.finditer(text)]
    else:
        words = [(found.start(), found[0]) for found in _WORD.finditer(text)]
    for begin, source in words[:-1]:
        if instruction.keyword == "ADD" and _URL.match(source):
            continue
        _check(source)
        yield instruction.place.offset(instruction.offset + begin), source


def _mounted(instruction: Instruction) -> Iterator[tuple[int, str]]:
    head = instruction.text[: instruction.offset]
    for flag in instruction.flags:
        if not flag.startswith("--mount="):
            if not flag.startswith("--network="):
                raise _Refused
            continue
        mount = _mount(flag)
        kind, begin = mount.get("type", "bind"), head.find(flag)
        if kind not in ("bind", "cache", "tmpfs") or begin < 0:
            raise _Refused
        if kind == "bind" and "from" not in mount:
            found = _SOURCE.search(flag)
            if found is None:
                raise _Refused
            source = flag[found.end() :].partition(",")[0]
            _check(source)
            yield instruction.place.offset(begin + found.end()), source


def _mount(flag: str) -> dict[str, str]:
    pairs = (field.partition("=") for field in flag.removeprefix("--mount=").split(","))
    return {name.strip().lower(): value for name, _, value in pairs}


def _check(source: str) -> None:
    if _UNCLEAR.search(source) or ".." in posixpath.normpath(source).split("/"):
        raise _Refused
