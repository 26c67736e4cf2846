"""The hook, the action and the template: their scripts run, with the exit codes that a job needs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests_support import ROOT

GOOD = 'version: 1\nimages: {a: {base: "python:3.12-slim"}}\n'
WARNING = "version: 1\nimages: {a: {base: python}}\n"
BAD = "version: 1\nimagess: {}\n"
PROGRAM = f"#!/bin/sh\nexec '{sys.executable}' -m imgc.cli.main \"$@\"\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/imgc").write_text(PROGRAM)
    (tmp_path / "bin/imgc").chmod(0o755)
    (tmp_path / "work/a b").mkdir(parents=True)
    return tmp_path / "work"


def loaded(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def run(script: str, project: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """As runners do: bash that stops at the first error."""
    path = f"{project.parent / 'bin'}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=project, env={**os.environ, "PATH": path, **env}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def step(name: str) -> str:
    script: str = next(
        step["run"] for step in loaded("ci/action.yml")["runs"]["steps"] if step["name"] == name
    )
    return script


@pytest.mark.parametrize(
    ("text", "deny", "code"),
    [(GOOD, "true", 0), (WARNING, "false", 0), (WARNING, "true", 1), (BAD, "false", 1)],
)
def test_the_action_checks(text: str, deny: str, code: int, project: Path) -> None:
    (project / "pipeline.yaml").write_text(text)
    done = run(step("imgc check"), project, FILES=".", DENY=deny, SARIF="")
    assert done.returncode == code, done
    assert bool(done.stdout) == (text != GOOD)
    assert all(
        re.match(r"::(error|warning) file=pipeline.yaml,line=\d", line) for line in done.stdout.splitlines()
    )


def test_the_action_writes_sarif_of_a_file_with_errors(project: Path) -> None:
    (project / "pipeline.yaml").write_text(BAD)
    assert run(step("imgc check"), project, FILES=".", DENY="false", SARIF="out.sarif").returncode == 1
    assert json.loads((project / "out.sarif").read_text())["runs"][0]["results"]


def test_an_input_is_no_script(project: Path) -> None:
    (project / "pipeline.yaml").write_text(GOOD)
    run(step("imgc check"), project, FILES="$(touch hacked) `touch hacked`; touch hacked", DENY="", SARIF="")
    assert not (project / "hacked").exists()


def test_no_expression_stands_in_a_script() -> None:
    assert not [step for step in loaded("ci/action.yml")["runs"]["steps"] if "${{" in step["run"]]


def test_the_action_looks_at_what_is_compiled(project: Path) -> None:
    (project / "pipeline.yaml").write_text(GOOD)
    assert run(step("imgc compile --check"), project, COMPILED="pipeline.yaml").returncode == 1
    assert run("imgc compile", project).returncode == 0
    assert run(step("imgc compile --check"), project, COMPILED="pipeline.yaml").returncode == 0


@pytest.mark.parametrize(("text", "code"), [(GOOD, 0), (WARNING, 1), (BAD, 1)])
def test_the_gitlab_job(text: str, code: int, project: Path) -> None:
    (project / "pipeline.yaml").write_text(text)
    script = "\n".join(loaded("ci/gitlab.yml")["imgc-check"]["script"])
    assert run(script, project, IMGC_FILES=".").returncode == code
    assert bool(json.loads((project / "imgc.sarif").read_text())["runs"][0]["results"]) == (code == 1)


def test_the_hooks_take_pipeline_files_and_run() -> None:
    hooks = {hook["id"]: hook for hook in loaded(".pre-commit-hooks.yaml")}
    assert set(hooks) == {"imgc-check", "imgc-fix", "imgc-compiled"}
    files = re.compile(hooks["imgc-check"]["files"])
    assert all(files.search(name) for name in ("pipeline.yaml", "a/pipeline.yml", "b/x.imgc.yaml"))
    assert not any(files.search(name) for name in ("my-pipeline.yaml", "pipeline.yaml.txt", "compose.yaml"))


def test_the_hook_fixes(project: Path) -> None:
    (project / "pipeline.yaml").write_text(GOOD.replace("base", "bse"))
    entry = next(hook["entry"] for hook in loaded(".pre-commit-hooks.yaml") if hook["id"] == "imgc-fix")
    assert run(f"{entry} pipeline.yaml", project).returncode == 0
    assert (project / "pipeline.yaml").read_text() == GOOD
