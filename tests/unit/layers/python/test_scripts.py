"""Inline metadata of scripts (PEP 723)."""

from __future__ import annotations

import pytest

from imgc.layers.python.scripts import ScriptMetadata, ScriptProblem, script_base, script_metadata

SCRIPT = """\
#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.10,<3.13"
# dependencies = [
#   "requests<3",
#   "rich",
# ]
#
# [tool.uv]
# exclude-newer = "2024-01-01T00:00:00Z"
# ///
import requests
"""


def test_a_block():
    found = script_metadata(SCRIPT)
    assert isinstance(found, ScriptMetadata)
    assert (found.requires_python, found.dependencies) == (">=3.10,<3.13", ("requests<3", "rich"))


def test_code_takes_no_part():
    other = script_metadata(SCRIPT.replace("import requests", "import os\n\n").replace("\n", "\r\n"))
    assert other == script_metadata(SCRIPT)
    assert other != script_metadata(SCRIPT.replace("rich", "poor"))


def test_a_script_without_a_block():
    assert script_metadata("print(1)\n") == ScriptMetadata("", (), "")


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (SCRIPT.replace('"rich",', '"rich'), 6, "TOML"),
        (SCRIPT.replace("rich", "a b"), 6, "'a b'"),
        (SCRIPT.replace(">=3.10,<3.13", "three"), 3, "three"),
        (SCRIPT.replace('">=3.10,<3.13"', "3.10"), 3, "string"),
        (SCRIPT.replace("# ///\n", "# //\n"), 2, "no end"),
        (SCRIPT + SCRIPT, 14, "two"),
        ('# /// script\n# dependencies = "six"\n# ///\n', 2, "list"),
    ],
)
def test_problems_have_a_line(text, line, says):
    found = script_metadata(text)
    assert isinstance(found, ScriptProblem)
    assert found.line == line
    assert says in found.message


@pytest.mark.parametrize(
    ("requires", "version"),
    [
        (">=3.10", "3.10"),
        (">=3.10,<3.13", "3.10"),
        ("~=3.12.3", "3.12"),
        ("==3.11.*", "3.11"),
        (">3.11.4", "3.11"),
        (">=3.8", "3.9"),
        ("", "3.12"),
    ],
)
def test_the_lowest_python_that_fits(requires, version):
    base = script_base(ScriptMetadata(requires, (), ""))
    assert not isinstance(base, ScriptProblem)
    assert base[0] == f"python:{version}-slim-bookworm"


def test_no_python_fits():
    assert isinstance(script_base(ScriptMetadata(">=3.99", (), "")), ScriptProblem)


def test_python_version_overrides():
    base = script_base(ScriptMetadata(">=3.99", (), ""), "3.13")
    assert not isinstance(base, ScriptProblem)
    assert base[0] == "python:3.13-slim-bookworm"
