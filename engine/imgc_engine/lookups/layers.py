"""The files of an image from its layers, read from the registry as a stream: nothing is stored, and little is kept."""

from __future__ import annotations

import hashlib
import http.client
import posixpath
import tarfile
import time
import zlib
from dataclasses import dataclass, field

from imgc_engine.lookups.manifests import Layer, RemoteImage
from imgc_engine.lookups.registry import Registry, RegistryError

LARGEST = 400_000_000
"""Bytes of all layers together that are worth being downloaded to know more of an image."""
SECONDS = 180.0
"""That they may take."""
_LARGEST_FILE = 1_000_000
_MOST_LINKS = 40
_READ = frozenset({"etc/os-release", "usr/lib/os-release", "etc/passwd"})
_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"


@dataclass(slots=True)
class LayerFiles:
    """All files by their paths without the first `/`: `links` with where they lead, `files` with what they hold,
    as far as that is read."""

    links: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)

    def find(self, path: str) -> str | None:
        """Where a path leads, links followed; None where nothing is."""
        rest, done, links = path.split("/"), "", 0
        while rest:
            name = rest.pop(0)
            if name in ("", "."):
                continue
            if name == "..":
                done = posixpath.dirname(done)
                continue
            here = f"{done}/{name}" if done else name
            target = self.links.get(here)
            if target is None:
                done = here
                continue
            links += 1
            if links > _MOST_LINKS:
                return None
            done = "" if target.startswith("/") else done
            rest = [*target.split("/"), *rest]
        return f"/{done}" if done in self.files else None

    def read(self, path: str) -> bytes | None:
        found = self.find(path)
        return self.files[found[1:]] if found else None

    def put(self, layer: LayerFiles) -> None:
        """A layer on top. What it takes away (`.wh.NAME`, `.wh..wh..opq`) is said of those below."""
        gone, emptied = set(), set()
        for path in layer.files:
            folder, name = posixpath.split(path)
            if name == _OPAQUE:
                emptied.add(folder)
            elif name.startswith(_WHITEOUT):
                gone.add(posixpath.join(folder, name.removeprefix(_WHITEOUT)))
        replaced = gone | layer.links.keys() | layer.files.keys()
        for known in (self.links, self.files):
            below = [path for path in known if _is_gone(path, gone, emptied, replaced)]
            for path in below:
                del known[path]
        self.links.update(layer.links)
        self.files.update(
            (path, data) for path, data in layer.files.items() if f"/{_WHITEOUT}" not in f"/{path}"
        )


def _is_gone(path: str, gone: set[str], emptied: set[str], replaced: set[str]) -> bool:
    if path in replaced:
        return True
    folder = posixpath.dirname(path)
    while folder:
        if folder in gone or folder in emptied:
            return True
        folder = posixpath.dirname(folder)
    return "" in emptied


def layer_files(registry: Registry, image: RemoteImage) -> LayerFiles | None:
    """The files of an image; None where that takes too much, or its layers are packed in a way that Python does not
    read. RegistryError."""
    if sum(layer.size for layer in image.layers) > LARGEST or any("zstd" in one.kind for one in image.layers):
        return None
    found = LayerFiles()
    until = registry.until = time.monotonic() + SECONDS  # they are asked for apart from all else
    for layer in image.layers:
        with registry.opened(f"{image.repository}/blobs/{layer.digest}", image.scope) as answer:
            stream = _Stream(answer, layer, until)
            try:
                with tarfile.open(fileobj=stream, mode="r|*", bufsize=1 << 16) as archive:  # type: ignore[call-overload]
                    found.put(_entries(archive))
                stream.end()
            except (tarfile.TarError, zlib.error, EOFError, UnicodeError) as error:
                raise RegistryError(
                    "answer", f"its layer {layer.digest[:19]}… cannot be read: {error}"
                ) from None
    return found


def _entries(archive: tarfile.TarFile) -> LayerFiles:
    layer = LayerFiles()
    while (member := archive.next()) is not None:
        archive.members.clear()  # type: ignore[attr-defined]  # it would keep all of them
        path = posixpath.normpath(f"/{member.name}")[1:]
        if member.issym():
            layer.links[path] = member.linkname
        elif member.isfile() and path in _READ and member.size <= _LARGEST_FILE:
            file = archive.extractfile(member)
            layer.files[path] = file.read() if file is not None else b""
        elif not member.isdir():
            layer.files[path] = b""
    return layer


class _Stream:
    """A layer as it comes in: bounded in time, and checked against its digest."""

    def __init__(self, answer: http.client.HTTPResponse, layer: Layer, until: float) -> None:
        self.answer = answer
        self.layer = layer
        self.until = until
        algorithm = layer.digest.partition(":")[0]
        self.hash = hashlib.new(algorithm if algorithm in hashlib.algorithms_available else "sha256")

    def read(self, size: int) -> bytes:
        if time.monotonic() > self.until:
            raise TimeoutError(f"its layers do not come within {SECONDS:.0f} seconds")
        data = self.answer.read(size)
        self.hash.update(data)
        return data

    def end(self) -> None:
        """Reads the rest, which an archive may have. RegistryError where it was another layer."""
        while self.read(1 << 16):
            pass
        if self.layer.digest.partition(":")[2] != self.hash.hexdigest():
            raise RegistryError("answer", f"what it sends is not the layer {self.layer.digest[:19]}…")
