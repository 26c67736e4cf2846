"""Diagnostics as people read them in a terminal, and as programs read them in JSON."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from imgc.analysis.analysis import Analysis, analyse
from imgc.diagnostics.render import pretty, printable, summary, to_json, width
from imgc_schema import load as schema
from tests_support import SHARED

INVALID = sorted((SHARED / "conformance" / "invalid").iterdir())
TEXT = """\
version: 1
images:
  train:
    base: python
    pip_package: [numpy]
"""


def analysed(text: str) -> Analysis:
    return analyse("pipeline.yaml", text, Path())


def shown(text: str, color: bool = False) -> str:
    analysis = analysed(text)
    return pretty(analysis.diagnostics, {"pipeline.yaml": analysis.document.lines}, color)


def test_a_finding_shows_its_place_an_excerpt_and_the_help() -> None:
    assert shown(TEXT) == (
        "warning[untagged-base]: 'python' has no tag: what it is will change without notice\n"
        "  --> pipeline.yaml:4:11\n"
        "   4 |     base: python\n"
        "     |           ^^^^^^ name a version\n"
        "\n"
        "error[unknown-key]: 'pip_package' is not a key of an image\n"
        "  --> pipeline.yaml:5:5\n"
        "   5 |     pip_package: [numpy]\n"
        "     |     ^^^^^^^^^^^ did you mean 'pip_packages'?\n"
    )


def test_marks_stand_below_wide_characters() -> None:
    lines = shown('version: 1\ntitle: "日本"\nimages: {"日本": {base: "a:1"}}\n').splitlines()
    mark = next(line for line in lines if "^" in line)
    assert mark.index("^") == len("     | images: {")
    assert mark.count("^") == width('"日本"')


def test_another_place_is_a_note() -> None:
    out = shown("version: 1\nimages:\n  a: {base: 'a:1'}\n  b: {base: 'a:1', base: 'a:2'}\n")
    assert "note: pipeline.yaml:4:" in out


def test_a_long_line_is_shown_around_the_place() -> None:
    out = shown(
        "version: 1\nimages: {"
        + ", ".join(f"i{n}: {{base: 'a:1'}}" for n in range(100))
        + ", x: {bse: 'a:1'}}\n"
    )
    assert max(len(line) for line in out.splitlines()) < 220
    line, mark = next(
        (a, b) for a, b in zip(out.splitlines(), out.splitlines()[1:], strict=False) if "^^^" in b
    )
    assert line[mark.index("^") :].startswith("bse")


def test_nothing_of_a_file_reaches_the_terminal_as_a_command() -> None:
    out = shown('version: 1\nimages: {a: {base: "\\e[31mx\\r\\n:1"}}\n"\x1b]0;title\x07": 1\n')
    assert "\x1b" not in out
    assert "\x07" not in out
    assert printable("a\x1b\u202e\tb") == "a\ufffd\ufffd b"


def test_color_is_only_where_asked_for() -> None:
    assert "\x1b[1;31merror[unknown-key]\x1b[0m" in shown(TEXT, color=True)
    assert "\x1b" not in shown(TEXT)


def test_the_summary_counts() -> None:
    assert summary(analysed(TEXT).diagnostics) == "1 error, 1 warning"
    assert summary([]) == ""


@pytest.mark.parametrize("folder", INVALID, ids=lambda folder: folder.name)
def test_json_is_what_its_schema_says(folder: Path) -> None:
    found = analyse(
        "pipeline.yaml", (folder / "pipeline.yaml").read_text(encoding="utf-8"), folder
    ).diagnostics
    data = json.loads(to_json(found))
    jsonschema.validate(data, schema("diagnostics"))
    places = [(one["file"], one["line"], one["column"]) for one in data["diagnostics"]]
    assert places == sorted(places)


def test_columns_are_code_points() -> None:
    (found,) = analysed('version: 1\ntitle: "😀"\nimages: {a: {base: "a:1", "x😀": 1}}\n').diagnostics
    one = json.loads(to_json([found]))["diagnostics"][0]
    assert (one["line"], one["column"], one["end_column"]) == (3, 27, 31)
