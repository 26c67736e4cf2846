"""Properties: incremental sync equals a fresh open; completion items land at the path they are offered for;
formatting keeps the data and is idempotent; kept structure checks equal new ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lspkit import applied, cut, read

from imgc.diagnostics import in_order
from imgc.document.cursor import cursor_at
from imgc.document.document import load
from imgc.document.nodes import plain
from imgc.document.text import split_lines
from imgc_lsp import insertion
from imgc_lsp.buffer import Buffer, Change
from imgc_lsp.convert import from_position
from imgc_lsp.features.completion import Client, complete
from imgc_lsp.features.formatting import formatted
from imgc_lsp.incremental import StructureCheck
from imgc_lsp.locate import entry_at, node_at
from imgc_lsp.positions import Encoding, to_units
from imgc_lsp.session import OpenDocument, read_document
from imgc_lsp.snapshot import Settings
from imgc_lsp.sources import Sources

HERE = Path(__file__).parent
WORDS = st.sampled_from([
    "a", "base", "images", "pipeline", "run", ":", ": ", "- ", "\n", "\r", "\r\n", "  ", "    ", "\t", "\x0c", "\u2028",
    "\x85", "😀", "é", "\ufeff", "{", "}", "[", "]", ",", '"', "'", "#", "&a", "*a", "|", ">", "<<", "version: 1\n",
    "images:\n  a:\n    base: x:1\n", "pipeline:\n  serial:\n    a: x\n", "${{ params.a }}", "---\n", "...\n", "%", "\x00",
])  # fmt: skip
TEXTS = st.lists(WORDS, max_size=25).map("".join)
ENCODINGS: st.SearchStrategy[Encoding] = st.sampled_from(("utf-8", "utf-16", "utf-32"))
SLOW = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=150)


def fresh(text: str, encoding: Encoding) -> OpenDocument:
    document = OpenDocument("file:///x.imgc.yaml", Path("/x.imgc.yaml"), "", 1, Buffer(text, encoding))
    read_document(document, Settings(), encoding)
    return document


def said(document: OpenDocument) -> list[tuple[object, ...]]:
    assert document.snapshot is not None
    return [
        (found.code, found.span.start, found.span.end, found.text) for found in document.snapshot.diagnostics
    ]


@SLOW
@given(st.data(), TEXTS, ENCODINGS)
def test_incremental_sync_equals_a_fresh_open(data: st.DataObject, text: str, encoding: Encoding) -> None:
    document = fresh(text, encoding)
    for _ in range(data.draw(st.integers(1, 6))):
        start, end = sorted((data.draw(st.integers(0, len(text))), data.draw(st.integers(0, len(text)))))
        while start and text[start - 1 : start + 1] == "\r\n":
            start -= 1  # no protocol position lies between the two characters of a line end
        while text[end - 1 : end + 1] == "\r\n" and end:
            end += 1
        new = data.draw(TEXTS)
        document.buffer.apply(Change(_place(text, start, encoding), _place(text, end, encoding), new))
        text = text[:start] + new + text[end:]
        assert document.buffer.text == text
        read_document(document, Settings(), encoding)
        assert said(document) == said(fresh(text, encoding))


def _place(text: str, offset: int, encoding: Encoding) -> tuple[int, int]:
    before = split_lines(text[:offset])
    line = split_lines(text)[len(before) - 1]
    return len(before) - 1, to_units(line, len(before[-1]), encoding)


@SLOW
@given(TEXTS, st.integers(0, 400))
def test_the_cursor_and_completion_never_fail(text: str, offset: int) -> None:
    snapshot = read(Path("/x.imgc.yaml"), text)
    lines = split_lines(text.removeprefix("\ufeff"))
    line = offset % len(lines)
    cursor_at(lines, line, offset % (len(lines[line]) + 1))
    from lsprotocol import types as lsp

    complete(snapshot, lsp.Position(line, offset), Sources(), Client(snippets=bool(offset % 2)))


CASES = [
    case for file in ("schema", "semantic") for case in yaml.safe_load((HERE / "cases" / f"{file}.yaml").read_text("utf-8"))
    if "\t" not in case["text"] and case["name"] != "a word without a colon above"
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_completion_items_land_at_their_path(case: dict[str, Any], tmp_path: Path) -> None:
    """Each item, put in as an editor does it, parses to an entry or a value where the cursor was."""
    text, place = cut(case["text"])
    if load("p", text).diagnostics and not load("p", _closed(text, place)).root.entries:
        return
    snapshot = read(tmp_path / "x.imgc.yaml", text)
    for snippets in (True, False):
        for item in complete(snapshot, place, Sources(), Client(snippets)).items:
            edit = item.text_edit
            assert edit is not None
            if "${{" in text[: _offset(text, place)].split("\n")[-1]:
                continue
            put = insertion.plain(edit.new_text.replace("$0", "x")) if snippets else edit.new_text
            new = applied(text, [type(edit)(edit.range, put)])  # type: ignore[call-arg,arg-type]
            cursor = cursor_at(snapshot.lines, *from_position(snapshot, place))
            path = list(cursor.path)
            before = load("p", _closed(text, place))
            after = load("p", _closed(new, place))
            errors = {found.code for found in after.diagnostics if found.code.startswith("yaml-")}
            errors -= {found.code for found in before.diagnostics}
            assert not errors, (item.label, new)
            if item.data and isinstance(item.data, list) and not errors and _whole(after):
                found = entry_at(after.root, (*path, item.label))
                nested = entry_at(after.root, (*path, 0, item.label))
                assert found is not None or nested is not None, (item.label, path, new)
            elif _whole(after):
                assert node_at(after.root, tuple(path)) is not None, (item.label, path, new)


def _whole(after: Any) -> bool:
    return not any(found.code.startswith("yaml-") for found in after.diagnostics)


def _offset(text: str, place: Any) -> int:
    return sum(len(line) + 1 for line in text.split("\n")[: place.line]) + place.character


def _closed(text: str, place: Any) -> str:
    """The text with the brackets and quotes of the cursor's line closed, if they are all that is open."""
    lines = text.split("\n")
    line = lines[min(place.line, len(lines) - 1)]
    stack: list[str] = []
    for letter in line:
        if stack and stack[-1] in "\"'":
            if letter == stack[-1]:
                stack.pop()
        elif letter in "\"'" or letter in "{[":
            stack.append({"{": "}", "[": "]"}.get(letter, letter))
        elif stack and letter == stack[-1]:
            stack.pop()
    lines[min(place.line, len(lines) - 1)] = line + "".join(reversed(stack))
    return "\n".join(lines)


@SLOW
@given(TEXTS)
def test_formatting_is_idempotent_and_keeps_the_data(text: str) -> None:
    lines = split_lines(text)
    once = formatted(lines)
    assert formatted(once) == once
    before, after = load("p", "\n".join(lines)), load("p", "\n".join(once))
    assert plain(before.root) == plain(after.root)
    comments = [line.strip() for line in lines if line.strip(" \t").startswith("#")]
    if not before.diagnostics:
        assert len([line for line in once if line.strip(" \t").startswith("#")]) == len(comments)


@SLOW
@given(st.lists(TEXTS, min_size=2, max_size=4))
def test_kept_structure_checks_equal_new_ones(texts: list[str]) -> None:
    from imgc.checks.structure import check

    keeping = StructureCheck()
    document = None
    for text in texts:
        document = load("p", "version: 1\n" + text, document)
        kept = keeping.check(document.root)
        found: list[Any] = []
        uses = check(document.root, found.append) if not document.root.broken else []
        assert _keys(kept.diagnostics) == _keys(found)
        assert sorted(use.node.span.start for use in kept.uses) == sorted(use.node.span.start for use in uses)


def _keys(found: Any) -> list[tuple[object, ...]]:
    return [(each.code, each.span.start, each.text) for each in in_order(found)]
