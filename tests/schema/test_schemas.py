"""The package that holds the schemas, and the schema of diagnostics."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import imgc_schema

DIAGNOSTICS = imgc_schema.load("diagnostics")
FINDING: dict[str, Any] = {
    "file": "pipeline.yaml",
    "line": 5,
    "column": 5,
    "end_line": 5,
    "end_column": 16,
    "severity": "error",
    "code": "unknown-key",
    "message": "'pip_package' is not a key of an image; did you mean 'pip_packages'?",
    "fixes": [
        {
            "title": "replace with 'pip_packages'",
            "edits": [{"line": 5, "column": 5, "end_line": 5, "end_column": 16, "text": "pip_packages"}],
        }
    ],
    "related": [{"file": "pipeline.yaml", "line": 3, "column": 3, "message": "the image"}],
}


@pytest.mark.parametrize("name", imgc_schema.NAMES)
def test_load_reads_once_and_text_is_the_file(name: str) -> None:
    assert imgc_schema.load(name) is imgc_schema.load(name)
    assert imgc_schema.text(name).endswith("}\n")


def test_load_refuses_other_names() -> None:
    with pytest.raises(
        ValueError, match=r"no schema is named '\.\./x'; there are pipeline, plan, diagnostics"
    ):
        imgc_schema.load("../x")


def test_importing_reads_nothing() -> None:
    code = "import imgc_schema; print(imgc_schema.load.cache_info().misses)"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == "0"


def test_diagnostics_is_a_2020_12_schema_with_valid_examples() -> None:
    Draft202012Validator.check_schema(DIAGNOSTICS)
    for owner in [DIAGNOSTICS, *DIAGNOSTICS["$defs"].values()]:
        assert owner["description"]
        for schema in owner.get("properties", {}).values():
            assert schema["description"]
            assert schema["examples"]
            for example in schema["examples"]:
                Draft202012Validator({**schema, "$defs": DIAGNOSTICS["$defs"]}).validate(example)


def test_diagnostics_accepts_findings() -> None:
    for findings in ([], [FINDING], [{**FINDING, "severity": "hint", "fixes": [], "related": []}]):
        Draft202012Validator(DIAGNOSTICS).validate({"version": 1, "diagnostics": findings})


@pytest.mark.parametrize(
    "change",
    [
        {"line": 0},
        {"column": 0},
        {"severity": "fatal"},
        {"code": "Unknown Key"},
        {"message": ""},
        {"more": 1},
        {"fixes": [{"title": "x", "edits": []}]},
        {"related": [{"file": "a", "line": 1, "column": 1}]},
    ],
)
def test_diagnostics_refuses(change: dict[str, Any]) -> None:
    assert not Draft202012Validator(DIAGNOSTICS).is_valid(
        {"version": 1, "diagnostics": [{**FINDING, **change}]}
    )


def test_diagnostics_wants_every_key() -> None:
    for key in FINDING:
        finding = {name: value for name, value in FINDING.items() if name != key}
        assert not Draft202012Validator(DIAGNOSTICS).is_valid({"version": 1, "diagnostics": [finding]})
