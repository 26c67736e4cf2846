"""Fixes: only the safe ones, nothing else in the text changes, and what is fixed stays fixed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgc.analysis.analysis import analyse
from imgc.diagnostics import Diagnostic, Edit, Fix, Origin, Severity, Span
from imgc.diagnostics.apply import apply, fix_all, safe_fixes
from imgc.document.document import load
from imgc.document.nodes import plain
from tests_support import ROOT, SHARED

HERE = Path(__file__).parent


def find(text: str) -> list[Diagnostic]:
    return analyse("pipeline.yaml", text, HERE).diagnostics


def fixed(text: str) -> str:
    return fix_all(text, find).text


def span(line: int, column: int, end: int) -> Span:
    return Span(Origin("f"), line, column, line, end)


def finding(*fixes: Fix) -> Diagnostic:
    return Diagnostic("x", Severity.ERROR, "m", span(0, 0, 1), fixes=fixes)


def test_comments_layout_and_line_ends_are_kept() -> None:
    text = (
        "\ufeffversion: 1   # the format\r\n\r\nimages:\r\n  a:  {base: 'python:3.12-slim',\r\n"
        "       pip_package: [ numpy ],   # for sums\r\n       reqs_py: [x] }\r\n"
    )
    wanted = text.replace("pip_package:", "pip_packages:")
    assert fixed(text) == wanted


def test_a_key_of_another_system_is_rewritten_with_its_value() -> None:
    text = "version: 1\nimages:\n  a:\n    parent_image: python:3.12-slim  # base\n"
    assert fixed(text) == text.replace("parent_image", "base")


def test_text_that_yaml_takes_for_a_number_is_quoted() -> None:
    assert fixed("version: 1\nimages: {a: {python_version: 3.10}}\n") == (
        'version: 1\nimages: {a: {python_version: "3.10"}}\n'
    )


def test_a_choice_is_left_to_a_person() -> None:
    one, two = Fix("one", (Edit(span(0, 0, 1), "1"),)), Fix("two", (Edit(span(0, 0, 1), "2"),))
    assert safe_fixes([finding(one, two)], "x") == []
    assert safe_fixes([finding(one, Fix("unsafe", two.edits, safe=False))], "x") == [one]


def test_an_expression_is_not_written_over() -> None:
    text = (
        "version: 1\nparams: {image: trian}\nimages: {train: {base: 'python:3.12-slim'}}\n"
        "pipeline: {image: '${{ params.image }}', run: make}\n"
    )
    assert any(diagnostic.code == "unknown-image" for diagnostic in find(text))
    assert fixed(text) == text


def test_of_two_fixes_that_touch_the_first_is_applied() -> None:
    first, second = Fix("a", (Edit(span(0, 0, 3), "x"),)), Fix("b", (Edit(span(0, 2, 4), "y"),))
    assert apply("abcdef", [first, second]) == ("xdef", [first])


def test_the_same_edit_from_two_findings_is_made_once() -> None:
    fix = Fix("a", (Edit(span(0, 1, 1), "["), Edit(span(0, 3, 3), "]")))
    assert apply("abcd", [fix, fix]) == ("a[bc]d", [fix])


def test_a_fix_that_would_double_a_key_is_left_out() -> None:
    def doubling(text: str) -> list[Diagnostic]:
        if text.count("aa:") == 2:
            return [Diagnostic("duplicate-key", Severity.ERROR, "twice", span(0, 0, 1))]
        return [finding(Fix("rename", (Edit(span(1, 0, 2), "aa"),)))] if "ab:" in text else []

    assert fix_all("aa: 1\nab: 2\n", doubling).text == "aa: 1\nab: 2\n"


def test_what_a_fix_brings_to_light_is_fixed_too() -> None:
    text = "version: 1\nimags:\n  a: {base: 'python:3.12-slim', pip_package: [numpy]}\n"
    assert fixed(text) == text.replace("imags:", "images:").replace("pip_package:", "pip_packages:")


VALID = [
    path
    for path in (
        *(SHARED / "conformance/valid").glob("*/pipeline.yaml"),
        *(ROOT / "samples").glob("*/pipeline.yaml"),
    )
    if path.parent.name != "002-03-replicate-local"
]


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.parent.name)
def test_a_correct_file_keeps_its_meaning(path: Path) -> None:
    """Hints apart: a requirement that is there twice may go."""

    def problems(text: str) -> list[Diagnostic]:
        found = analyse("pipeline.yaml", text, path.parent).diagnostics
        return [diagnostic for diagnostic in found if diagnostic.severity is not Severity.HINT]

    text = path.read_text(encoding="utf-8")
    result = fix_all(text, problems)
    assert plain(load("f", result.text).root) == plain(load("f", text).root)


CORRECT = """\
version: 1  # the format
name: sums
images:
  train:                      # the one image
    python_version: "3.11"
    pip_packages: [numpy]     # pinned by the lock
    workdir: /srv
    env: {MODE: fast}
pipeline:
  image: train
  serial:
    fit: {run: python fit.py, max_time: 1h}
    test:
      run: python test.py
      mem: 2Gi
"""
KEYS = ("python_version", "pip_packages", "workdir", "pipeline", "serial", "max_time", "images")


def misspelt(text: str, key: str, position: int, kind: str, letter: str) -> str:
    position %= len(key)
    match kind:
        case "delete":
            wrong = key[:position] + key[position + 1 :]
        case "insert":
            wrong = key[:position] + letter + key[position:]
        case _:
            wrong = key[:position] + letter + key[position + 1 :]
    return re.sub(rf"\b{key}:", f"{wrong}:", text)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(KEYS), st.integers(0, 30), st.sampled_from(["delete", "insert", "replace"]),
            st.sampled_from("abcdefghijklmnopqrstuvwxyz"),
        ),
        max_size=3,
    ),
    st.sampled_from(["\n", "\r\n"]),
)  # fmt: skip
def test_fixing_typing_mistakes_gives_the_meaning_back(
    mistakes: list[tuple[str, int, str, str]], end: str
) -> None:
    """Model before and after equal but for the fix; fixed twice is fixed once; comments are all there."""
    text = CORRECT.replace("\n", end)
    for mistake in mistakes:
        text = misspelt(text, *mistake)
    result = fixed(text)
    assert fixed(result) == result
    assert re.findall(r"#.*", result) == re.findall(r"#.*", text)
    assert len(result.split(end)) == len(text.split(end))
    if not [diagnostic for diagnostic in find(result) if diagnostic.severity is Severity.ERROR]:
        assert plain(load("f", result).root) == plain(load("f", CORRECT).root)
