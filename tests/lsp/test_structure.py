"""Symbols, folding, selection ranges, semantic tokens, inlay hints, code lenses."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from lspkit import Editor, document, editor, place_of
from lsprotocol import types as lsp

pytestmark = pytest.mark.asyncio(loop_scope="session")

TEXT = """version: 1
# about the images
# in some lines
images:
  etl:
    base: python:3.12-slim
    system_packages: [git]
pipeline:
  image: etl
  serial:
    load: echo ${{ params.x }}
    train:
      run: python train.py
params: {x: 1}
"""


async def test_document_symbols(ed: Editor) -> None:
    uri, _ = ed.open(TEXT)
    found = await ed.ask(lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL, lsp.DocumentSymbolParams(document(uri)))
    names = {symbol.name: [child.name for child in symbol.children or []] for symbol in found}
    assert names == {"version": [], "images": ["etl"], "pipeline": ["load", "train"], "params": ["x"]}
    for symbol in found:
        assert _inside(symbol.selection_range, symbol.range)
        for child in symbol.children or []:
            assert _inside(child.range, symbol.range)


def _inside(inner: lsp.Range, outer: lsp.Range) -> bool:
    return _pair(outer.start) <= _pair(inner.start) and _pair(inner.end) <= _pair(outer.end)


def _pair(place: lsp.Position) -> tuple[int, int]:
    return place.line, place.character


async def test_workspace_symbols_of_open_and_closed_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    (tmp_path / "two" / "pipeline.yaml").write_text(TEXT.replace("etl", "closed-image"))
    async with editor(tmp_path, folders=[tmp_path / "one", tmp_path / "two"]) as ed:
        uri, _ = ed.open_at(tmp_path / "one" / "pipeline.yaml", TEXT)
        found = await ed.ask(lsp.WORKSPACE_SYMBOL, lsp.WorkspaceSymbolParams(""))
        assert {"etl", "closed-image", "train"} <= {symbol.name for symbol in found}
        report = await ed.ask(lsp.WORKSPACE_DIAGNOSTIC, lsp.WorkspaceDiagnosticParams([]))
        assert {item.uri.rsplit("/", 2)[1] for item in report.items} == {"one", "two"}
        again = [lsp.PreviousResultId(item.uri, item.result_id) for item in report.items if item.uri != uri]
        report = await ed.ask(lsp.WORKSPACE_DIAGNOSTIC, lsp.WorkspaceDiagnosticParams(again))
        assert {item.kind for item in report.items} == {"full", "unchanged"}


async def test_folding_of_blocks_and_comments(ed: Editor) -> None:
    uri, _ = ed.open(TEXT)
    found = await ed.ask(lsp.TEXT_DOCUMENT_FOLDING_RANGE, lsp.FoldingRangeParams(document(uri)))
    folds = {(fold.start_line, fold.end_line) for fold in found}
    assert {(3, 6), (4, 6), (7, 12), (9, 12), (11, 12), (1, 2)} <= folds


async def test_selection_grows_from_the_word_to_the_document(ed: Editor) -> None:
    uri, _ = ed.open(TEXT)
    params = lsp.SelectionRangeParams(document(uri), [place_of(TEXT, "python:3.12-slim")])
    chain = (await ed.ask(lsp.TEXT_DOCUMENT_SELECTION_RANGE, params))[0]
    sizes = []
    while chain is not None:
        sizes.append((_pair(chain.range.start), _pair(chain.range.end)))
        chain = chain.parent
    assert sizes[0] == ((5, 10), (5, 26))
    assert sizes[-1][0] == (0, 0)
    assert len(sizes) >= 5
    assert all(outer[0] <= inner[0] and inner[1] <= outer[1] for inner, outer in pairwise(sizes))


async def test_semantic_tokens(ed: Editor) -> None:
    uri, _ = ed.open(TEXT)
    found = await ed.ask(lsp.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, lsp.SemanticTokensParams(document(uri)))
    legend = ed.initialized.capabilities.semantic_tokens_provider.legend  # type: ignore[union-attr]
    words, line, column = [], 0, 0
    for down, right, length, kind, _ in zip(*[iter(found.data)] * 5, strict=True):
        line, column = line + down, right + (0 if down else column)
        words.append((TEXT.split("\n")[line][column : column + length], legend.token_types[kind]))
    assert words == [
        ("etl", "class"), ("etl", "class"), ("load", "function"), ("x", "parameter"), ("train", "function"),
        ("x", "parameter"),
    ]  # fmt: skip


async def test_inlay_hints_tell_what_the_file_leaves_open(ed: Editor) -> None:
    uri, _ = ed.open(TEXT)
    await ed.settled(uri)
    whole = lsp.Range(lsp.Position(0, 0), lsp.Position(20, 0))
    found = await ed.ask(lsp.TEXT_DOCUMENT_INLAY_HINT, lsp.InlayHintParams(document(uri), whole))
    hints = {(hint.position.line, hint.label) for hint in found}
    assert (6, "apt") in hints
    assert {(10, "in etl"), (11, "in etl")} <= hints
    ends = {hint.position.line: hint.position.character for hint in found if hint.label == "in etl"}
    assert [ends[line] for line in (10, 11)] == [len(TEXT.split("\n")[line]) for line in (10, 11)]


async def test_inlay_hints_tell_what_the_lock_holds(ed: Editor, tmp_path: Path) -> None:
    digest = "sha256:" + "ab" * 32
    (tmp_path / "imgc.lock").write_text(f"version: 1\nimages:\n  python:3.12-slim: {{digest: '{digest}'}}\n")
    uri, _ = ed.open_at(tmp_path / "pipeline.yaml", TEXT.replace("    base: python:3.12-slim\n", "").replace(
        "images:\n", "images:\n  own: python:3.12-slim\n"
    ))  # fmt: skip
    await ed.settled(uri)
    whole = lsp.Range(lsp.Position(0, 0), lsp.Position(20, 0))
    found = await ed.ask(lsp.TEXT_DOCUMENT_INLAY_HINT, lsp.InlayHintParams(document(uri), whole))
    hints = {(hint.position.line, hint.label) for hint in found}
    assert (4, "@sha256:abababa…") in hints
    assert (5, "from python:3.12-slim-bookworm") in hints


async def test_lenses_tell_the_last_result(tmp_path: Path) -> None:
    async with editor(tmp_path, options={"commands": ["imgc.showPreview", "imgc.build", "imgc.run"]}) as ed:
        (tmp_path / ".imgc/runs/1").mkdir(parents=True)
        (tmp_path / ".imgc/builds").mkdir()
        (tmp_path / ".imgc/runs/1/journal.jsonl").write_text(
            '{"e": "node", "path": "train", "state": "succeeded"}\n'
        )
        (tmp_path / ".imgc/builds/last.jsonl").write_text(
            '{"e": "image", "image": "etl", "state": "failed", "message": "It broke."}\n'
        )
        uri, _ = ed.open_at(tmp_path / "pipeline.yaml", TEXT)
        found = await ed.ask(lsp.TEXT_DOCUMENT_CODE_LENS, lsp.CodeLensParams(document(uri)))
        titles = {(lens.range.start.line, lens.command.title) for lens in found}
        assert {(4, "Compile"), (4, "Build (failed)"), (10, "Run"), (11, "Run (succeeded)")} <= titles


async def test_lenses_only_for_commands_that_the_client_has(ed: Editor, tmp_path: Path) -> None:
    uri, _ = ed.open(TEXT)
    assert not await ed.ask(lsp.TEXT_DOCUMENT_CODE_LENS, lsp.CodeLensParams(document(uri)))
    async with editor(tmp_path, options={"commands": ["imgc.build", "imgc.run"]}) as other:
        uri, _ = other.open(TEXT)
        found = await other.ask(lsp.TEXT_DOCUMENT_CODE_LENS, lsp.CodeLensParams(document(uri)))
        commands = [(lens.command.command, lens.command.arguments[1]) for lens in found]
        assert ("imgc.build", "etl") in commands
        assert ("imgc.run", "train") in commands
        assert not any(command == "imgc.debug" for command, _ in commands)
