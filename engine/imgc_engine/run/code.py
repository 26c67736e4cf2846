"""Code that containers get when they are made: `source_files: download`.

It is fetched here, by commit, and put into each container before that starts: so the image needs no git, no
credentials get near it, and each container has a copy of its own that it may change.
"""

from __future__ import annotations

import io
import os
import posixpath
import tarfile
import tempfile
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import docker
import docker.errors

from imgc.records import dataclass
from imgc_engine import images
from imgc_engine.build.fetch import said, wanted_of
from imgc_engine.failures import Code as ExitCode
from imgc_engine.failures import Failure
from imgc_engine.interrupt import Interrupt
from imgc_engine.plan import CodeSource, Plan
from imgc_engine.secrets import Secrets
from imgc_engine.sources.lookup import Lookups
from imgc_engine.sources.program import SourceError

CHUNK = 1 << 20


class NoCode(docker.errors.APIError):  # type: ignore[misc]
    """The code cannot be had: for who makes containers, a reason like the engine's own."""


@dataclass(frozen=True, slots=True)
class Archive:
    """Files as a tar archive, in a file without a name, to be put into a folder of a container."""

    target: str
    file: BinaryIO
    owner: tuple[int, int]

    def without(self, places: Iterable[str]) -> Archive:
        """But for what would come to lie at or below these places in the container."""
        left_out = [posixpath.relpath(place, self.target) for place in places]
        file = tempfile.TemporaryFile()  # noqa: SIM115
        whole = io.BytesIO(b"".join(self.chunks()))
        with tarfile.open(fileobj=whole) as old, tarfile.open(fileobj=file, mode="w") as new:
            for entry in old:
                if not any(_holds(place, entry.name) for place in left_out):
                    new.addfile(entry, old.extractfile(entry) if entry.isreg() else None)
        file.flush()
        return Archive(self.target, file, self.owner)

    def chunks(self) -> Iterator[bytes]:
        """From the beginning; several may read at once."""
        position = 0
        while data := os.pread(self.file.fileno(), CHUNK, position):
            position += len(data)
            yield data


class Downloads:
    """The code of a plan's images. Its methods may be called from any thread."""

    def __init__(
        self, plan: Plan, project: Path, secrets: Secrets, client: docker.APIClient, interrupt: Interrupt
    ) -> None:
        self._plan, self._client = plan, client
        self._lookups = Lookups(project, secrets, plan.secrets, interrupt)
        self._lock = threading.Lock()
        self._archives: dict[str, list[Archive]] = {}

    def grow(self, plan: Plan) -> None:
        """The plan has more images from now on."""
        self._plan = plan

    def fetch(self, names: Iterable[str]) -> tuple[Failure, ...]:
        """Have the code of these images at hand; what cannot be had. APIError."""
        failures = []
        for name in names:
            for source in self._sources(name):
                try:
                    self._of(name)
                except SourceError as raised:
                    error = self._lookups.masked(raised)
                    code = ExitCode.USER_FILE if error.of_user else ExitCode.ENVIRONMENT
                    detail = f"fetch {said(source)}"
                    failures.append(Failure(name, str(error), source.place, code, detail=detail))
                    break
        return tuple(failures)

    def put(self, name: str, container: str) -> None:
        """Put the image's code into a container that has not started yet. APIError."""
        if not self._sources(name):
            return
        try:
            archives = self._of(name)
        except SourceError as error:
            raise NoCode(str(self._lookups.masked(error))) from None
        found = self._client.inspect_container(container)["Mounts"]
        mounted = [posixpath.normpath(mount["Destination"]) for mount in found]
        for archive in archives:
            if any(_holds(place, archive.target) for place in mounted):
                continue  # it would be written to the host, or a volume; and the mount hides the image's code, too
            below = [place for place in mounted if _holds(archive.target, place)]
            archive = archive.without(below) if below else archive
            try:
                self._client.put_archive(container, archive.target, archive.chunks())
            except docker.errors.NotFound:  # no such folder: the image did not make it
                self._client.put_archive(container, "/", _folder(archive))
                self._client.put_archive(container, archive.target, archive.chunks())

    def _sources(self, name: str) -> list[CodeSource]:
        return [source for source in self._plan.images[name].sources if source.source_files == "download"]

    def _of(self, name: str) -> list[Archive]:
        with self._lock:
            if name not in self._archives:
                owner = self._owner(name)
                self._archives[name] = [self._archive(source, owner) for source in self._sources(name)]
            return self._archives[name]

    def _archive(self, source: CodeSource, owner: tuple[int, int]) -> Archive:
        if not source.commit:
            raise SourceError("state", "Which commit this is was not looked up: start it with `imgc run`.")
        with tempfile.TemporaryDirectory(prefix="imgc-") as folder:
            try:
                self._lookups.fill(wanted_of(source), source.commit, Path(folder))
                file = tempfile.TemporaryFile()  # noqa: SIM115
                _pack(Path(folder), file, owner)
            except OSError as error:
                raise SourceError("program", f"The code cannot be written: {error.strerror}.") from None
        return Archive(source.target or "/", file, owner)

    def _owner(self, name: str) -> tuple[int, int]:
        """Ids of the user that the image runs as: the code is that user's, as copied code is."""
        reference = self._plan.images[name].reference
        found = images.local(self._client, reference)
        user, _, group = (found.user if found else "").partition(":")
        if user.isdigit() and (group.isdigit() or not group):
            return int(user), int(group or 0)
        if user in ("", "root"):
            return 0, 0
        probe = self._client.create_container_from_config({"Image": reference, "Cmd": ["-"]}, None)["Id"]
        try:
            users, groups = self._table(probe, "/etc/passwd"), self._table(probe, "/etc/group")
        finally:
            self._client.remove_container(probe, force=True)
        ids = users.get(user, ["0", "0"])
        uid = int(user) if user.isdigit() else int(ids[0])
        gid = int(group) if group.isdigit() else int(groups[group][0]) if group in groups else int(ids[1])
        return uid, gid

    def _table(self, container: str, path: str) -> dict[str, list[str]]:
        """Name -> the fields from the third, of a file like /etc/passwd; empty when there is none."""
        try:
            chunks, _ = self._client.get_archive(container, path)
        except docker.errors.NotFound:
            return {}
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
            file = archive.extractfile(posixpath.basename(path))
            text = file.read().decode("utf-8", "replace") if file else ""
        lines = [line.split(":") for line in text.splitlines()]
        return {line[0]: line[2:] for line in lines if len(line) > 3}


def _holds(place: str, path: str) -> bool:
    return path == place or path.startswith(f"{place.rstrip('/')}/")


def _pack(folder: Path, file: BinaryIO, owner: tuple[int, int]) -> None:
    """What is in a folder, as its new owner's."""

    def owned(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid, entry.gid = owner
        entry.uname = entry.gname = ""
        return entry

    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(folder.iterdir()):
            archive.add(path, path.name, filter=owned)
    file.flush()


def _folder(archive: Archive) -> bytes:
    """An archive with the target folder alone, which whoever unpacks it makes with all above it."""
    entry = tarfile.TarInfo(archive.target.lstrip("/"))
    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
    entry.uid, entry.gid = archive.owner
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as packed:
        packed.addfile(entry)
    return content.getvalue()
