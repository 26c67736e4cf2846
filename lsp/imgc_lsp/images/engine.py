"""The images of the local Docker engine, asked for over its socket. Blocking, bounded in time: for
threads."""

from __future__ import annotations

import http.client
import json
import os
import socket
from typing import Any
from urllib.parse import quote, urlsplit

_SECONDS = 2.0
_LARGEST = 16_000_000


class _OverSocket(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_SECONDS)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_SECONDS)
        self.sock.connect(self.path)


def image(reference: str) -> dict[str, Any] | None:
    """What the engine says of an image; None when it has none of that name. OSError where there is no engine."""
    connection = _connection(os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock")
    try:
        connection.request("GET", f"/images/{quote(reference, safe='/:@')}/json")
        response = connection.getresponse()
        data = json.loads(response.read(_LARGEST)) if response.status == 200 else None
    finally:
        connection.close()
    return data if isinstance(data, dict) else None


def images() -> list[str]:
    """References of all tagged images. OSError where there is no engine."""
    connection = _connection(os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock")
    try:
        connection.request("GET", "/images/json")
        data = json.loads(connection.getresponse().read(_LARGEST))
    finally:
        connection.close()
    tags = [tag for image in data if isinstance(image, dict) for tag in image.get("RepoTags") or ()]
    return sorted({tag for tag in tags if "<none>" not in tag})


def _connection(host: str) -> http.client.HTTPConnection:
    parts = urlsplit(host)
    if parts.scheme == "unix":
        return _OverSocket(parts.path)
    if parts.scheme in ("tcp", "http") and parts.hostname:
        return http.client.HTTPConnection(parts.hostname, parts.port or 2375, timeout=_SECONDS)
    raise OSError(f"engines at {host!r} are not asked for their images")
