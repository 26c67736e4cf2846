"""Hover: documentation, other systems' names, compiled lines, effective values and their origin."""

from __future__ import annotations

import asyncio
import http.server
import json
import socketserver
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from lspkit import Editor, editor, labels, place_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

TEXT = """version: 1
params: {lang: en}
secrets:
  pat: {env: GITHUB_PAT}
images:
  etl:
    base: python:3.12-slim
    apt_packages: [git]
    secrets: [pat]
pipeline:
  image: etl
  cpu: 2
  serial:
    load:
      run: echo ${{ params.lang }} ${{ matrix.py }}
      matrix: {py: ["3.11", "3.12"]}
    train:
      run: python train.py
      when: on_success
"""

CASES = [
    ("apt_packages", ["Elsewhere", "images/etl/Dockerfile", "apt-get install"]),
    ("etl:", ["python:3.12-slim", "```dockerfile", "Used by"]),
    ("etl\n", ["python:3.12-slim"]),
    ("python:3.12-slim", ["debian"]),
    ("pat]", ["GITHUB_PAT"]),
    ("cpu", ["Holds for", "train"]),
    ("train:", ["`cpu`: `2` (from line 12)", "after"]),
    ("params.lang", ["`en`"]),
    ("matrix.py", ["3.11", "3.12"]),
    ("on_success", ["succeeded"]),
    ("version", ["format"]),
]


@pytest.mark.parametrize(("word", "parts"), CASES, ids=[word.strip() for word, _ in CASES])
async def test_hover(ed: Editor, word: str, parts: list[str]) -> None:
    uri, _ = ed.open(TEXT)
    await ed.settled(uri)
    text = await ed.hover(uri, place_of(TEXT, word))
    for part in parts:
        assert part in text


async def test_hover_tells_the_digest_of_the_lock(ed: Editor, tmp_path: Path) -> None:
    (tmp_path / "imgc.lock").write_text(
        "version: 1\nimages:\n  python:3.12-slim: {digest: 'sha256:" + "ab" * 32 + "'}\n"
    )
    uri, _ = ed.open_at(tmp_path / "pipeline.yaml", TEXT)
    await ed.settled(uri)
    assert "sha256:abab" in await ed.hover(uri, place_of(TEXT, "python:3.12-slim"))


async def test_hover_in_a_broken_document(ed: Editor) -> None:
    text = "version: 1\nname: [\nimages:\n  etl:\n    base: 'x\n    env: {A: 1}\n"
    uri, _ = ed.open(text)
    assert "variables" in (await ed.hover(uri, place_of(text, "env"))).lower()


class _Engine(http.server.BaseHTTPRequestHandler):
    """A Docker engine that has one image; `asked` holds the paths of all requests."""

    asked: ClassVar[list[str]] = []
    waits = threading.Event()

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.waits.wait(10)
        here = self.path.endswith("/images/python:3.12-slim/json")
        created = (datetime.now(UTC) - timedelta(days=3, hours=1)).isoformat().replace("+00:00", "Z")
        digests = ["python@sha256:" + "cd" * 32]
        image = {"Size": 124_300_000, "Created": created, "RepoDigests": digests}
        listed = self.path.endswith("/images/json")
        body = json.dumps(
            [{"RepoTags": ["acme.example/tool:7"]}] if listed
            else image if here else {"message": "No such image"}
        ).encode()  # fmt: skip
        self.send_response(200 if here or listed else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "a socket"

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Engine]]:
    class Server(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True

    _Engine.asked.clear()
    _Engine.waits.clear()
    with Server(str(tmp_path / "docker.sock"), _Engine) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path / 'docker.sock'}")
        yield _Engine
        _Engine.waits.set()
        server.shutdown()


async def test_hover_tells_what_the_local_engine_has(tmp_path: Path, engine: type[_Engine]) -> None:
    async with editor(tmp_path) as own:
        uri, _ = own.open(TEXT)
        await own.settled(uri)
        place = place_of(TEXT, "python:3.12-slim")
        first = await asyncio.wait_for(own.hover(uri, place), 2)  # the engine does not answer yet
        assert "Python 3.12" in first
        assert "on this machine" not in first
        engine.waits.set()
        async with asyncio.timeout(10):
            while "on this machine" not in (text := await own.hover(uri, place)):
                await asyncio.sleep(0.02)
        assert "124 MB, made 3 days ago, digest `sha256:cdcd" in text
        assert "124 MB" in await own.hover(uri, place_of(TEXT, "etl\n"))
        other = TEXT.replace("python:3.12-slim", "acme.example/not-here:1")
        uri, _ = own.open(other)
        await own.settled(uri)
        place = place_of(other, "acme.example/not-here:1")
        await own.hover(uri, place)
        async with asyncio.timeout(10):
            while not any("not-here" in path for path in engine.asked):
                await asyncio.sleep(0.02)
        assert "not in the lock" in await own.hover(uri, place)


async def test_images_of_the_engine_and_the_lock_are_completed(tmp_path: Path, engine: type[_Engine]) -> None:
    engine.waits.set()
    (tmp_path / "imgc.lock").write_text(
        "version: 1\nimages:\n  acme.example/locked:2: {digest: 'sha256:" + "ab" * 32 + "'}\n"
    )
    async with editor(tmp_path) as own:
        uri, place = own.open_at(tmp_path / "pipeline.yaml", "version: 1\nimages:\n  a:\n    base: acme|\n")
        await own.settled(uri)
        async with asyncio.timeout(10):
            while "acme.example/tool:7" not in (found := labels(await own.complete(uri, place))):
                await asyncio.sleep(0.02)
        assert found.index("acme.example/locked:2") < found.index("acme.example/tool:7")


async def test_the_engine_is_not_asked_where_that_is_off(tmp_path: Path, engine: type[_Engine]) -> None:
    engine.waits.set()
    async with editor(tmp_path, options={"engineLookups": False}) as own:
        uri, _ = own.open(TEXT)
        await own.settled(uri)
        for _ in range(3):
            assert "on this machine" not in await own.hover(uri, place_of(TEXT, "python:3.12-slim"))
    assert engine.asked == []
