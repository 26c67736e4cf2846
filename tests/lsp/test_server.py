"""The server as a whole: pull diagnostics, encodings, cancellation, settings, watched files, previews,
results of runs."""

from __future__ import annotations

import asyncio
import http.server
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lspkit import Editor, document, editor, labels
from lsprotocol import types as lsp

pytestmark = pytest.mark.asyncio(loop_scope="session")

TEXT = "version: 1\nimages:\n  etl:\n    base: python:3.12-slim\n    apt_packages: [git]\npipeline:\n  image: etl\n  run: x\n"


async def test_pull_gives_what_push_gives(ed: Editor) -> None:
    uri, _ = ed.open(TEXT.replace("apt_packages", "apt_package"))
    pushed = await ed.until(uri, lambda items: len(items) >= 1)
    pulled = await ed.pulled(uri)
    assert [(item.code, item.range) for item in pulled] == [(item.code, item.range) for item in pushed]
    report = await ed.ask(lsp.TEXT_DOCUMENT_DIAGNOSTIC, lsp.DocumentDiagnosticParams(document(uri)))
    again = lsp.DocumentDiagnosticParams(document(uri), previous_result_id=report.result_id)
    assert (await ed.ask(lsp.TEXT_DOCUMENT_DIAGNOSTIC, again)).kind == "unchanged"


async def test_a_cycle_has_each_step_as_related_information(ed: Editor) -> None:
    uri, _ = ed.open("version: 1\nimages:\n  a: {extends: b}\n  b: {extends: c}\n  c: {extends: a}\n")
    found = await ed.codes(uri, "cycle")
    cycle = next(item for item in found if item.code == "cycle")
    assert [info.location.range.start.line for info in cycle.related_information or ()] == [3, 4]


async def test_unused_names_are_tagged(ed: Editor) -> None:
    uri, _ = ed.open(TEXT + "params: {a: 1}\n")
    found = await ed.codes(uri, "unused-name")
    assert next(item for item in found if item.code == "unused-name").tags == (lsp.DiagnosticTag.Unnecessary,)


async def test_names_of_other_systems_are_struck_through(ed: Editor) -> None:
    uri, _ = ed.open("version: 1\nimages:\n  a: {parent_image: 'debian:12'}\n")
    found = await ed.codes(uri, "foreign-key")
    assert next(item for item in found if item.code == "foreign-key").tags == (lsp.DiagnosticTag.Deprecated,)


async def test_semantic_findings_stay_while_something_else_is_typed(ed: Editor) -> None:
    uri, _ = ed.open("version: 1\nimages:\n  a: {extends: nope}\n  b: {base: 'x:1'}\n")
    await ed.codes(uri, "unknown-image")
    ed.edit(uri, (3, 0), (3, 0), "# a comment\n")
    await ed.codes(uri, "unknown-image")
    ed.edit(uri, (2, 15), (2, 19), "b")
    await ed.until(uri, lambda items: all(item.code != "unknown-image" for item in items))


ENCODINGS = [
    (lsp.PositionEncodingKind.Utf8, 4, 3), (lsp.PositionEncodingKind.Utf16, 2, 1), (lsp.PositionEncodingKind.Utf32, 1, 1),
]  # fmt: skip


@pytest.mark.parametrize(("encoding", "emoji", "bom"), ENCODINGS, ids=["utf-8", "utf-16", "utf-32"])
async def test_position_encodings(
    tmp_path: Path, encoding: lsp.PositionEncodingKind, emoji: int, bom: int
) -> None:
    async with editor(tmp_path, encodings=[encoding]) as ed:
        assert ed.initialized is not None
        assert ed.initialized.capabilities.position_encoding == encoding
        uri, _ = ed.open("version: 1\nname: a # 😀\nimages: {a: {'😀': 1}}\n")
        found = await ed.codes(uri, "unknown-key")
        place = next(item for item in found if item.code == "unknown-key").range
        assert (place.start.character, place.end.character) == (13, 13 + emoji + 2)
        ed.edit(uri, (2, 14), (2, 14 + emoji), "base")
        await ed.until(uri, lambda items: all(item.code != "unknown-key" for item in items))
        uri, _ = ed.open("\ufeffvershon: 1\nimages: {}\n", "x.imgc.yaml")
        found = await ed.codes(uri, "unknown-key")
        assert next(item for item in found if item.code == "unknown-key").range.start.character == bom


async def test_cancelled_requests_are_not_worked_on(ed: Editor) -> None:
    uri, place = ed.open("version: 1\nimages:\n  a:\n    |\n")
    params = lsp.CompletionParams(document(uri), place)
    futures = []
    for number in range(20):
        futures.append(
            ed.client.protocol.send_request_async(lsp.TEXT_DOCUMENT_COMPLETION, params, msg_id=f"c{number}")
        )
    for number in range(19):
        ed.client.cancel_request(lsp.CancelParams(f"c{number}"))
    results = await asyncio.wait_for(asyncio.gather(*futures, return_exceptions=True), 10)
    assert "base" in labels(results[-1])


async def test_unknown_methods_and_documents_are_answered(ed: Editor) -> None:
    with pytest.raises(Exception, match=r"[Mm]ethod"):
        await asyncio.wait_for(ed.ask("imgc/nothing", None), 5)
    params = lsp.HoverParams(document("file:///nowhere/pipeline.yaml"), lsp.Position(3, 4))
    assert await ed.ask(lsp.TEXT_DOCUMENT_HOVER, params) is None
    uri, _ = ed.open(TEXT)
    params = lsp.HoverParams(document(uri), lsp.Position(4_000, 99_999))
    assert await ed.ask(lsp.TEXT_DOCUMENT_HOVER, params) is None


async def test_closing_with_a_request_in_flight(ed: Editor) -> None:
    uri, place = ed.open("version: 1\nimages:\n  a:\n    |\n")
    waiting = ed.client.protocol.send_request_async(
        lsp.TEXT_DOCUMENT_COMPLETION, lsp.CompletionParams(document(uri), place)
    )
    ed.close(uri)
    await asyncio.wait_for(waiting, 5)


async def test_clients_that_pull_are_told_to_pull_again(tmp_path: Path) -> None:
    def change(capabilities: Any) -> None:
        capabilities.text_document.diagnostic = lsp.DiagnosticClientCapabilities()
        capabilities.workspace.diagnostics = lsp.DiagnosticWorkspaceClientCapabilities(refresh_support=True)

    async with editor(tmp_path, change=change) as ed:
        uri, _ = ed.open("version: 1\nimages:\n  a: {extends: nope}\n")
        first = await ed.pulled(uri)
        if not any(item.code == "unknown-image" for item in first):
            async with asyncio.timeout(5):
                while not ed.client.diagnostic_refresh_count:
                    await ed.settled(uri)
        assert any(item.code == "unknown-image" for item in await ed.pulled(uri))
        assert not ed.client.diagnostics.get(uri)


BESIDE = [
    ("requirements: req.txt", "path-missing", "req.txt", "numpy\n"),
    ("dockerfile: docker/Dockerfile", "path-missing", "docker/Dockerfile", "FROM debian:12\n"),
    ("dockerignore: ignored", "path-missing", "ignored", "*.log\n"),
    ("uv_project: pyproject.toml", "path-missing", "pyproject.toml", "[project]\nname = 'a'\nversion = '1'\n"),
    ("npm_packages: true", "path-missing", "package.json", "{}"),
    ("replicate_local_environment: pip_freeze", "not-locked", "imgc.lock",
     "version: 1\nenvironments:\n  etl: {command: pip_freeze, python: '3.12', packages: [six==1.17.0]}\n"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "code", "name", "content"), BESIDE, ids=[name for _, _, name, _ in BESIDE])
async def test_files_beside_the_document_are_watched(
    ed: Editor, key: str, code: str, name: str, content: str
) -> None:
    """Their users are looked at again, whatever kind of file it is."""
    uri, _ = ed.open(f"version: 1\nimages:\n  etl:\n    {key}\n")
    found = await ed.codes(uri, code)
    message = next(item.message for item in found if item.code == code)
    file = ed.path(uri).parent / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(content)
    event = lsp.FileEvent(file.as_uri(), lsp.FileChangeType.Created)
    ed.client.workspace_did_change_watched_files(lsp.DidChangeWatchedFilesParams([event]))
    await ed.until(uri, lambda items: all(item.message != message for item in items))


async def test_the_client_is_asked_for_its_settings(tmp_path: Path) -> None:
    def change(capabilities: Any) -> None:
        capabilities.workspace.configuration = True

    async with editor(tmp_path, change=change, settings={"claim": ["*/ours.yml"]}) as ed:
        uri, _ = ed.open("imags: {}\n", "ours.yml")
        await ed.codes(uri, "unknown-key")


async def test_settings_claim_files_and_bound_problems(tmp_path: Path) -> None:
    async with editor(tmp_path) as ed:
        uri, _ = ed.open("imags: {}\n", "ours.yml")
        ed.client.workspace_did_change_configuration(
            lsp.DidChangeConfigurationParams({"imgc": {"claim": ["*/ours.yml"], "maxProblems": 1}})
        )
        found = await ed.until(uri, lambda items: len(items) == 2)
        assert found[1].code == "too-many"


CLAIMS = [
    ("pipeline.yaml", "version: 1\nimages: {}\n", True), ("other.yaml", "version: 1\npipeline: x\n", True),
    ("a.imgc.yaml", "x: 1\n", True), ("other.yml", "# imgc\nimags: 1\n", True), ("pipeline.yaml", "stages: [a]\n", False),
    ("docker-compose.yaml", "version: '3.8'\nimages: 1\nservices: {}\n", False), ("pipeline.yaml", "", False),
    ("ci.yaml", "version: 2.1\njobs: {}\npipeline: 1\n", False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "ours"), CLAIMS)
async def test_claims(ed: Editor, name: str, text: str, ours: bool) -> None:
    uri, _ = ed.open(text + "zzz: 1\n" if text else text, name)
    found = await ed.pulled(uri)
    assert bool(found) == ours


async def test_previews_with_the_map_both_ways(ed: Editor) -> None:
    uri, _ = ed.open(TEXT)
    found = await ed.command("imgc.preview", uri, {"line": 4})
    lines = found.text.split("\n") if hasattr(found, "text") else found["text"].split("\n")
    data = found if isinstance(found, dict) else _plain(found)
    assert data["languageId"] == "dockerfile"
    row = next(row for row in data["map"] if row["key"] == "apt_packages")
    assert row["sourceLine"] == 4
    assert data["line"] == row["line"]
    assert any("git" in line for line in lines[row["line"] : row["endLine"] + 1])
    content = await ed.ask(lsp.WORKSPACE_TEXT_DOCUMENT_CONTENT, lsp.TextDocumentContentParams(data["uri"]))
    assert content.text == data["text"]
    plan = _plain(await ed.command("imgc.preview", uri, {"kind": "plan"}))
    assert "in etl: x" in plan["text"]


def _plain(found: Any) -> dict[str, Any]:
    if isinstance(found, dict):
        return found
    data = {name: getattr(found, name) for name in found._fields}
    data["map"] = [row if isinstance(row, dict) else row._asdict() for row in data["map"]]
    return data


async def test_failures_of_the_last_run_are_diagnostics(ed: Editor) -> None:
    """In the form that the engine writes: the failed leaf is marked, the group around it is not."""
    uri, _ = ed.open("version: 1\npipeline:\n  serial:\n    load: x\n    train:\n      run: y\n")
    run = ed.path(uri).parent / ".imgc" / "runs" / "1"
    run.mkdir(parents=True)
    journal = run / "journal.jsonl"
    records = [
        {"t": 1, "e": "node", "path": "load", "state": "succeeded", "attempt": 1},
        {
            "t": 2,
            "e": "node",
            "path": "train",
            "state": "failed",
            "attempt": 1,
            "message": "It ended with 3.",
        },
        {"t": 2, "e": "node", "path": "", "state": "failed", "attempt": 1, "message": "A child failed."},
    ]
    journal.write_text("".join(json.dumps(record) + "\n" for record in records) + '{"t": 3, "e": "no')
    event = lsp.FileEvent(journal.as_uri(), lsp.FileChangeType.Created)
    ed.client.workspace_did_change_watched_files(lsp.DidChangeWatchedFilesParams([event]))
    found = [item for item in await ed.codes(uri, "step-failed") if item.code == "step-failed"]
    assert [item.range.start.line for item in found] == [5]
    assert "It ended with 3." in found[0].message
    ed.edit(uri, (0, 0), (0, 0), "# a comment\n")
    await ed.until(uri, lambda items: [i.range.start.line for i in items if i.code == "step-failed"] == [6])
    journal.write_text(json.dumps({"e": "node", "path": "train", "state": "succeeded"}) + "\n")
    ed.client.workspace_did_change_watched_files(lsp.DidChangeWatchedFilesParams([event]))
    await ed.until(uri, lambda items: all(item.code != "step-failed" for item in items))


class _Registry(http.server.BaseHTTPRequestHandler):
    """Two tags; hangs on the repository `hang`."""

    def do_GET(self) -> None:
        if "/hang/" in self.path:
            time.sleep(30)
        body = json.dumps({"tags": ["1.0", "2.0"], "repositories": ["acme/app"]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def registry() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Registry)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()


async def test_tags_and_repositories_of_a_registry(tmp_path: Path, registry: str) -> None:
    async with editor(tmp_path, options={"registryLookups": True}) as ed:
        for typed, expected in (
            (f"{registry}/acme/app:", f"{registry}/acme/app:2.0"),
            (f"{registry}/", f"{registry}/acme/app"),
        ):
            uri, place = ed.open(f"version: 1\nimages:\n  a:\n    base: {typed}|\n")
            async with asyncio.timeout(10):
                while True:
                    found = await ed.complete(uri, place)
                    if expected in labels(found):
                        break
                    assert found.is_incomplete
                    await asyncio.sleep(0.02)


async def test_a_registry_that_hangs_holds_up_nothing(tmp_path: Path, registry: str) -> None:
    async with editor(tmp_path, options={"registryLookups": True}) as ed:
        uri, place = ed.open(f"version: 1\nimages:\n  a:\n    base: {registry}/hang/x:|\n")
        await ed.complete(uri, place)
        begin = time.monotonic()
        for _ in range(20):
            found = await ed.complete(uri, place)
        assert time.monotonic() - begin < 1
        assert found.is_incomplete


async def test_registries_are_not_asked_by_default(ed: Editor, registry: str) -> None:
    uri, place = ed.open(f"version: 1\nimages:\n  a:\n    base: {registry}/acme/app:|\n")
    assert not any(label.endswith(":2.0") for label in labels(await ed.complete(uri, place)))


async def test_paths_are_completed(ed: Editor) -> None:
    uri, place = ed.open("version: 1\nimages:\n  a:\n    copy_dir: src/|\n")
    folder = ed.path(uri).parent / "src"
    (folder / "inner").mkdir(parents=True)
    (folder / "file.txt").write_text("")
    assert labels(await ed.complete(uri, place))[:1] == ["src/inner/"]
    ed.replace(uri, "version: 1\nimages:\n  a:\n    requirements: src/\n")
    found = await ed.complete(uri, lsp.Position(3, len("    requirements: src/")))
    assert {"src/file.txt", "src/inner/"} <= set(labels(found))


async def test_completion_items_are_resolved(ed: Editor) -> None:
    uri, place = ed.open("version: 1\nimages:\n  a:\n    |\n")
    item = next(item for item in (await ed.complete(uri, place)).items if item.label == "apt_packages")
    assert item.documentation is None
    resolved = await ed.ask(lsp.COMPLETION_ITEM_RESOLVE, item)
    assert "Debian" in resolved.documentation.value


async def test_packages_of_local_indexes(ed: Editor) -> None:
    uri, place = ed.open("version: 1\nimages:\n  a:\n    pip_packages: [pyt|]\n")
    async with asyncio.timeout(20):
        while "pytest" not in labels(await ed.complete(uri, place)):
            await asyncio.sleep(0.05)
