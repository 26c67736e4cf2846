"""imgc check: several files and folders, formats for programs, fixes."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from imgc_cli import imgc

GOOD = 'version: 1\nimages: {a: {base: "python:3.12-slim"}}\n'
BAD = 'version: 1\nimages: {a: {base: "python:3.12-slim", pip_package: [numpy]}}  # keep me\n'
WARNING = "version: 1\nimages: {a: {base: python}}\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_yaml", ".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_a_folder_means_its_pipeline_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(folder, a__pipeline_yaml=GOOD, a__x__pipeline_yaml=BAD, a__venv__pipeline_yaml=BAD, a__o_yaml="x")
    (folder / "a/extra.imgc.yaml").write_text(WARNING)
    (folder / "a/.hidden").mkdir()
    (folder / "a/.hidden/pipeline.yaml").write_text(BAD)
    result = imgc(capsys, "check", "a", "a/x/pipeline.yaml", "--format", "json")
    found = json.loads(result.out)["diagnostics"]
    assert [(one["file"], one["code"]) for one in found] == [
        ("a/extra.imgc.yaml", "untagged-base"), ("a/x/pipeline.yaml", "unknown-key"),
    ]  # fmt: skip
    assert result.code == 1


def test_a_folder_without_pipeline_files_is_a_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    result = imgc(capsys, "check", ".")
    assert (result.code, "no pipeline file" in result.err) == (2, True)


def test_warnings_fail_when_denied(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(folder, pipeline_yaml=WARNING)
    assert imgc(capsys, "check").code == 0
    assert imgc(capsys, "check", "--deny-warnings").code == 1


@pytest.mark.parametrize("form", ["sarif", "github", "json"])
def test_formats_fail_the_check_alike(form: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(folder, pipeline_yaml=BAD)
    result = imgc(capsys, "check", "--format", form)
    assert result.code == 1
    assert "pip_packages" in result.out


def test_annotations_are_relative_to_the_checkout(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, sub__pipeline_yaml=BAD)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(folder))
    monkeypatch.chdir(folder / "sub")
    assert "file=sub/pipeline.yaml," in imgc(capsys, "check", "--format", "github").out
    monkeypatch.chdir(folder)
    assert "file=sub/pipeline.yaml," in imgc(capsys, "check", "sub", "--format", "github").out


def test_fix_writes_the_file_and_says_what(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(folder, pipeline_yaml=BAD)
    (folder / "pipeline.yaml").chmod(0o640)
    (folder / "link.yaml").symlink_to("pipeline.yaml")
    result = imgc(capsys, "check", "--fix", "link.yaml")
    assert result.code == 0, result
    assert "1 fix applied" in result.err
    assert (folder / "pipeline.yaml").read_text() == BAD.replace("pip_package", "pip_packages")
    assert (folder / "pipeline.yaml").stat().st_mode & 0o777 == 0o640
    assert (folder / "link.yaml").is_symlink()
    assert sorted(path.name for path in folder.iterdir()) == ["link.yaml", "pipeline.yaml"]


def test_fix_leaves_a_fine_file_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(folder, pipeline_yaml=WARNING)
    before = (folder / "pipeline.yaml").stat().st_mtime_ns
    assert "untagged-base" in imgc(capsys, "check", "--fix").out
    assert (folder / "pipeline.yaml").stat().st_mtime_ns == before


def test_fix_of_standard_input_prints_the_text(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(BAD.encode())))
    assert imgc(capsys, "check", "--fix", "-").out == BAD.replace("pip_package", "pip_packages")
