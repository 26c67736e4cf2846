"""Progress of long work, for clients that show it; none of short work."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from lspkit import Editor, editor
from lsprotocol import types as lsp

pytestmark = pytest.mark.asyncio(loop_scope="session")

SMALL = "version: 1\nimages:\n  etl: {base: 'python:3.12-slim'}\npipeline: {image: etl, run: x}\n"


def large(nodes: int) -> str:
    """Takes seconds to analyse."""
    leaves = "".join(f"    n{number}: {{run: echo {number}, cpu: 1}}\n" for number in range(nodes))
    return f"{SMALL.partition('pipeline')[0]}pipeline:\n  image: etl\n  parallel:\n{leaves}"


def shows(capabilities: Any) -> None:
    capabilities.window = lsp.WindowClientCapabilities(work_done_progress=True)


def shows_none(capabilities: Any) -> None:
    capabilities.window = lsp.WindowClientCapabilities(work_done_progress=False)


def heard(ed: Editor) -> list[tuple[Any, Any]]:
    return [(token, value) for token, values in ed.client.progress_reports.items() for value in values]


async def ended(ed: Editor) -> list[Any]:
    """All that was heard of one piece of work, once it is over."""
    async with asyncio.timeout(30):
        while not any(value.kind == "end" for _, value in heard(ed)):
            await asyncio.sleep(0.02)
    return [value for _, value in heard(ed)]


async def test_a_long_analysis_is_shown_and_a_short_one_is_not(tmp_path: Path) -> None:
    async with editor(tmp_path, change=shows) as ed:
        uri, _ = ed.open(SMALL)
        await ed.settled(uri)
        await asyncio.sleep(0.6)
        assert heard(ed) == []
        ed.open(large(12_000), "large.imgc.yaml")
        values = await ended(ed)
        assert [value.kind for value in values] == ["begin", "end"]
        assert values[0].title == "Checking large.imgc.yaml"


async def test_a_document_that_is_closed_is_no_longer_worked_on(tmp_path: Path) -> None:
    async with editor(tmp_path, change=shows) as ed:
        uri, _ = ed.open(large(40_000), "large.imgc.yaml")
        async with asyncio.timeout(30):
            while not heard(ed):
                await asyncio.sleep(0.02)
        ed.close(uri)
        assert [value.kind for value in await ended(ed)] == ["begin", "end"]


async def test_diagnostics_of_a_workspace_report_file_by_file(tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / f"f{number}.imgc.yaml").write_text(large(3_000))
    async with editor(tmp_path, change=shows) as ed:
        await ed.ask(lsp.WORKSPACE_DIAGNOSTIC, lsp.WorkspaceDiagnosticParams([]))
        values = await ended(ed)
        assert (values[0].kind, values[-1].kind) == ("begin", "end")
        assert values[0].title == "Checking the workspace"
        assert values[-2].message == "f3.imgc.yaml (4 of 4)"
        assert values[-2].percentage == 75


async def test_a_client_that_shows_none_hears_of_none_but_by_its_own_token(tmp_path: Path) -> None:
    (tmp_path / "f.imgc.yaml").write_text(large(8_000))
    async with editor(tmp_path, change=shows_none) as ed:
        uri, _ = ed.open(large(8_000))
        await ed.settled(uri)
        assert heard(ed) == []
        ed.client.progress_reports["mine"] = []
        params = lsp.WorkspaceDiagnosticParams([], work_done_token="mine")
        await ed.ask(lsp.WORKSPACE_DIAGNOSTIC, params)
        await ended(ed)
        assert {token for token, _ in heard(ed)} == {"mine"}
