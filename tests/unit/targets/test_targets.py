"""What holds for every target: its table, its files for each valid pipeline, and its goldens.

IMGC_UPDATE=1 writes the goldens anew, to tests/expected/targets/CASE/TARGET.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from imgc.analysis.analysis import Analysis, analyse
from imgc.cli.compile import EXAMPLES
from imgc.diagnostics import Severity
from imgc.plan.compiled import compile_pipeline
from imgc.targets.concepts import CONCEPTS
from imgc.targets.registry import SUMMARIES, Made, load, make
from imgc.targets.subject import subject
from tests_support import ROOT, SHARED

TARGETS = list(SUMMARIES)
CASES = sorted(path.parent for path in (ROOT / "tests" / "cases").glob("*/pipeline.yaml"))
SAMPLES = sorted(path.parent for path in (ROOT / "samples").glob("*/pipeline.yaml"))
VALID = sorted((SHARED / "conformance" / "valid").iterdir())
NEEDS_LOCK = "002-03-replicate-local"
FOLDERS = [*CASES, *SAMPLES, *(folder for folder in VALID if folder.name != NEEDS_LOCK)]
GOLDEN = ["extends-and-options", "tree", "steps", "data", "code", "running", "cluster"]
EXPECTED = ROOT / "tests" / "expected" / "targets"
UPDATE = os.environ.get("IMGC_UPDATE") == "1"


def analysed(folder: Path) -> Analysis:
    return analyse("pipeline.yaml", (folder / "pipeline.yaml").read_text(encoding="utf-8"), folder)


def made(folder: Path, *targets: str, output: str = "compiled") -> Made:
    analysis = analysed(folder)
    assert [d.text for d in analysis.diagnostics if d.severity is Severity.ERROR] == []
    compiled = compile_pipeline(analysis.resolved, folder / output)
    return make(targets, subject(compiled, analysis.resolved, folder / output))


def test_the_help_names_every_target() -> None:
    assert all(f"\n  {name} " in EXAMPLES for name in TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_the_table_has_every_concept(name: str) -> None:
    target = load(name)
    assert target.name == name
    assert set(target.support) == {concept.name for concept in CONCEPTS if concept.part in target.parts}
    for support in target.support.values():
        assert (support.level == "exact") == (support.text == "")
        assert support.text.endswith((".", ""))


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_valid_pipeline_is_written_or_refused_at_a_place(folder: Path, name: str) -> None:
    lines = (folder / "pipeline.yaml").read_text(encoding="utf-8").splitlines()
    result = made(folder, name)
    refused = [d for d in result.diagnostics if d.severity is Severity.ERROR]
    assert bool(result.files) != bool(refused)
    for diagnostic in result.diagnostics:
        assert diagnostic.code in ("target-approximates", "target-refuses")
        line, column = diagnostic.span.start
        assert column < len(lines[line])
    again = made(folder, name)
    assert (again.files, [d.text for d in again.diagnostics]) == (
        result.files,
        [d.text for d in result.diagnostics],
    )


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("case", GOLDEN)
def test_golden(case: str, name: str) -> None:
    result = made(ROOT / "tests" / "cases" / case, name)
    said = "".join(f"{d.span.place}: {d.severity.word}[{d.code}]: {d.text}\n" for d in result.diagnostics)
    found = {**result.files, "diagnostics.txt": said.encode()}
    expected = EXPECTED / case / name
    if UPDATE:
        shutil.rmtree(expected, ignore_errors=True)
        for path, data in found.items():
            (expected / path).parent.mkdir(parents=True, exist_ok=True)
            (expected / path).write_bytes(data)
    kept = {path.relative_to(expected).as_posix(): path for path in expected.rglob("*") if path.is_file()}
    assert sorted(found) == sorted(kept)
    for path, data in found.items():
        assert data.decode() == kept[path].read_text(encoding="utf-8"), path


def test_a_warning_is_said_once_and_an_error_at_each_place(tmp_path: Path) -> None:
    secrets = "".join(
        f"  a{n}: {{base: 'debian:12', secrets: [{{secret: s, required: false}}], commands: [echo {n}]}}\n"
        for n in range(6)
    )
    (tmp_path / "pipeline.yaml").write_text(
        f"version: 1\nsecrets: {{s: {{env: S}}}}\nimages:\n{secrets}"
        "  b: {base: 'debian:12', build: {options: {squash: true, cgroup-parent: x}}}\n"
    )
    result = made(tmp_path, "bake")
    told = [(d.severity.word, str(d.span.place), d.label) for d in result.diagnostics]
    assert told == [
        ("warning", "pipeline.yaml:4:27", "also in lines 5, 6, 7 and 2 more"),
        ("error", "pipeline.yaml:10:44", ""),
        ("error", "pipeline.yaml:10:58", ""),
    ]


def test_the_bytes_know_nothing_of_the_machine(tmp_path: Path) -> None:
    results: list[Any] = []
    for name in ("here", "elsewhere/deep"):
        folder = tmp_path / name
        shutil.copytree(ROOT / "tests" / "cases" / "tree", folder)
        subprocess.run(["git", "init", "-q", str(folder)], check=True)
        results.append(made(folder, *TARGETS).files)
    assert results[0] == results[1]
