"""A registry that is as faulty as a test wants it, with images made in memory."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
Files = dict[str, bytes | str | None]
"""What a layer holds: text is a link's target, None a whiteout that is empty."""


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def layer(files: Files, *, packed: bool = True) -> bytes:
    """A layer as it is sent."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            if isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
            data = content if isinstance(content, bytes) else b""
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return gzip.compress(out.getvalue(), mtime=0) if packed else out.getvalue()


@dataclass
class Registry:
    """`faults` are called before an answer, each once, the first first; one that gives True has answered itself."""

    address: str = ""
    blobs: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    """By the path below /v2/: media type and content."""
    faults: list[Callable[[BaseHTTPRequestHandler], bool | None]] = field(default_factory=list)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    """Method, path and Authorization of every request."""
    users: dict[str, str] = field(default_factory=dict)
    """With these it wants a token, which /token gives to those who are known."""
    identity: str = ""
    """An identity token that /token takes as well."""

    def image(
        self, name: str, tag: str, *layers: bytes, platforms: tuple[str, ...] = (), **config: object
    ) -> str:
        """Puts an image in; its digest."""
        manifests = []
        for platform in platforms or ("linux/amd64",):
            system, _, machine = platform.partition("/")
            data = json.dumps({"os": system, "architecture": machine, "config": config}).encode()
            for blob in (data, *layers):
                self.blobs[f"{name}/blobs/{digest_of(blob)}"] = "application/octet-stream", blob
            rows = [
                {
                    "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                    "digest": digest_of(one),
                    "size": len(one),
                }
                for one in layers
            ]
            config_row = {"mediaType": "application/json", "digest": digest_of(data), "size": len(data)}
            manifest = json.dumps(
                {"schemaVersion": 2, "mediaType": MANIFEST, "config": config_row, "layers": rows}
            ).encode()
            self.blobs[f"{name}/manifests/{digest_of(manifest)}"] = MANIFEST, manifest
            manifests.append(
                {
                    "digest": digest_of(manifest),
                    "size": len(manifest),
                    "platform": {"os": system, "architecture": machine},
                }
            )
        last = self.blobs[f"{name}/manifests/{manifests[-1]['digest']}"]
        if platforms:
            attestation = {
                "digest": digest_of(b"?"),
                "platform": {"os": "unknown", "architecture": "unknown"},
            }
            last = (
                INDEX,
                json.dumps(
                    {"schemaVersion": 2, "mediaType": INDEX, "manifests": [*manifests, attestation]}
                ).encode(),
            )
        self.blobs[f"{name}/manifests/{tag}"] = last
        self.blobs[f"{name}/manifests/{digest_of(last[1])}"] = last
        return digest_of(last[1])


@contextmanager
def registry() -> Iterator[Registry]:
    """A running registry on this machine."""
    fake = Registry()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.form = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self.answer()

        def answer(self) -> None:
            fake.asked.append((self.command, self.path, self.headers.get("Authorization", "")))
            if fake.faults and fake.faults.pop(0)(self):
                return
            if self.path.startswith("/token"):
                self.token()
            elif (fake.users or fake.identity) and self.headers.get("Authorization") != "Bearer good":
                scope = 'scope="repository:app:pull"'
                where = f'Bearer realm="http://{fake.address}/token",service="fake",{scope}'
                self.send(401, b"{}", ("WWW-Authenticate", where))
            elif (found := fake.blobs.get(self.path.removeprefix("/v2/"))) is not None:
                self.send(
                    200, found[1], ("Content-Type", found[0]), ("Docker-Content-Digest", digest_of(found[1]))
                )
            else:
                self.send(404, b'{"errors": []}')

        def token(self) -> None:
            if self.command == "POST":
                known = f"refresh_token={fake.identity}" in self.form
            else:
                login = self.headers.get("Authorization", "").removeprefix("Basic ")
                user, _, password = base64.b64decode(login).decode().partition(":")
                known = fake.users.get(user) == password
            self.send(200 if known else 401, json.dumps({"token": "good"}).encode())

        def send(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    fake.address = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()


# Faults


def status(code: int, **headers: str) -> Callable[[BaseHTTPRequestHandler], bool]:
    def fault(handler: BaseHTTPRequestHandler) -> bool:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return True

    return fault


def says(body: bytes, length: int | None = None) -> Callable[[BaseHTTPRequestHandler], bool]:
    """An answer that may be announced longer than it is."""

    def fault(handler: BaseHTTPRequestHandler) -> bool:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = True
        return True

    return fault


def stalls(_: BaseHTTPRequestHandler) -> bool:
    """Takes the question and says nothing."""
    time.sleep(30)
    return True


def drips(handler: BaseHTTPRequestHandler) -> bool:
    """Says a little again and again, so that no read takes long."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(300):
        try:
            handler.wfile.write(b" ")
            handler.wfile.flush()
        except OSError:
            break
        time.sleep(0.1)
    return True


def hangs_up(handler: BaseHTTPRequestHandler) -> bool:
    handler.close_connection = True
    handler.connection.close()
    return True
