"""SARIF that the schema of SARIF 2.1.0 takes, with the places, codes and fixes of the findings in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from imgc.analysis.analysis import analyse
from imgc.diagnostics import Diagnostic, Origin, Severity, Span
from imgc.diagnostics.sarif import to_sarif, uri
from tests_support import SHARED

INVALID = sorted((SHARED / "conformance" / "invalid").iterdir())
SCHEMA = json.loads((SHARED / "data/schemas/sarif-2.1.0.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.validators.validator_for(SCHEMA)(SCHEMA)


def sarif(diagnostics: list[Diagnostic]) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(to_sarif(diagnostics, "1.2.3"))
    VALIDATOR.validate(data)
    run: dict[str, Any] = data["runs"][0]
    return run


@pytest.mark.parametrize("folder", INVALID, ids=lambda folder: folder.name)
def test_every_invalid_case_is_valid_sarif(folder: Path) -> None:
    text = (folder / "pipeline.yaml").read_text(encoding="utf-8")
    found = analyse("pipeline.yaml", text, folder).diagnostics
    run = sarif(found)
    assert [result["ruleId"] for result in run["results"]] == [diagnostic.code for diagnostic in found]
    rules = run["tool"]["driver"]["rules"]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])
    assert all(rule["shortDescription"]["text"] for rule in rules)


def test_no_findings_are_a_run_without_results() -> None:
    assert sarif([])["results"] == []


def test_places_fixes_and_levels() -> None:
    text = "version: 1\nimages: {a: {base: python, pip_package: [numpy]}}\n"
    warning, error = sarif(analyse("sub dir/p.yaml", text, Path()).diagnostics)["results"]
    assert (warning["level"], error["level"]) == ("warning", "error")
    place = error["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "sub%20dir/p.yaml"
    assert place["region"] == {"startLine": 2, "startColumn": 28, "endLine": 2, "endColumn": 39}
    replacement = error["fixes"][0]["artifactChanges"][0]["replacements"][0]
    assert replacement["insertedContent"]["text"] == "pip_packages"
    assert replacement["deletedRegion"] == place["region"]


def test_a_code_without_a_page_is_valid_too() -> None:
    sarif([Diagnostic("not-a-code", Severity.HINT, "m", Span(Origin("-"), 0, 0, 0, 0))])


@pytest.mark.parametrize(
    ("file", "wanted"),
    [
        ("a.yaml", "a.yaml"), ("/x/a b.yaml", "file:///x/a%20b.yaml"), ("a:b.yaml", "a%3Ab.yaml"),
        ("../ü.yaml", "../%C3%BC.yaml"),
    ],
)  # fmt: skip
def test_uri(file: str, wanted: str) -> None:
    assert uri(file) == wanted
