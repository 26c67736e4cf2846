"""Outlines, for editors that draw trees and gutters, and the graph of the plan."""

from __future__ import annotations

import asyncio
import fcntl
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lspkit import Editor, editor
from lsprotocol import types as lsp

from imgc_lsp import journal
from imgc_lsp.features.outline import outline
from imgc_lsp.journal import Results
from imgc_lsp.snapshot import Snapshot

TEXT = """version: 1
name: words
images:
  etl: {base: 'busybox:1.35'}
pipeline:
  image: etl
  parallel:
    load: echo one
    test:
      matrix: {lang: [en, a/b]}
      run: echo ${{ matrix.lang }}
"""


def test_images_and_nodes_with_their_places(snapshot_of: Callable[..., Snapshot]) -> None:
    found = outline(snapshot_of(TEXT, analysed=True), Results())
    assert found["name"] == "words"
    assert found["images"] == [
        {"name": "etl", "line": 3, "character": 2, "detail": "busybox:1.35", "state": "", "message": ""}
    ]
    assert [(node["path"], node["parent"], node["kind"], node["line"]) for node in found["nodes"]] == [
        ("", None, "parallel", 4), ("load", "", "run", 7), ("test", "", "run", 8)
    ]  # fmt: skip
    assert found["nodes"][1]["command"] == "echo one"
    assert found["nodes"][1]["image"] == "etl"


def test_states_and_the_combinations_of_a_matrix(snapshot_of: Callable[..., Snapshot]) -> None:
    results = Results(
        {"load": ("succeeded", ""), "test/test[lang=a/b]": ("failed", "It ended with 1."), "gone": ("failed", "")},
        {"etl": ("exists", ""), "other": ("failed", "")},
    )  # fmt: skip
    found = outline(snapshot_of(TEXT), results)
    assert [(node["name"], node["parent"], node["state"]) for node in found["nodes"]] == [
        ("pipeline", None, ""), ("load", "", "succeeded"), ("test", "", ""), ("test[lang=a/b]", "test", "failed"),
    ]  # fmt: skip
    assert found["nodes"][3]["message"] == "It ended with 1."
    assert found["images"][0]["state"] == "succeeded"


def test_a_document_that_is_being_typed_has_an_outline(snapshot_of: Callable[..., Snapshot]) -> None:
    found = outline(snapshot_of("version: 1\nimages:\n  a: {base: x:1}\n  b\npipeline:\n  ser"), Results())
    assert [image["name"] for image in found["images"]] == ["a"]
    assert [node["path"] for node in found["nodes"]] == [""]


def test_what_a_killed_run_was_at_is_interrupted(tmp_path: Path) -> None:
    run = tmp_path / ".imgc" / "runs" / "1"
    run.mkdir(parents=True)
    records = [
        {"e": "node", "path": "a", "state": "running"},
        {"e": "node", "path": "b", "state": "succeeded"},
    ]
    (run / "journal.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    assert journal.read(tmp_path).runs == {"a": "interrupted", "b": "succeeded"}
    with (run / "lock").open("w") as lock:
        lock.write("1\n")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert journal.read(tmp_path).runs == {"a": "running", "b": "succeeded"}


class _Heard:
    """The outlines that a client was sent."""

    def __init__(self, ed: Editor) -> None:
        self.outlines: list[Any] = []
        self.came = asyncio.Event()

        @ed.client.feature("imgc/outline")
        def take(params: Any) -> None:
            self.outlines.append(params)
            self.came.set()

    async def until(self, condition: Callable[[Any], bool]) -> Any:
        async with asyncio.timeout(10):
            while not self.outlines or not condition(self.outlines[-1]):
                self.came.clear()
                await self.came.wait()
        return self.outlines[-1]


@pytest.mark.asyncio(loop_scope="session")
async def test_outlines_are_sent_when_they_change(tmp_path: Path) -> None:
    async with editor(tmp_path, options={"outline": True}) as ed:
        heard = _Heard(ed)
        uri, _ = ed.open(TEXT)
        await heard.until(lambda found: len(found.nodes) == 3 and found.images[0].detail == "busybox:1.35")
        await ed.settled(uri)
        count = len(heard.outlines)
        ed.edit(uri, (7, 10), (7, 10), "e")
        await heard.until(lambda found: found.nodes[1].command == "eecho one")
        await ed.settled(uri)
        assert len(heard.outlines) == count + 1
        log = ed.path(uri).parent / ".imgc" / "runs" / "1" / "journal.jsonl"
        log.parent.mkdir(parents=True)
        log.write_text(json.dumps({"e": "node", "path": "load", "state": "failed", "message": "no"}) + "\n")
        event = lsp.FileEvent(log.as_uri(), lsp.FileChangeType.Created)
        ed.client.workspace_did_change_watched_files(lsp.DidChangeWatchedFilesParams([event]))
        await heard.until(lambda found: found.nodes[1].state == "failed")


@pytest.mark.asyncio(loop_scope="session")
async def test_a_run_is_followed_without_events_of_files(tmp_path: Path) -> None:
    """Until it is over, or its process is gone."""
    async with editor(tmp_path, options={"outline": True}) as ed:
        heard = _Heard(ed)
        file = tmp_path / "pipeline.yaml"
        log = tmp_path / ".imgc" / "runs" / "1" / "journal.jsonl"
        log.parent.mkdir(parents=True)
        with (log.parent / "lock").open("w") as lock:
            lock.write("1\n")
            lock.flush()
            fcntl.flock(lock, fcntl.LOCK_EX)
            log.write_text(json.dumps({"e": "node", "path": "load", "state": "running"}) + "\n")
            ed.open_at(file, TEXT)
            await heard.until(lambda found: found.nodes[1].state == "running")
            with log.open("a") as more:
                more.write(json.dumps({"e": "node", "path": "load", "state": "succeeded"}) + "\n")
                more.write(json.dumps({"e": "node", "path": "test", "state": "running"}) + "\n")
            await heard.until(lambda found: found.nodes[1].state == "succeeded")
            assert heard.outlines[-1].nodes[2].state == "running"
        await heard.until(lambda found: found.nodes[2].state == "interrupted")


@pytest.mark.asyncio(loop_scope="session")
async def test_the_graph_is_the_page_of_imgc_graph(ed: Editor) -> None:
    uri, _ = ed.open(TEXT)
    found = await ed.command("imgc.graph", uri)
    assert found["html"].startswith("<!doctype html>")
    assert 'data-path="test/test[lang=en]"' in found["html"]
    broken, _ = ed.open(TEXT.replace("base:", "bose:"))
    found = await ed.command("imgc.graph", broken)
    assert "errors" in found["problem"]
