"""Servers on this machine that containers reach, and that want a password: a package index, an apt repository."""

from __future__ import annotations

import base64
import gzip
import hashlib
import http.server
import io
import subprocess
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WHEEL = "private_package-1.0-py3-none-any.whl"


def gateway(engine: Any) -> str:
    """The address at which containers reach this machine."""
    network = engine.client.networks.get("bridge")
    return str(network.attrs["IPAM"]["Config"][0]["Gateway"])


def wheel() -> bytes:
    content = io.BytesIO()
    info = "private_package-1.0.dist-info"
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("private_package/__init__.py", "")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: private-package\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return content.getvalue()


def private_index(address: str, user: str, password: str) -> Any:
    """A package index (PEP 503) at this address that wants a password; yields HOST:PORT. It has `private-package`."""
    page = f'<a href="/files/{WHEEL}">{WHEEL}</a>'.encode()
    answers = {
        "/simple/private-package/": ("text/html", page),
        f"/files/{WHEEL}": ("application/octet-stream", wheel()),
    }
    return serving(address, answers, user, password)


def private_apt(address: str, folder: Path, user: str, password: str) -> Any:
    """A flat apt repository at this address that wants a password; yields HOST:PORT. It has `private-tool`."""
    tree = folder / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        "Package: private-tool\nVersion: 1.0\nArchitecture: all\nMaintainer: A <a@example.com>\nDescription: For tests\n"
    )
    (tree / "usr/bin").mkdir(parents=True)
    (tree / "usr/bin/private-tool").write_text("#!/bin/sh\necho private tool\n")
    (tree / "usr/bin/private-tool").chmod(0o755)
    file = folder / "private-tool_1.0_all.deb"
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "--build", str(tree), str(file)], check=True, capture_output=True
    )
    data = file.read_bytes()
    control = (tree / "DEBIAN/control").read_text()
    packages = f"{control}Filename: ./{file.name}\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\n\n".encode()
    answers = {
        "/Packages.gz": ("application/gzip", gzip.compress(packages)),
        "/Packages": ("text/plain", packages),
        f"/{file.name}": ("application/vnd.debian.binary-package", data),
    }
    return serving(address, answers, user, password)


@contextmanager
def serving(
    address: str, answers: Mapping[str, tuple[str, bytes]], user: str, password: str
) -> Iterator[str]:
    """A server of these answers (type and body by path) for who has the password; yields HOST:PORT."""
    wanted = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers.get("Authorization") != wanted:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="test"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            path = self.path.replace("/./", "/")
            kind, content = answers.get(path, ("text/plain", b""))
            self.send_response(200 if content else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_HEAD = do_GET

        def log_message(self, *_args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer((address, 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"{address}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
