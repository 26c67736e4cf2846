"""Real git repositories for tests, and a real server for them: `git http-backend` behind HTTP, with a login if asked."""

from __future__ import annotations

import base64
import http.server
import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ME = {
    "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_AUTHOR_DATE": "2024-01-01T00:00:00Z",
    "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.com", "GIT_COMMITTER_DATE": "2024-01-01T00:00:00Z",
    "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull,
}  # fmt: skip


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always", *words],
        cwd=folder, env={**os.environ, **ME}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def repository(folder: Path, files: Mapping[str, str] | None = None) -> Path:
    """A repository with one commit on `main`; without files one without any commit."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "-q")
    if files:
        commit(folder, files)
    return folder


def commit(folder: Path, files: Mapping[str, str], message: str = "Change") -> str:
    """Write the files and commit them; the commit."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)
    return git(folder, "rev-parse", "HEAD")


@dataclass
class Server:
    """`root` holds bare repositories NAME.git; `asked` are the requests so far, with the Authorization of each."""

    root: Path
    url: str = ""
    login: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)
    status: int = 0
    """Answer everything with it."""

    def publish(self, work: Path, name: str) -> str:
        """A bare copy of a repository, to which `origin` of the repository then leads; its URL."""
        bare = self.root / f"{name}.git"
        git(work, "clone", "-q", "--bare", str(work), str(bare))
        git(work, "remote", "add", "origin", str(bare))
        git(work, "fetch", "-q", "origin")
        return f"{self.url}/{name}.git"


@contextmanager
def serving(root: Path, login: str = "") -> Iterator[Server]:
    """A server of the repositories below a folder. `login` is USER:PASSWORD."""
    root.mkdir(parents=True, exist_ok=True)
    server = Server(root, login=login)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def answer(self) -> None:
            given = self.headers.get("Authorization", "")
            server.asked.append((self.path, given))
            length = int(self.headers.get("Content-Length") or 0)
            body = self.chunked() if self.headers.get("Transfer-Encoding") else self.rfile.read(length)
            wanted = base64.b64encode(server.login.encode()).decode()
            if server.status or (server.login and given.partition(" ")[2] != wanted):
                self.send_response(server.status or 401)
                self.send_header("WWW-Authenticate", 'Basic realm="test"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.backend(body)

        def chunked(self) -> bytes:
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def backend(self, body: bytes) -> None:
            path, _, query = self.path.partition("?")
            env = {
                **os.environ, **ME, "GIT_PROJECT_ROOT": str(root), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path,
                "QUERY_STRING": query, "REQUEST_METHOD": self.command, "REMOTE_ADDR": "127.0.0.1",
                "CONTENT_TYPE": self.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "GIT_CONFIG_COUNT": "2", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*",
                "GIT_CONFIG_KEY_1": "uploadpack.allowFilter", "GIT_CONFIG_VALUE_1": "true",
            }  # fmt: skip
            done = subprocess.run(
                ["git", "http-backend"], input=body, env=env, capture_output=True, check=False
            )
            head, _, rest = done.stdout.partition(b"\r\n\r\n")
            fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
            self.send_response(int(fields.pop("Status", "200 OK").split()[0]))
            for name, value in fields.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(rest)))
            self.end_headers()
            self.wfile.write(rest)

        def log_message(self, *_: object) -> None:
            pass

    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{running.server_address[1]}"
    threading.Thread(target=running.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        running.shutdown()
        running.server_close()
