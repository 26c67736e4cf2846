"""A thin slice through everything: diagnostics while typing, completion, hover."""

from __future__ import annotations

import pytest
from lspkit import Editor, labels
from lsprotocol import types as lsp

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_diagnostics_come_while_typing(ed: Editor) -> None:
    uri, _ = ed.open("version: 1\nimages:\n  etl:\n    base: python:3.12-slim\n    pip_package: [numpy]\n")
    found = await ed.until(uri, lambda items: items)
    assert found[0].source == "imgc"
    assert found[0].range.start.line == 4
    ed.edit(uri, (4, 15), (4, 15), "s")
    assert await ed.until(uri, lambda items: all(item.range.start.line != 4 for item in items)) is not None


async def test_keys_of_an_image_are_offered(ed: Editor) -> None:
    uri, place = ed.open("version: 1\nimages:\n  etl:\n    base: python:3.12\n    pip|\n")
    assert {"pip_packages", "pip"} <= set(labels(await ed.complete(uri, place)))


async def test_hover_explains_a_key(ed: Editor) -> None:
    uri, place = ed.open("version: 1\nimages:\n  etl:\n    ba|se: python:3.12\n")
    assert "registry" in await ed.hover(uri, place)


async def test_a_file_of_another_system_is_left_alone(ed: Editor) -> None:
    uri, place = ed.open("apiVersion: v1\nkind: Pod\nimages: 3\n|")
    assert await ed.pulled(uri) == []
    params = lsp.CompletionParams(lsp.TextDocumentIdentifier(uri), place)
    assert await ed.client.text_document_completion_async(params) is None
