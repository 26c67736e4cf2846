"""Completion of references from a real registry that wants a login, with the credentials of Docker's
configuration."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import shutil
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from lspkit import editor, labels

from imgc_lsp.images.shelf import Shelf

ENGINE_TESTS = str(Path(__file__).parents[1] / "engine")
if ENGINE_TESTS not in sys.path:
    sys.path.insert(0, ENGINE_TESTS)

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(shutil.which("docker-registry") is None, reason="docker-registry is not installed"),
]
USER, PASSWORD = "ada", "secret"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    from harness.registry import registry

    with registry(tmp_path_factory.mktemp("registry"), {USER: PASSWORD}) as running:
        for tag in ("1.0", "2.0"):
            push(running.address, "acme/app", tag)
        yield running.address


def push(address: str, repository: str, tag: str) -> None:
    """The smallest image there is: a configuration and no layers."""
    config = b"{}"
    digest = f"sha256:{hashlib.sha256(config).hexdigest()}"
    location = ask("POST", f"http://{address}/v2/{repository}/blobs/uploads/", b"").headers["Location"]
    ask("PUT", f"{location}&digest={digest}", config, "application/octet-stream")
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    image = {
        "mediaType": "application/vnd.docker.container.image.v1+json",
        "size": len(config),
        "digest": digest,
    }
    manifest = {"schemaVersion": 2, "mediaType": kind, "config": image, "layers": []}
    ask("PUT", f"http://{address}/v2/{repository}/manifests/{tag}", json.dumps(manifest).encode(), kind)


def ask(method: str, url: str, data: bytes, kind: str = "application/json"):  # type: ignore[no-untyped-def]
    login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    headers = {"Authorization": f"Basic {login}", "Content-Type": kind}
    return urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=10)


def log_in(folder: Path, address: str, password: str, monkeypatch: pytest.MonkeyPatch) -> None:
    login = base64.b64encode(f"{USER}:{password}".encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {address: {"auth": login}}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))


async def test_tags_and_repositories(tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    log_in(tmp_path, address, PASSWORD, monkeypatch)
    async with editor(tmp_path, options={"registryLookups": True}) as ed:
        for typed, expected in (
            (f"{address}/acme/app:", f"{address}/acme/app:2.0"),
            (f"{address}/", f"{address}/acme/app"),
        ):
            uri, place = ed.open(f"version: 1\nimages:\n  a:\n    base: {typed}|\n")
            async with asyncio.timeout(10):
                while expected not in labels(found := await ed.complete(uri, place)):
                    assert found.is_incomplete
                    await asyncio.sleep(0.02)


async def test_what_was_said_before_is_offered_without_asking(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`cached` asks nobody; a server that may ask has it before the first answer."""
    log_in(tmp_path, address, PASSWORD, monkeypatch)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    text = f"version: 1\nimages:\n  a:\n    base: {address}/acme/app:|\n"
    async with editor(tmp_path, options={"registryLookups": "cached", "engineLookups": False}) as ed:
        found = await ed.complete(*ed.open(text))
        assert f"{address}/acme/app:2.0" not in labels(found)
        assert not found.is_incomplete
    async with editor(tmp_path, options={"registryLookups": "on"}) as ed:
        uri, place = ed.open(text)
        async with asyncio.timeout(10):
            while f"{address}/acme/app:2.0" not in labels(await ed.complete(uri, place)):
                await asyncio.sleep(0.02)
    log_in(tmp_path, address, "no longer right", monkeypatch)
    for setting, incomplete in (("cached", False), (True, True)):
        async with editor(tmp_path, options={"registryLookups": setting, "engineLookups": False}) as ed:
            found = await ed.complete(*ed.open(text))
            assert f"{address}/acme/app:2.0" in labels(found)
            assert found.is_incomplete == incomplete


@pytest.mark.parametrize("content", ["", "[]", '{"a": 1, "b:": [1, "x"]}', "\0"])
async def test_a_damaged_file_of_what_was_said_is_no_fault(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "imgc").mkdir()
    (tmp_path / "imgc/registries.json").write_text(content)
    shelf = Shelf()
    assert shelf.get("b:") == (["x"] if "x" in content else [])
    shelf.put("c/", ["y"])
    assert Shelf().get("c/") == ["y"]


async def test_a_wrong_password_is_no_fault(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(tmp_path, address, "wrong", monkeypatch)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    async with editor(tmp_path, options={"registryLookups": True}) as ed:
        uri, place = ed.open(f"version: 1\nimages:\n  a:\n    base: {address}/acme/app:|\n")
        async with asyncio.timeout(10):
            while (await ed.complete(uri, place)).is_incomplete:
                await asyncio.sleep(0.02)
        assert f"{address}/acme/app:2.0" not in labels(await ed.complete(uri, place))
