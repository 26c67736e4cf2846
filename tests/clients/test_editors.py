"""Real editors without a screen: Neovim's built-in client and Emacs' eglot. Each shows a diagnostic,
hover and
completion, and applies a quick fix. Skipped where the editor is not installed (IMGC_TEST_CLIENTS=1: a failure)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
TEXT = "version: 1\nimages:\n  etl:\n    base: python:3.12-slim\n    pip_package: [numpy]\n"


def run(program: str, arguments: list[str], folder: Path) -> dict[str, Any]:
    if shutil.which(program) is None:
        if os.environ.get("IMGC_TEST_CLIENTS") == "1":
            pytest.fail(f"{program} is not installed")
        pytest.skip(f"{program} is not installed")
    file = folder / "pipeline.yaml"
    file.write_text(TEXT)
    server = [sys.executable, "-m", "imgc_lsp"]
    env = {**os.environ, "IMGC_COMMAND": json.dumps(server), "IMGC_FILE": str(file), "HOME": str(folder)}
    done = subprocess.run(
        [program, *arguments], env=env, capture_output=True, text=True, timeout=90, check=False
    )
    lines = [line for line in (done.stdout + "\n" + done.stderr).splitlines() if line.startswith("{")]
    assert lines, done.stdout + done.stderr
    data: dict[str, Any] = json.loads(lines[-1])
    return data


def test_neovim(tmp_path: Path) -> None:
    seen = run("nvim", ["--headless", "-u", "NONE", "-c", f"luafile {HERE / 'neovim.lua'}"], tmp_path)
    assert seen["diagnostic"]["line"] == 4
    assert seen["diagnostic"]["source"] == "imgc"
    assert "pip_packages" in seen["diagnostic"]["message"]
    assert "registry" in seen["hover"]
    assert "apt_packages" in seen["completion"]
    assert seen["fixed"] == "    pip_packages: [numpy]"


def test_emacs(tmp_path: Path) -> None:
    seen = run("emacs", ["--batch", "-q", "-l", str(HERE / "emacs.el")], tmp_path)
    assert seen["line"] == 4
    assert "pip_packages" in seen["diagnostic"]
    assert "registry" in seen["hover"]
    assert "apt_packages" in seen["completion"]
    assert seen["fixed"] == "    pip_packages: [numpy]"
