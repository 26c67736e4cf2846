"""What imgc init writes builds and runs, on a real engine: ten folders as projects have them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests_support import ROOT

FOLDERS: dict[str, dict[str, str]] = {
    "nothing": {},
    "script": {
        "pyproject.toml": '[project]\nname = "x"\ndependencies = ["idna>=3"]\n',
        "main.py": "import idna; print('idna', idna.__version__)\n",
    },
    "requirements": {"requirements.txt": "idna\n", "app.py": "import idna; print('app')\n"},
    "requirements with tests": {
        "requirements.txt": "idna\npytest\n", "requirements-dev.txt": "ruff\n",
        "app.py": "import idna\n\ndef home():\n    return idna.encode('a')\n",
        "tests/test_app.py": "from app import home\n\ndef test_home():\n    assert home() == b'a'\n",
    },
    "package": {
        "pyproject.toml": '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n\n'
        '[project]\nname = "tools"\nversion = "1"\ndependencies = ["idna"]\n\n'
        '[tool.setuptools]\npy-modules = ["tools"]\n',
        "tools.py": "print('tools')\n",
        "main.py": "import tools, idna\n",
    },
    "package in src": {
        "pyproject.toml": '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n\n'
        '[project]\nname = "acme"\nversion = "1"\nrequires-python = ">=3.9"\ndependencies = ["idna"]\n',
        "README.md": "# acme\n", ".gitignore": "dist\n", "src/acme/__init__.py": "import idna\n",
        "main.py": "import acme\n",
    },
    "site with manage.py": {
        "requirements.txt": "idna\n", "shop/__init__.py": "",
        "manage.py": "import sys, idna, shop; print('System check identified no issues', sys.argv[1])\n",
    },
    "training": {
        "requirements.txt": "# numbers\nidna>=3  # stands for a larger one\n", ".python-version": "3.11\n",
        "train.py": "import idna, pathlib; print(len(pathlib.Path('data/a.csv').read_text()))\n",
        "data/a.csv": "a,b\n1,2\n", ".dockerignore": "*.log\n",
    },
    "dockerfile": {
        "Dockerfile": "FROM busybox:1.35 AS base\nWORKDIR /srv\nCOPY page.html ./\nRUN test -s page.html\n",
        "page.html": "<p>hello</p>\n", "README.md": "# page\n",
    },
    "python and node": {
        "requirements.txt": "idna\n", "main.py": "import idna\n",
        "package.json": '{"name": "web", "version": "1.0.0", "scripts": {"test": "node -e 0"}}',
        "package-lock.json": '{"name": "web", "version": "1.0.0", "lockfileVersion": 3, "requires": true, '
        '"packages": {"": {"name": "web", "version": "1.0.0"}}}',
    },
}  # fmt: skip


def imgc(engine: Any, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "imgc.cli.main", *words],
        cwd=folder, env=engine.env, capture_output=True, text=True, check=False,
    )  # fmt: skip


def builds_and_runs(engine: Any, folder: Path) -> None:
    assert imgc(engine, folder, "init").returncode == 0
    file = folder / "pipeline.yaml"
    file.write_text(file.read_text().replace("node:22-", "node:20-"))  # the one that this engine has
    done = imgc(engine, folder, "run")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads(imgc(engine, folder, "images", "--size", "--format", "json").stdout)
    assert all(row["size"] > 1_000_000 for row in rows)
    for row in rows:
        engine.client.images.remove(row["reference"], force=True)


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_is_built_and_run(name: str, engine: Any, tmp_path: Path) -> None:
    for path, text in FOLDERS[name].items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    builds_and_runs(engine, tmp_path)


def test_a_node_project_with_its_lock_is_built_and_run(engine: Any, tmp_path: Path) -> None:
    left_out = shutil.ignore_patterns("pipeline.yaml", "compiled", ".imgc")
    shutil.copytree(ROOT / "samples/node-project", tmp_path / "web", ignore=left_out)
    builds_and_runs(engine, tmp_path / "web")
