"""Completion in half-typed documents: each case of `cases/` at the right path, with what must and must not
be offered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from lspkit import cut
from lsprotocol import types as lsp

from imgc.document.cursor import cursor_at
from imgc_lsp.features.completion import Client, complete
from imgc_lsp.snapshot import Snapshot
from imgc_lsp.sources import Sources

CASES = [
    case
    for file in ("schema", "semantic")
    for case in yaml.safe_load((Path(__file__).parent / "cases" / f"{file}.yaml").read_text("utf-8"))
]


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 60
    assert len({case["name"] for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_case(case: dict[str, Any], snapshot_of: Any) -> None:
    text, place = cut(case["text"])
    snapshot: Snapshot = snapshot_of(text, case.get("before"))
    if "path" in case:
        assert list(cursor_at(snapshot.lines, *_place(snapshot, place)).path) == case["path"]
    found = complete(snapshot, place, Sources(), Client(snippets=True))
    labels = [item.label for item in found.items]
    if case.get("none"):
        assert labels == []
    assert set(case.get("has", ())) <= set(labels)
    assert not set(case.get("not", ())) & set(labels)
    if "first" in case:
        assert min(found.items, key=lambda item: item.sort_text or "").label == case["first"]
    for label, expected in case.get("text_of", {}).items():
        edit = next(item.text_edit for item in found.items if item.label == label)
        assert edit is not None
        assert edit.new_text == expected


def _place(snapshot: Snapshot, place: lsp.Position) -> tuple[int, int]:
    from imgc_lsp.convert import from_position

    return from_position(snapshot, place)
