"""`--set NODE.key=value`, as far as the compiler sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from imgc.analysis.analysis import Analysis, BadOption, Options, analyse
from imgc.diagnostics import Severity
from imgc.diagnostics.render import pretty
from imgc.plan.compiled import compile_pipeline

TEXT = """
version: 1
params: {lang: en}
images: {app: {base: "python:3.11-slim-bookworm"}}
pipeline:
  image: app
  serial:
    plain: make
    train: {run: make train, env: {A: "1"}, retry: {attempts: 2}}
    test:
      parallel: {unit: make unit, v1.2: {run: make old}}
"""


def given(tmp_path: Path, *arguments: str) -> Analysis:
    return analyse("pipeline.yaml", TEXT.lstrip(), tmp_path, Options(given=arguments))


def nodes(tmp_path: Path, *arguments: str) -> dict[str, dict[str, Any]]:
    analysis = given(tmp_path, *arguments)
    assert not analysis.failed, pretty(analysis.diagnostics, analysis.sources)
    plan = compile_pipeline(analysis.resolved, tmp_path / "out").plan
    return {node["path"]: node for node in plan["nodes"]}


def test_settings_of_nodes(tmp_path: Path) -> None:
    found = nodes(
        tmp_path,
        "train.mem=8Gi",
        "train.run=make ${{ params.lang }} more=less",
        "plain.run=[make, x]",
        "plain.max_time=2m",
        "test/unit.env={A: b}",
        "test/v1.2.skip=true",
        "train.env.B=2",
        "train.retry.attempts=5",
        ".network=none",
        "test.max_concurrent=1",
    )
    assert found["train"]["mem"] == 8 << 30
    assert found["train"]["command"][-1] == "make en more=less"
    assert found["plain"]["command"] == ["make", "x"]
    assert found["plain"]["max_time"] == 120
    assert found["test/unit"]["env"] == {"A": "b"}
    assert found["test/v1.2"]["skip"]
    assert found["train"]["env"] == {"A": "1", "B": "2"}
    assert found["train"]["retry"]["attempts"] == 5
    assert found["train"]["network"] == "none"
    assert found["test"]["max_concurrent"] == 1
    assert found["train"]["places"]["mem"] == {"file": "--set train.mem=8Gi", "line": 1, "column": 7}


WRONG = [
    ("trian.cpu=2", "unknown-node", 1, "did you mean 'train'?"),
    ("train.cpus=2", "foreign-key", 7, ""),
    ("train.cpu=many", "wrong-type", 11, ""),
    ("train.max_time=5", "unquoted-text", 16, ""),
    ("train.env={A: ", "yaml-syntax", None, ""),
    ("train.run=echo ${{ params.no }}", "unknown-param", 16, ""),
    ("train.image=ap", "unknown-image", 13, "did you mean 'app'?"),
    ("train.needs=[plain]", "misplaced-key", 7, ""),
    ("test.run=x", "conflicting-keys", None, ""),
]


@pytest.mark.parametrize(
    ("argument", "code", "column", "words"), WRONG, ids=[argument for argument, *_ in WRONG]
)
def test_problems_are_at_their_place_in_the_argument(
    tmp_path: Path, argument: str, code: str, column: int | None, words: str
) -> None:
    analysis = given(tmp_path, argument)
    errors = [found for found in analysis.diagnostics if found.severity is Severity.ERROR]
    found = next((error for error in errors if error.code == code), None)
    assert found is not None, errors
    if column is not None:
        assert (found.span.file, found.span.place.column) == (f"--set {argument}", column)
        assert argument in pretty([found], analysis.sources)
    assert words in found.text or any(words in fix.title for fix in found.fixes)


@pytest.mark.parametrize("argument", ["train", "train.cpu", "cpu=2", ""])
def test_what_is_no_setting_is_wrong_usage(tmp_path: Path, argument: str) -> None:
    with pytest.raises(BadOption, match=r"NODE\.key=value"):
        given(tmp_path, argument)


def test_a_file_without_a_pipeline(tmp_path: Path) -> None:
    analysis = analyse(
        "pipeline.yaml", "version: 1\nimages: {a: {base: x:1}}\n", tmp_path, Options(given=("a.cpu=1",))
    )
    assert "the file has no pipeline" in [found.message for found in analysis.diagnostics]
