"""100,000 random messages and edits (IMGC_FUZZ: another number): every request is answered, and the server lives."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path
from typing import Any

import pytest
from lspkit import Editor, document, editor
from lsprotocol import types as lsp

pytestmark = pytest.mark.asyncio(loop_scope="session")

MESSAGES = int(os.environ.get("IMGC_FUZZ", "100000"))
PIECES = [
    "a", ":", " ", "\n", "  ", "- ", "{", "}", "[", "]", '"', "'", "#", "\t", "\r", "\r\n", "\x0c", "\u2028", "😀", "&a",
    "*a", "<<: *a\n", "images:\n", "  etl:\n", "    base: x:1\n", "pipeline:\n", "  serial:\n", "    a: x\n", "version: 1\n",
    "    needs: [a]\n", "${{ params.x }}", "---\n", "|\n", ">-\n", "\ufeff", "\x00", "needs", "image: etl\n", "matrix: {py: [1]}\n",
]  # fmt: skip
METHODS = [
    lsp.TEXT_DOCUMENT_COMPLETION, lsp.TEXT_DOCUMENT_HOVER, lsp.TEXT_DOCUMENT_DEFINITION, lsp.TEXT_DOCUMENT_REFERENCES,
    lsp.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT, lsp.TEXT_DOCUMENT_PREPARE_RENAME, lsp.TEXT_DOCUMENT_RENAME,
    lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL, lsp.TEXT_DOCUMENT_FOLDING_RANGE, lsp.TEXT_DOCUMENT_SELECTION_RANGE,
    lsp.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, lsp.TEXT_DOCUMENT_CODE_ACTION, lsp.TEXT_DOCUMENT_CODE_LENS,
    lsp.TEXT_DOCUMENT_INLAY_HINT, lsp.TEXT_DOCUMENT_FORMATTING, lsp.TEXT_DOCUMENT_RANGE_FORMATTING,
    lsp.TEXT_DOCUMENT_ON_TYPE_FORMATTING, lsp.TEXT_DOCUMENT_DOCUMENT_LINK, lsp.TEXT_DOCUMENT_PREPARE_CALL_HIERARCHY,
    lsp.TEXT_DOCUMENT_DIAGNOSTIC, lsp.WORKSPACE_EXECUTE_COMMAND, "imgc/unknown",
]  # fmt: skip


async def test_random_messages(tmp_path: Path) -> None:
    chance = random.Random(7)
    async with editor(tmp_path) as ed:
        uris = [ed.open("‸" + _text(chance), f"{n}.imgc.yaml")[0] for n in range(3)]
        waiting: list[asyncio.Future[Any]] = []
        for number in range(MESSAGES):
            uri = chance.choice(uris)
            if chance.random() < 0.5:
                _edit(ed, chance, uri)
                continue
            method = chance.choice(METHODS)
            name = f"f{number}"
            waiting.append(
                ed.client.protocol.send_request_async(method, _params(chance, method, uri), msg_id=name)
            )
            if chance.random() < 0.1:
                ed.client.cancel_request(lsp.CancelParams(name))
            if len(waiting) >= 60:
                await _answered(waiting)
        await _answered(waiting)
        for uri in uris:
            ed.replace(uri, "version: 1\nimages:\n  a:\n    nokey: 1\n")
            assert await ed.codes(uri, "unknown-key")


async def _answered(waiting: list[asyncio.Future[Any]]) -> None:
    results = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 60)
    failures = [str(result) for result in results if isinstance(result, Exception)]
    known = ("not found", "canceled", "cancelled", "cannot be a name", "already")
    assert all(any(word in failure.lower() for word in known) for failure in failures), failures
    waiting.clear()


def _text(chance: random.Random) -> str:
    return "".join(chance.choices(PIECES, k=chance.randrange(40)))


def _position(chance: random.Random) -> lsp.Position:
    return lsp.Position(
        chance.choice([0, 1, 2, 3, 5, 8, 13, 2**31 - 1]), chance.choice([0, 1, 2, 4, 9, 30, 2**31 - 1])
    )


def _edit(ed: Editor, chance: random.Random, uri: str) -> None:
    if chance.random() < 0.05:
        ed.replace(uri, _text(chance))
        return
    place = lsp.Range(_position(chance), _position(chance))
    text = "" if chance.random() < 0.2 else "".join(chance.choices(PIECES, k=chance.randrange(4)))
    ed.change(uri, lsp.TextDocumentContentChangePartial(range=place, text=text))


def _params(chance: random.Random, method: str, uri: str) -> Any:
    place = _position(chance)
    span = lsp.Range(place, _position(chance))
    text = document(uri)
    options = lsp.FormattingOptions(2, True)
    special: dict[str, Any] = {
        lsp.TEXT_DOCUMENT_REFERENCES: lsp.ReferenceParams(lsp.ReferenceContext(True), text, place),
        lsp.TEXT_DOCUMENT_RENAME: lsp.RenameParams(
            text, place, chance.choice(["new", "", "a b", "12", "😀"])
        ),
        lsp.TEXT_DOCUMENT_SELECTION_RANGE: lsp.SelectionRangeParams(text, [place]),
        lsp.TEXT_DOCUMENT_CODE_ACTION: lsp.CodeActionParams(text, span, lsp.CodeActionContext([])),
        lsp.TEXT_DOCUMENT_INLAY_HINT: lsp.InlayHintParams(text, span),
        lsp.TEXT_DOCUMENT_FORMATTING: lsp.DocumentFormattingParams(text, options),
        lsp.TEXT_DOCUMENT_RANGE_FORMATTING: lsp.DocumentRangeFormattingParams(text, span, options),
        lsp.TEXT_DOCUMENT_ON_TYPE_FORMATTING: lsp.DocumentOnTypeFormattingParams(text, place, "\n", options),
        lsp.TEXT_DOCUMENT_DIAGNOSTIC: lsp.DocumentDiagnosticParams(text),
        lsp.WORKSPACE_EXECUTE_COMMAND: lsp.ExecuteCommandParams("imgc.preview", [uri, {"line": place.line}]),
    }
    if method in special:
        return special[method]
    if method == "imgc/unknown":
        return {"any": 1}
    kind = lsp.METHOD_TO_TYPES[method][2]
    assert kind is not None
    fields = {
        name for name in ("position", "text_document") if hasattr(kind, name) or name in kind.__annotations__
    }
    values = {"position": place, "text_document": text}
    return kind(**{name: values[name] for name in fields})


async def test_messages_out_of_order(tmp_path: Path) -> None:
    """Changes before an open, versions that run backwards, a second open, a close of nothing."""
    async with editor(tmp_path) as ed:
        ghost = (tmp_path / "ghost.imgc.yaml").as_uri()
        ed.versions[ghost] = 5
        ed.edit(ghost, (0, 0), (0, 0), "x")
        ed.close(ghost)
        uri, _ = ed.open("version: 1\n", "a.imgc.yaml")
        ed.versions[uri] = -3
        ed.edit(uri, (0, 0), (0, 0), "zzz: 1\n")
        ed.open_at(ed.path(uri), "version: 1\nyyy: 1\n")
        await ed.until(
            uri,
            lambda items: ["yyy" in item.message for item in items if item.code == "unknown-key"] == [True],
        )
        ed.close(uri)
        ed.close(uri)
        uri, _ = ed.open("version: 1\nxxx: 1\n", "b.imgc.yaml")
        assert await ed.codes(uri, "unknown-key")
