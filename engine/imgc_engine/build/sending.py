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
from collections.abc import Iterator
from pathlib import Path

from imgc.context.digest import Entry, files
from imgc.context.ignore import Matcher, parse
from imgc.dockerfile.userfile import Instruction, UserFile, UserFileError, bases, read
from imgc.records import dataclass
from imgc_engine.build.command import CONTENT_LABEL, Flags, has_content_tag
from imgc_engine.plan import Image

LIMIT = 16 << 20  # bytes of context; `docker` sends only what has changed since the last time
DOCKERFILE = ".imgc.Dockerfile"
"""What the Dockerfile is called among the files of the context. Nothing that is sent copies the whole context,
or it would be copied too."""

_SYNTAX = re.compile(r"(?im)^\s*#\s*syntax\s*=")
_NOT_PLAIN = re.compile(r"[$*?\[\]\\\"']")


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


def references(text: str, image: Image) -> set[str] | None:
    """The images that the Dockerfile stands on: they must be on the engine, since a request brings no
    credentials. None when a request cannot carry the Dockerfile."""
    try:
        if _SYNTAX.search(text):
            return None  # a frontend, from a registry
        return set(_references(read(text), image))
    except (_Refused, UserFileError):
        return None


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
    def of(root: Path, dockerfile: Path) -> Context | None:
        """None for what `docker` does better. OSError, ValueError."""
        matcher = Matcher(parse(_ignore_text(root, dockerfile)))
        entries = tuple(files(root, (".",), matcher))
        left = LIMIT
        for entry in entries:
            left -= (root / entry.path).lstat().st_size if entry.kind == "file" else 0
            if left < 0 or entry.kind == "special" or entry.path == DOCKERFILE:
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
            for path in self._paths():
                source = self.root / path
                info = archive.gettarinfo(source, path)
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


def _ignore_text(root: Path, dockerfile: Path) -> str:
    """Of the Dockerfile's own ignore file, else of the context's."""
    for file in (Path(f"{dockerfile}.dockerignore"), root / ".dockerignore"):
        if file.is_file():
            return file.read_text(encoding="utf-8")
    return ""


def _references(file: UserFile, image: Image) -> Iterator[str]:
    for base in bases(file, image.args):
        if base.stage is None:
            if base.reference is None:
                raise _Refused
            if base.reference != "scratch":
                yield base.reference
    stages = {name for stage in file.stages for name in (stage.name, str(stage.index))}
    for instruction in file.instructions:
        for reference in _others(instruction):
            if "$" in reference:
                raise _Refused
            if reference.lower() not in stages:
                yield reference


def _others(instruction: Instruction) -> Iterator[str]:
    """Stages and images that it takes files from. What it takes of the context must not be all of it."""
    if instruction.keyword == "ONBUILD" or instruction.heredocs:
        raise _Refused
    if instruction.keyword in ("COPY", "ADD"):
        named = [flag.partition("=")[2] for flag in instruction.flags if flag.startswith("--from=")]
        if named:
            yield from named
            return
        words = json.loads(instruction.arguments) if instruction.is_json else instruction.arguments.split()
        for source in words[:-1]:
            _check_source(source)
    if instruction.keyword == "RUN":
        for flag in instruction.flags:
            if flag.startswith("--mount="):
                yield from _mounted(dict(_pairs(flag.removeprefix("--mount="))))
            elif not flag.startswith("--network="):
                raise _Refused


def _mounted(mount: dict[str, str]) -> Iterator[str]:
    kind, other = mount.get("type", "bind"), mount.get("from")
    if kind not in ("bind", "cache", "tmpfs"):
        raise _Refused
    if other is not None:
        yield other
    elif kind == "bind":
        _check_source(mount.get("source", mount.get("src", ".")))


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for field in text.split(","):
        name, _, value = field.partition("=")
        yield name.strip().lower(), value


def _check_source(source: str) -> None:
    if _NOT_PLAIN.search(source) or posixpath.normpath(f"/{source}") in ("/", "//"):
        raise _Refused
