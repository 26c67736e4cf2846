"""Every code that the source uses has a page, and the pages' examples are what they say."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import imgc
from imgc.analysis.analysis import analyse
from imgc.diagnostics import Severity
from imgc.diagnostics.codes import Page, pages

SOURCE = Path(imgc.__file__).parent
_SAYING = re.compile(r"(?i)error|Diagnostic|Missing|failed|say|report|problem|warn|hint|Broken|finding")
_CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")
DYNAMIC = {f"unknown-{kind}" for kind in ("bundle", "matrix", "param", "ref", "repo", "secret")}
NO_CODES = {"utf-8", "utf-8-sig"}
EXAMPLES = [page for page in pages().values() if page.wrong]


def calls() -> Iterator[tuple[str, ast.Call]]:
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = node.func
                name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
                if _SAYING.search(name):
                    yield name, node


def used() -> set[str]:
    """Codes as literals among the first arguments of what makes findings."""
    found = set()
    for name, call in calls():
        position = 0 if name in ("Diagnostic", "Missing", "say", "error") else None
        for number, argument in enumerate(call.args[:4]):
            if (
                isinstance(argument, ast.Constant)
                and isinstance(argument.value, str)
                and _CODE.match(argument.value)
                and ("-" in argument.value or number == position)
            ):
                found.add(argument.value)
    return found - NO_CODES


def test_every_code_in_the_source_has_a_page() -> None:
    missing = sorted(used() - set(pages()))
    assert missing == [], "write a page in compiler/imgc/diagnostics/codes.md, then run: python docs/make.py"


def test_every_page_is_of_a_code_in_the_source() -> None:
    literals = {
        node.value
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert sorted(set(pages()) - literals - DYNAMIC) == []


def test_pages_are_in_order_with_titles() -> None:
    assert list(pages()) == sorted(pages())
    assert all(page.title and not page.title.endswith(".") for page in pages().values())
    assert all(page.why.endswith((".", "")) for page in pages().values())


def found_in(text: str, folder: Path) -> list[tuple[str, Severity]]:
    analysis = analyse("pipeline.yaml", f"version: 1\n{text}", folder)
    return [(diagnostic.code, diagnostic.severity) for diagnostic in analysis.diagnostics]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/app.py").write_text("def main():\n    pass\n")
    (tmp_path / "requirements.txt").write_text("requests\n")
    return tmp_path


@pytest.mark.parametrize("page", EXAMPLES, ids=lambda page: page.code)
def test_an_example_is_wrong_and_right(page: Page, folder: Path) -> None:
    assert page.code in [code for code, _ in found_in(page.wrong, folder)]
    if page.right:
        found = found_in(page.right, folder)
        assert page.code not in [code for code, _ in found]
        assert [code for code, severity in found if severity is Severity.ERROR] == []
