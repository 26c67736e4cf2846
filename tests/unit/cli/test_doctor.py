"""imgc doctor, without an engine: what it prints and how it ends."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from imgc.cli import doctor
from imgc_cli import imgc


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))


def test_no_engine_is_a_problem_with_a_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    result = imgc(capsys, "doctor")
    assert result.code == 1
    lines = result.out.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("stop  engine "))
    assert lines[at + 1].strip().startswith("-> DOCKER_HOST")
    assert "\x1b" not in result.out
    assert result.err == "imgc cannot build or run as things are.\n"


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(imgc(capsys, "doctor", "--format", "json").out)
    states = {check["name"]: check["state"] for check in told["checks"]}
    assert states["Python"] == "fine"
    assert states["engine"] == "problem"
    assert states["clock"] == "skipped"


def test_without_the_docker_sdk(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "docker", None)
    for name in [name for name in sys.modules if name.startswith("imgc_engine")]:
        monkeypatch.delitem(sys.modules, name)
    result = imgc(capsys, "doctor")
    assert result.code == 1
    assert "pip install 'imgc[docker]'" in result.out


def test_without_git(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert doctor.git().state == "warning"


def test_color(capsys: pytest.CaptureFixture[str]) -> None:
    assert "\x1b[31mstop\x1b[0m" in imgc(capsys, "doctor", "--color", "always").out
