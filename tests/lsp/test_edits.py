"""Quick fixes and refactorings (golden), formatting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from lspkit import Editor, applied, cut, document, editor
from lsprotocol import types as lsp

pytestmark = pytest.mark.asyncio(loop_scope="session")

FIXES = yaml.safe_load((Path(__file__).parent / "cases" / "fixes.yaml").read_text("utf-8"))
LOCK = "version: 1\nimages:\n  python:3.12-slim: {digest: 'sha256:" + "ab" * 32 + "'}\n"
FORMATS = [
    ("version: 1\nimages:\n    etl:\n        base: x:1   \n", "version: 1\nimages:\n  etl:\n    base: x:1\n"),
    ("a: 1\n\n\n\nb: 2", "a: 1\n\nb: 2\n"),
    ("a:\n     # about b\n     b: 1\n# end\n\n\n", "a:\n  # about b\n  b: 1\n# end\n"),
    ("run: |\n      keep   \n        this\nx: 1\n", "run: |\n      keep   \n        this\nx: 1\n"),
    ("a:\n    - b: 1\n      c: 2\n    -   d\n", "a:\n  - b: 1\n    c: 2\n  -   d\n"),
    ("a: {b: 1,\n      c: 2\n    }\n", "a: {b: 1,\n      c: 2\n    }\n"),
    ("a: \"x\n        y\"\n", "a: \"x\n        y\"\n"),
    ("a:\n- b\n", "a:\n- b\n"),
    ("a: [\nb:\n    c: 1\n", "a: [\nb:\n  c: 1\n"),
]  # fmt: skip


async def actions(
    ed: Editor, uri: str, place: lsp.Position, only: list[Any] | None = None
) -> list[lsp.CodeAction]:
    context = lsp.CodeActionContext([], only=only)
    params = lsp.CodeActionParams(document(uri), lsp.Range(place, place), context)
    return list(await ed.ask(lsp.TEXT_DOCUMENT_CODE_ACTION, params))


@pytest.mark.parametrize("case", FIXES, ids=[case["name"] for case in FIXES])
async def test_fix(ed: Editor, case: dict[str, Any]) -> None:
    text, place = cut(case["before"])
    uri, _ = ed.open(case["before"])
    await ed.settled(uri)
    found = await actions(ed, uri, place)
    chosen = [action for action in found if case["title"].lower() in action.title.lower()]
    assert chosen, [action.title for action in found]
    assert applied(text, chosen[0].edit.changes[uri]) == case["after"]  # type: ignore[union-attr,index]


async def test_actions_of_a_kind(ed: Editor) -> None:
    uri, place = ed.open("version: 1\nimages:\n  a:\n    parent_ima|ge: x:1\n")
    await ed.settled(uri)
    kinds = {action.kind for action in await actions(ed, uri, place, [lsp.CodeActionKind.QuickFix])}
    assert kinds == {lsp.CodeActionKind.QuickFix}
    kinds = {str(action.kind) for action in await actions(ed, uri, place, [lsp.CodeActionKind.SourceFixAll])}
    assert kinds == {"source.fixAll.imgc"}


async def test_a_base_is_pinned_to_the_digest_of_the_lock(ed: Editor, tmp_path: Path) -> None:
    (tmp_path / "imgc.lock").write_text(LOCK)
    uri, place = ed.open_at(
        tmp_path / "pipeline.yaml", "version: 1\nimages:\n  a:\n    base: python:3.12-sl|im\n"
    )
    await ed.settled(uri)
    chosen = next(action for action in await actions(ed, uri, place) if action.title.startswith("Pin"))
    assert chosen.edit.changes[uri][0].new_text == "python:3.12-slim@sha256:" + "ab" * 32  # type: ignore[union-attr,index]


async def test_a_lock_that_is_out_of_date_is_said_and_can_be_brought_up_to_date(
    ed: Editor, tmp_path: Path
) -> None:
    (tmp_path / "imgc.lock").write_text(LOCK)
    text, place = cut(
        "version: 1\nimages:\n  a: {base: 'debian:book|worm-slim'}\n  b: {base: 'python:3.12-slim'}\n"
    )
    (tmp_path / "pipeline.yaml").write_text(text)
    uri, _ = ed.open_at(tmp_path / "pipeline.yaml", text)
    await ed.codes(uri, "stale-lock")
    assert [one.title for one in await actions(ed, uri, place) if one.command] == []
    async with editor(tmp_path, options={"commands": ["imgc.lock"]}) as other:
        uri, _ = other.open_at(tmp_path / "pipeline.yaml", text)
        await other.settled(uri)
        (chosen,) = [one for one in await actions(other, uri, place) if one.command]
        command = str(chosen.command)  # lsprotocol takes an action with a command for a bare command
        assert "'imgc.lock'" in command
        assert uri in command


@pytest.mark.parametrize(("before", "after"), FORMATS)
async def test_formatting(ed: Editor, before: str, after: str) -> None:
    uri, _ = ed.open(f"‸{before}", "x.imgc.yaml")
    options = lsp.FormattingOptions(2, True)
    edits = await ed.ask(lsp.TEXT_DOCUMENT_FORMATTING, lsp.DocumentFormattingParams(document(uri), options))
    result = applied(before, edits)
    assert result == after
    ed.replace(uri, result)
    assert not await ed.ask(
        lsp.TEXT_DOCUMENT_FORMATTING, lsp.DocumentFormattingParams(document(uri), options)
    )


async def test_formatting_of_a_range_leaves_the_rest(ed: Editor) -> None:
    text = "a:\n    b: 1  \nc:\n    d: 1  \n"
    uri, _ = ed.open(text, "x.imgc.yaml")
    place = lsp.Range(lsp.Position(2, 0), lsp.Position(3, 5))
    params = lsp.DocumentRangeFormattingParams(document(uri), place, lsp.FormattingOptions(2, True))
    edits = await ed.ask(lsp.TEXT_DOCUMENT_RANGE_FORMATTING, params)
    assert applied(text, edits) == "a:\n    b: 1  \nc:\n  d: 1\n"


async def test_a_new_line_below_a_key_is_indented(ed: Editor) -> None:
    text = "version: 1\nimages:\n  a:\n  \n"
    uri, _ = ed.open(text)
    params = lsp.DocumentOnTypeFormattingParams(
        document(uri), lsp.Position(3, 2), "\n", lsp.FormattingOptions(2, True)
    )
    edits = await ed.ask(lsp.TEXT_DOCUMENT_ON_TYPE_FORMATTING, params)
    assert applied(text, edits) == "version: 1\nimages:\n  a:\n    \n"
