"""`imgc compile`, `check` and `schema` as a user calls them: output, exit codes, what is written and what is not."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

import imgc_schema

PIPELINE = """\
version: 1
params: {lang: en}
images:
  a: {base: "debian:bookworm-slim", env: {LANG: "${{ params.lang }}"}}
  b: {base: "debian:bookworm-slim", copy_dir: src}
"""


def imgc(*arguments: str, cwd: Path, stdin: bytes | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "imgc.cli.main", *arguments], cwd=cwd, capture_output=True, text=True, check=False,
        input=stdin.decode() if stdin is not None else None, env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.txt").write_text("a\n")
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    return tmp_path


def written(folder: Path) -> dict[str, float]:
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()
    }


def test_compile_writes_only_what_changed(folder: Path) -> None:
    first = imgc("compile", cwd=folder)
    assert (first.returncode, first.stdout) == (0, "")
    before = written(folder / "compiled")
    assert "plan.json" in before
    assert "images/a/Dockerfile.map.json" in before
    assert imgc("compile", cwd=folder).returncode == 0
    assert written(folder / "compiled") == before
    imgc("compile", "--param", "lang=fr", cwd=folder)
    after = written(folder / "compiled")
    changed = {path for path in after if after[path] != before.get(path)}
    assert changed == {"images/a/Dockerfile", "plan.json"}


def test_what_is_no_longer_compiled_is_removed_and_nothing_else(folder: Path) -> None:
    imgc("compile", cwd=folder)
    (folder / "compiled" / "images" / "a" / "notes.txt").write_text("mine")
    (folder / "compiled" / "mine.txt").write_text("mine")
    (folder / "pipeline.yaml").write_text(PIPELINE.replace("  a:", "  c:"))
    imgc("compile", cwd=folder)
    kept = set(written(folder / "compiled"))
    assert {"mine.txt", "images/a/notes.txt", "images/c/Dockerfile"} <= kept
    assert "images/a/Dockerfile" not in kept


def test_a_plan_of_somebody_else_removes_nothing(folder: Path) -> None:
    (folder / "compiled").mkdir()
    (folder / "compiled" / "plan.json").write_text('{"images": {"x": {"dockerfile": "../src/a.txt"}}}')
    assert imgc("compile", cwd=folder).returncode == 0
    assert (folder / "src" / "a.txt").exists()


def test_check_says_the_drift_and_writes_nothing(folder: Path) -> None:
    result = imgc("compile", "--check", cwd=folder)
    assert result.returncode == 1
    assert not (folder / "compiled").exists()
    imgc("compile", cwd=folder)
    assert imgc("compile", "--check", cwd=folder).returncode == 0
    result = imgc("compile", "--check", "--param", "lang=fr", cwd=folder)
    assert result.returncode == 1
    assert "-ENV LANG=en" in result.stdout
    assert "+ENV LANG=fr" in result.stdout


def test_stdout(folder: Path) -> None:
    one = imgc("compile", "--stdout", "b", cwd=folder)
    assert one.stdout.startswith("# b pipeline.yaml:5")
    assert not (folder / "compiled").exists()
    both = imgc("compile", "--stdout", cwd=folder)
    assert both.stdout.count("FROM ") == 2
    assert imgc("compile", "--stdout", "nope", cwd=folder).returncode == 2


def test_standard_input(folder: Path) -> None:
    result = imgc("compile", "-", "--stdout", "b", cwd=folder, stdin=PIPELINE.encode())
    assert result.returncode == 0, result.stderr
    assert "COPY src" in result.stdout


def test_an_error_stops_the_compile_at_its_place(folder: Path) -> None:
    (folder / "pipeline.yaml").write_text(PIPELINE.replace("copy_dir: src", "copy_dri: src"))
    result = imgc("compile", cwd=folder)
    assert result.returncode == 1
    assert "error[unknown-key]: 'copy_dri' is not a key of an image" in result.stderr
    assert "--> pipeline.yaml:5:37" in result.stderr
    assert "^^^^^^^^ did you mean 'copy_dir'?" in result.stderr
    assert not (folder / "compiled").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["compile", "nowhere.yaml"], 1, "cannot be read"),
        (["check", "src"], 2, "no pipeline file"),
        (["compile", "src"], 1, "is a folder"),
        (["compile", "--param", "lang"], 2, "NAME=VALUE"),
        (["compile", "--param", "nope=1"], 2, "no parameter is called 'nope'"),
        (["compile", "--target", "bale"], 2, "no target is called 'bale': did you mean 'bake'?"),
        (["compile", "--target", "bake,kubernetes"], 2, "there are bake, compose, devcontainer, argo, slurm"),
        (["compile", "--target", "bake", "--stdout", "nope"], 2, "--stdout with one of docker-bake.json"),
        (["compile", "--no-such-option"], 2, "imgc compile: error: unrecognized"),
        (["complie"], 2, "did you mean 'compile'?"),
        (["nonsense"], 2, "no command is called"),
    ],
)
def test_exit_codes(folder: Path, arguments: list[str], code: int, said: str) -> None:
    result = imgc(*arguments, cwd=folder)
    assert result.returncode == code
    assert said in result.stderr + result.stdout
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xff\xfe", "not-utf8"), (b"", "empty-file"), (b"\x00", "yaml-character"), (b"a: 1\n---\nb: 1\n", "several-documents"),
        (b"[" * 100_000, "too-deep"), (b"a: " + b"x" * (11 * 1024 * 1024), "too-large"), (b"- 1\n", "yaml-syntax"),
    ],
)  # fmt: skip
def test_files_that_are_none(folder: Path, data: bytes, code: str) -> None:
    (folder / "bad.yaml").write_bytes(data)
    result = imgc("check", "--format", "json", "bad.yaml", cwd=folder)
    assert result.returncode == 1
    assert code in {diagnostic["code"] for diagnostic in json.loads(result.stdout)["diagnostics"]}
    assert "Traceback" not in result.stderr


def test_a_loop_of_links_and_a_file_without_permission(folder: Path) -> None:
    (folder / "loop.yaml").symlink_to("loop.yaml")
    assert imgc("check", "loop.yaml", cwd=folder).returncode == 1
    (folder / "pipeline.yaml").write_text(PIPELINE.replace("copy_dir: src", "copy_dir: loop"))
    (folder / "loop").symlink_to("loop")
    result = imgc("check", cwd=folder)
    assert result.returncode == 1
    assert "pipeline.yaml:5:47" in result.stdout


def test_check_finds_the_file_above_and_gives_valid_json(folder: Path) -> None:
    (folder / ".git").mkdir()
    (folder / "pipeline.yaml").write_text(PIPELINE + "  c: {reqs_py: [numpy]}\n")
    result = imgc("check", "--format", "json", cwd=folder / "src")
    assert result.returncode == 1
    found = json.loads(result.stdout)
    jsonschema.validate(found, imgc_schema.load("diagnostics"), cls=jsonschema.Draft202012Validator)
    [diagnostic] = [d for d in found["diagnostics"] if d["severity"] == "error"]
    assert (diagnostic["line"], diagnostic["column"], diagnostic["end_column"]) == (6, 7, 14)
    assert diagnostic["fixes"][0]["edits"] == [
        {"line": 6, "column": 7, "end_line": 6, "end_column": 14, "text": "pip_packages"}
    ]


def test_warnings_fail_only_when_denied(folder: Path) -> None:
    (folder / "pipeline.yaml").write_text("version: 1\nimages: {a: {base: debian}}\n")
    assert imgc("check", cwd=folder).returncode == 0
    assert imgc("check", "--deny-warnings", cwd=folder).returncode == 1


@pytest.mark.parametrize("name", ["pipeline", "plan", "diagnostics"])
def test_schema_prints_the_schema(folder: Path, name: str) -> None:
    assert json.loads(imgc("schema", name, cwd=folder).stdout) == imgc_schema.load(name)


@pytest.mark.parametrize("command", ["check", "compile", "build", "run", "schema"])
def test_help_has_examples(folder: Path, command: str) -> None:
    result = imgc(command, "--help", cwd=folder)
    assert result.returncode == 0
    assert "examples:" in result.stdout


def test_the_command_line_loads_nothing_heavy(folder: Path) -> None:
    script = "import sys; sys.argv=['imgc','compile','-q']; from imgc.cli.main import main; main(); print(*sys.modules)"
    loaded = set(
        subprocess.run(
            [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True
        ).stdout.split()
    )
    for heavy in (
        "docker",
        "pygls",
        "lsprotocol",
        "jsonschema",
        "rich",
        "asyncio",
        "requests",
        "packaging.requirements",
        "imgc_engine",
    ):
        assert heavy not in loaded, heavy


def test_a_disk_that_refuses_is_said(folder: Path) -> None:
    (folder / "compiled").write_text("a file where the folder should be")
    result = imgc("compile", cwd=folder)
    assert result.returncode == 3
    assert "compiled" in result.stderr
    assert "Traceback" not in result.stderr


def test_files_of_targets_come_and_go_with_the_others(folder: Path) -> None:
    said = imgc("compile", "--target", "bake", "-v", cwd=folder)
    assert (said.returncode, said.stdout) == (0, "")
    assert "for bake: docker-bake.json" in said.stderr
    assert "\n  docker-bake.json\n" in said.stderr
    compiled = folder / "compiled"
    before = written(compiled)
    assert {"docker-bake.json", "targets.json", "plan.json"} <= set(before)
    assert imgc("compile", "--target", "bake", "--check", cwd=folder).returncode == 0
    assert imgc("compile", "--target", "bake", cwd=folder).returncode == 0
    assert written(compiled) == before
    drift = imgc("compile", "--target", "bake", "--check", "--param", "lang=fr", cwd=folder)
    assert (drift.returncode, "+++ compiled/docker-bake.json" in drift.stdout) == (1, True)
    assert "--- compiled/docker-bake.json" in imgc("compile", "--check", cwd=folder).stdout
    assert imgc("compile", cwd=folder).returncode == 0
    assert not {"docker-bake.json", "targets.json"} & set(written(compiled))


def test_folders_of_a_target_go_when_they_are_empty(folder: Path) -> None:
    imgc("compile", "--target", "devcontainer", cwd=folder)
    compiled = folder / "compiled"
    assert {".devcontainer/a/devcontainer.json", ".devcontainer/b/devcontainer.json"} <= set(
        written(compiled)
    )
    (compiled / ".devcontainer/b/mine").touch()
    imgc("compile", cwd=folder)
    assert [str(path.relative_to(compiled)) for path in (compiled / ".devcontainer").rglob("*")] == [
        ".devcontainer/b", ".devcontainer/b/mine"
    ]  # fmt: skip


def test_what_is_not_of_a_target_stays(folder: Path) -> None:
    compiled = folder / "compiled"
    imgc("compile", "--target", "bake", cwd=folder)
    (compiled / "docker-bake.json").write_text("edited")
    imgc("compile", cwd=folder)
    assert (compiled / "docker-bake.json").read_text() == "edited"
    said = imgc("compile", "--target", "bake", cwd=folder)
    assert (said.returncode, "not written by imgc" in said.stderr) == (2, True)
    assert (compiled / "docker-bake.json").read_text() == "edited"


@pytest.mark.parametrize("path", ["../src/a.txt", "/src/a.txt", "images/../../src/a.txt"])
def test_a_list_of_somebody_else_removes_nothing(folder: Path, path: str) -> None:
    imgc("compile", cwd=folder)
    digest = f"sha256:{hashlib.sha256(b'a' + bytes([10])).hexdigest()}"
    path = path if not path.startswith("/") else str(folder / path[1:])
    (folder / "compiled" / "targets.json").write_text(json.dumps({"version": 1, "files": {path: digest}}))
    assert imgc("compile", cwd=folder).returncode == 0
    assert (folder / "src" / "a.txt").exists()


def test_a_target_that_refuses_writes_nothing(folder: Path) -> None:
    (folder / "pipeline.yaml").write_text(
        PIPELINE + "  c: {base: 'debian:12', build: {options: {squash: true}}}\n"
    )
    said = imgc("compile", "--target", "bake", cwd=folder)
    assert said.returncode == 1
    assert "error[target-refuses]: bake cannot express 'build.options.squash'" in said.stderr
    assert "--> pipeline.yaml:6:44" in said.stderr
    assert not (folder / "compiled").exists()


def test_a_target_on_standard_output(folder: Path) -> None:
    said = imgc("compile", "-", "--target", "bake", "--stdout", cwd=folder, stdin=PIPELINE.encode())
    assert said.returncode == 0
    assert list(json.loads(said.stdout)["target"]) == ["a", "b"]
    named = imgc("compile", "--target", "bake", "--stdout", "docker-bake.json", cwd=folder)
    assert named.stdout == said.stdout
    assert not (folder / "compiled").exists()
