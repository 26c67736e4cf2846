"""Completion in real shells, and a manual that man reads without a complaint."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from imgc.cli.main import COMMANDS
from imgc_cli import imgc


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"needs {program}")


def script(shell: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    path = folder / f"imgc.{shell}"
    path.write_text(imgc(capsys, "completion", shell).out)
    return path


def bash(path: Path, *words: str) -> list[str]:
    line = " ".join(f"'{word}'" for word in words)
    code = f"source {path}; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _imgc; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    done = subprocess.run(["bash", "-c", code], cwd=path.parent, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


@needs("bash")
def test_bash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = script("bash", tmp_path, capsys)
    (tmp_path / "pipeline.yaml").write_text("")
    assert {"check", "compile", "explain"} <= set(bash(path, "imgc", ""))
    assert bash(path, "imgc", "com") == ["compile", "completion"]
    assert bash(path, "imgc", "check", "--deny") == ["--deny-warnings"]
    assert bash(path, "imgc", "check", "--format", "s") == ["sarif"]
    assert bash(path, "imgc", "check", "pip") == ["pipeline.yaml"]
    assert bash(path, "imgc", "completion", "z") == ["zsh"]


@needs("fish")
def test_fish(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = script("fish", tmp_path, capsys)

    def complete(line: str) -> set[str]:
        code = f"source {path}; complete -C {line!r}"
        done = subprocess.run(["fish", "-N", "-c", code], capture_output=True, text=True, check=True)
        assert done.stderr == ""
        return {found.split("\t")[0] for found in done.stdout.splitlines()}

    assert {"check", "compile"} <= complete("imgc c")
    assert complete("imgc check --format s") >= {"sarif"}
    assert "--deny-warnings" in complete("imgc check --d")


@needs("zsh")
def test_zsh_reads_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = script("zsh", tmp_path, capsys)
    code = f"autoload -Uz compinit; compinit -u -d {tmp_path}/dump; source {path}; whence -w _imgc; print $_comps[imgc]"
    done = subprocess.run(["zsh", "-f", "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout.split(), done.stderr) == (["_imgc:", "function", "_imgc"], "")


@needs("zsh")
def test_zsh_completes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The shell is driven through a terminal, as zsh completes nowhere else."""
    path = script("zsh", tmp_path, capsys)
    code = f"""
      zmodload zsh/zpty
      zpty shell zsh -f
      zpty -w shell 'PS1=; autoload -Uz compinit; compinit -u -d {tmp_path}/dump; source {path}; print READY'
      zpty -r shell out '*READY*READY*'
      zpty -n -w shell $'imgc check --form\\tsar\\t'
      zpty -r shell out '*sarif*'
      print -r -- "$out"
      zpty -d shell
    """
    done = subprocess.run(["zsh", "-f", "-c", code], capture_output=True, text=True, timeout=20, check=True)
    assert "sarif" in done.stdout


def test_every_command_is_in_the_manual(capsys: pytest.CaptureFixture[str]) -> None:
    text = imgc(capsys, "man").out
    assert all(f'.SS "imgc {name}' in text for name in COMMANDS)
    assert not [line for line in text.splitlines() if line.startswith("'")]


@needs("mandoc")
def test_mandoc_has_nothing_to_say_about_the_manual(capsys: pytest.CaptureFixture[str]) -> None:
    done = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "error"],
        input=imgc(capsys, "man").out, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == ""


@needs("man")
def test_man_shows_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "imgc.1").write_text(imgc(capsys, "man").out)
    done = subprocess.run(
        ["man", "--warnings", "-l", str(tmp_path / "imgc.1")],
        capture_output=True, text=True, env={"MANWIDTH": "100", "PATH": "/usr/bin:/bin"}, check=True,
    )  # fmt: skip
    assert "imgc check --format sarif       for code scanning" in done.stdout
    assert "imgc explain etl:9" in done.stdout
