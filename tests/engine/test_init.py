"""What imgc init writes builds and runs, on a real engine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FOLDERS: dict[str, dict[str, str]] = {
    "nothing": {},
    "script": {
        "pyproject.toml": '[project]\nname = "x"\ndependencies = ["idna>=3"]\n',
        "main.py": "import idna; print('idna', idna.__version__)\n",
    },
    "requirements": {"requirements.txt": "idna\n", "app.py": "import idna; print('app')\n"},
    "package": {
        "pyproject.toml": '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n\n'
        '[project]\nname = "tools"\nversion = "1"\ndependencies = ["idna"]\n\n'
        '[tool.setuptools]\npy-modules = ["tools"]\n',
        "tools.py": "print('tools')\n",
        "main.py": "import tools, idna\n",
    },
}  # fmt: skip


def imgc(engine: Any, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "imgc.cli.main", *words],
        cwd=folder, env=engine.env, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_is_built_and_run(name: str, engine: Any, tmp_path: Path) -> None:
    for path, text in FOLDERS[name].items():
        (tmp_path / path).write_text(text)
    assert imgc(engine, tmp_path, "init").returncode == 0
    done = imgc(engine, tmp_path, "run")
    assert done.returncode == 0, done.stderr
    rows = json.loads(imgc(engine, tmp_path, "images", "--size", "--format", "json").stdout)
    assert all(row["size"] > 1_000_000 for row in rows)
    for row in rows:
        engine.client.images.remove(row["reference"], force=True)
