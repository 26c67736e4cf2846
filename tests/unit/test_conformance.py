"""The conformance cases beside the checkout: every valid one compiles, every invalid one is diagnosed where it says."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from imgc.analysis.analysis import Analysis, analyse
from imgc.diagnostics import Severity
from imgc.document.document import load
from imgc.document.nodes import plain
from imgc.plan.compiled import compile_pipeline
from tests_support import SHARED

VALID = sorted(path.name for path in (SHARED / "conformance" / "valid").iterdir())
INVALID = sorted(path.name for path in (SHARED / "conformance" / "invalid").iterdir())
NEEDS_LOCK = "002-03-replicate-local"


def analysed(folder: Path) -> Analysis:
    return analyse("pipeline.yaml", (folder / "pipeline.yaml").read_text(encoding="utf-8"), folder)


def copied(kind: str, name: str, to: Path) -> Path:
    target = to / name
    shutil.copytree(SHARED / "conformance" / kind / name, target)
    for path in (target, *target.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return target


@pytest.mark.parametrize("in_git", [False, True], ids=["plain", "git"])
@pytest.mark.parametrize("name", [name for name in VALID if name != NEEDS_LOCK])
def test_a_valid_case_compiles(name: str, in_git: bool, tmp_path: Path) -> None:
    folder = copied("valid", name, tmp_path)
    if in_git:
        subprocess.run(["git", "init", "-q", str(folder)], check=True)
    analysis = analysed(folder)
    assert [d.text for d in analysis.diagnostics if d.severity is Severity.ERROR] == []
    files = compile_pipeline(analysis.resolved, folder / "compiled").files
    assert "plan.json" in files


def test_the_local_environment_has_to_be_locked_first(tmp_path: Path) -> None:
    analysis = analysed(copied("valid", NEEDS_LOCK, tmp_path))
    errors = [d for d in analysis.diagnostics if d.severity is Severity.ERROR]
    assert [d.span.place.line for d in errors] == [3, 4]
    assert all("imgc lock" in d.text for d in errors)


@pytest.mark.parametrize("name", INVALID)
def test_an_invalid_case_is_diagnosed_at_its_place(name: str, tmp_path: Path) -> None:
    folder = copied("invalid", name, tmp_path)
    expected = plain(load("expect.yaml", (folder / "expect.yaml").read_text(encoding="utf-8")).root)
    assert isinstance(expected, dict)
    first = next(d for d in analysed(folder).diagnostics if d.severity is Severity.ERROR)
    assert (first.span.place.line, first.span.place.column) == (expected["line"], expected["column"])
    said = " ".join(
        [first.text, *(fix.title for fix in first.fixes), *(other.message for other in first.related)]
    )
    for word in expected["words"]:
        assert word in said
