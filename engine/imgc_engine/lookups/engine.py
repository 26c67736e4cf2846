"""The images of the local Docker engine, asked for over its socket. Blocking, bounded in time: for threads."""

from __future__ import annotations

import base64
import hashlib
import http.client
import io
import json
import os
import posixpath
import socket
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import quote, urlsplit

from imgc_engine.lookups.credentials import config_folder, docker_config

_SECONDS = 2.0
_PATIENT = 20.0
"""For what makes the engine work."""
_LARGEST = 16_000_000
_LARGEST_FILE = 1_000_000


class _OverSocket(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def image(reference: str) -> dict[str, Any] | None:
    """What the engine says of an image; None when it has none of that name. OSError where there is no engine."""
    status, data = _json("GET", f"/images/{quote(reference, safe='/:@')}/json")
    return data if status == 200 and isinstance(data, dict) else None


def images() -> list[str]:
    """References of all tagged images. OSError where there is no engine."""
    _, data = _json("GET", "/images/json")
    found = data if isinstance(data, list) else []
    tags = [tag for image in found if isinstance(image, dict) for tag in image.get("RepoTags") or ()]
    return sorted({tag for tag in tags if "<none>" not in tag})


def knows_digests() -> bool:
    """Whether the digests of its images are those of registries. With containerd's image store images that were made
    here have one as well, which nobody else can fetch. OSError where there is no engine."""
    _, data = _json("GET", "/info")
    rows = data.get("DriverStatus") if isinstance(data, dict) else None
    return not any("io.containerd.snapshotter" in str(row) for row in rows or ())


class EngineFiles:
    """The files of an image, seen through a container that is never started: it needs no shell, and runs nothing."""

    def __init__(self, container: str) -> None:
        self.container = container
        self.known: dict[str, str | None] = {}

    def find(self, path: str) -> str | None:
        """Where a path leads, links followed; None where nothing is. OSError where the engine does not answer."""
        if path not in self.known:
            status, headers, _ = _ask("HEAD", self._archive(path), timeout=_PATIENT)
            self.known[path] = _target(path, headers) if status == 200 else None
        return self.known[path]

    def read(self, path: str) -> bytes | None:
        """What a file holds; None where none is."""
        found = self.find(path)
        status, _, data = _ask("GET", self._archive(found), timeout=_PATIENT) if found else (404, None, b"")
        if status != 200:
            return None
        with suppress(tarfile.TarError), tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for member in archive:
                if member.isfile() and (file := archive.extractfile(member)) is not None:
                    return file.read(_LARGEST_FILE)
        return None

    def _archive(self, path: str) -> str:
        return f"/containers/{self.container}/archive?path={quote(path, safe='')}"


@contextmanager
def files(image_id: str, project: str) -> Iterator[EngineFiles]:
    """The files of an image that the engine has. `project` is what `imgc clean` knows leftovers by. OSError."""
    labels = {"imgc.run": "lock", "imgc.project": project}
    wanted = {"Image": image_id, "Cmd": ["/"], "Entrypoint": [], "Labels": labels, "NetworkDisabled": True}
    status, data = _json("POST", "/containers/create", wanted, _PATIENT)
    if status != 201 or not isinstance(data, dict):
        said = data.get("message") if isinstance(data, dict) else data
        raise OSError(f"the engine makes no container of the image: {said}")
    try:
        yield EngineFiles(str(data["Id"]))
    finally:
        with suppress(OSError):
            _ask("DELETE", f"/containers/{data['Id']}?force=1&v=1", timeout=_PATIENT)


def _target(path: str, headers: http.client.HTTPMessage) -> str:
    try:
        stat = json.loads(base64.b64decode(headers.get("X-Docker-Container-Path-Stat", "")))
        link = str(stat.get("linkTarget") or "")
    except (ValueError, AttributeError):
        link = ""
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), link)) if link else path


def _json(method: str, path: str, body: object = None, timeout: float = _SECONDS) -> tuple[int, Any]:
    status, _, data = _ask(method, path, body, timeout)
    try:
        return status, json.loads(data)
    except ValueError:
        raise OSError("the engine's answer is not JSON") from None


def _ask(
    method: str, path: str, body: object = None, timeout: float = _SECONDS
) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = _connection(host(), timeout)
    try:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read(_LARGEST)
    except http.client.HTTPException as error:
        raise OSError(f"the engine's answer is not HTTP: {error}") from None
    finally:
        connection.close()


def host() -> str:
    """Where the engine is: DOCKER_HOST, else the context in use, else the usual socket."""
    if named := os.environ.get("DOCKER_HOST"):
        return named
    context = os.environ.get("DOCKER_CONTEXT") or docker_config().get("currentContext") or "default"
    if context != "default":
        name = hashlib.sha256(str(context).encode()).hexdigest()
        with suppress(OSError, ValueError, KeyError, TypeError):
            meta = json.loads((config_folder() / "contexts" / "meta" / name / "meta.json").read_text())
            return str(meta["Endpoints"]["docker"]["Host"])
    return "unix:///var/run/docker.sock"


def _connection(place: str, timeout: float) -> http.client.HTTPConnection:
    parts = urlsplit(place)
    if parts.scheme == "unix":
        return _OverSocket(parts.path, timeout)
    if parts.scheme in ("tcp", "http") and parts.hostname and not os.environ.get("DOCKER_TLS_VERIFY"):
        return http.client.HTTPConnection(parts.hostname, parts.port or 2375, timeout=timeout)
    raise OSError(f"engines at {place!r} are not asked for their images")
