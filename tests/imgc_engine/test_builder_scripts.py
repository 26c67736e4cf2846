"""The scripts of the official builders: what a shell can say of them without an engine."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from imgc_engine.data.code import SCRIPTS


@pytest.mark.parametrize(
    "script", sorted(SCRIPTS.glob("*/*.sh")), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_it_is_plain_sh(script: Path) -> None:
    done = subprocess.run(["sh", "-n", str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "bash" not in script.read_text(encoding="utf-8")


def test_each_language_has_both() -> None:
    assert {path.parent.name: path.parent for path in SCRIPTS.glob("*/build.sh")}.keys() == {"go", "python"}
    assert all((path.parent / "run.sh").is_file() for path in SCRIPTS.glob("*/build.sh"))


def test_run_sh_hands_its_arguments_on(tmp_path: Path) -> None:
    """As it runs, with the folders of a container in another place."""
    (tmp_path / "main").write_text('#!/bin/sh\necho "$# $1"\n')
    (tmp_path / "main").chmod(0o755)
    (tmp_path / "main.py").write_text("import sys\nprint(len(sys.argv) - 1, sys.argv[1])\n")
    for language in ("go", "python"):
        text = (SCRIPTS / language / "run.sh").read_text(encoding="utf-8")
        text = text.replace("/pfs/build/venv", "/none").replace("/pfs/source", str(tmp_path))
        text = text.replace("/pfs/build", str(tmp_path))
        done = subprocess.run(
            ["sh", "-c", text, "run.sh", "a b", "c"], capture_output=True, text=True, check=True
        )
        assert done.stdout == "2 a b\n", language
