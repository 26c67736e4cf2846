"""The page of features: every feature of the four systems has its row, every row a page and a test that are there."""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import NamedTuple

import pytest

from tests_support import ROOT, SHARED

PAGE = ROOT / "docs" / "features.md"
REFERENCE = SHARED / "reference" / "features.md"
_CELLS = re.compile(r"(?<!\\)\|")
_LINK = re.compile(r"\[[^\]]+\]\(([^)#]+)(?:#([^)]+))?\)")
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)(?:\[([\w.-]+)\])?`")


class Row(NamedTuple):
    name: str
    feature: tuple[str, ...]
    shown: str
    documented: str
    tests: str


def table(text: str) -> list[list[str]]:
    """The cells of the rows that begin with an id."""
    lines = [line for line in text.splitlines() if re.match(r"\| [A-Z]\d+ \|", line)]
    return [[cell.strip() for cell in _CELLS.split(line)[1:-1]] for line in lines]


ROWS = [Row(cells[0], tuple(cells[1:-3]), *cells[-3:]) for cells in table(PAGE.read_text(encoding="utf-8"))]


@cache
def functions(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


@cache
def anchors(page: str) -> frozenset[str]:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    headings = {title.lower().replace(" ", "-") for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}
    return frozenset(headings | set(re.findall(r'<a id="([^"]+)">', text)))


@pytest.mark.skipif(not REFERENCE.is_file(), reason="the list of features is not beside this checkout")
def test_every_feature_has_its_row() -> None:
    wanted = {cells[0]: tuple(cells[1:]) for cells in table(REFERENCE.read_text(encoding="utf-8"))}
    assert {row.name: row.feature for row in ROWS if row.name in wanted} == wanted


def test_no_row_is_there_twice() -> None:
    names = [row.name for row in ROWS]
    assert len(names) == len(set(names)) > 60


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_is_documented(row: Row) -> None:
    links = _LINK.findall(row.documented)
    assert links
    for page, anchor in links:
        assert (ROOT / "docs" / page).is_file(), page
        assert not anchor or anchor in anchors(page), anchor


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_is_tested(row: Row) -> None:
    assert _TEST.sub("", row.tests).strip(" ,") == ""
    found = _TEST.findall(row.tests)
    assert found
    for path, function, case in found:
        assert (ROOT / path).is_file(), path
        assert function in functions(path), f"{path} has no {function}"
        folders = (ROOT / "tests/cases", ROOT / "samples", SHARED / "conformance/valid")
        assert not case or not SHARED.is_dir() or any((folder / case).is_dir() for folder in folders), case


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_is_said_to_run_is_run_by_a_test(row: Row) -> None:
    assert row.shown in ("engine", "text")
    if row.shown == "engine":
        assert any(path.startswith("tests/engine/") for path, _, _ in _TEST.findall(row.tests))
