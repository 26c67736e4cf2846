"""imgc init: on ten folders as projects have them, what it writes compiles and says what is there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from imgc.analysis.analysis import Analysis, analyse
from imgc.document.nodes import plain
from imgc.plan.compiled import compile_pipeline
from imgc_cli import imgc

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
UV_LOCK = """\
version = 1
requires-python = ">=3.10"

[[package]]
name = "api"
version = "0.1.0"
source = { virtual = "." }
dependencies = [{ name = "idna" }]

[package.metadata]
requires-dist = [{ name = "idna" }]

[[package]]
name = "idna"
version = "3.7"
source = { registry = "https://pypi.org/simple" }
"""
POETRY_LOCK = """\
[[package]]
name = "idna"
version = "3.7"
description = ""
optional = false
python-versions = ">=3.5"
files = []

[metadata]
lock-version = "2.1"
python-versions = ">=3.10"
content-hash = "0"
"""
FOLDERS: dict[str, dict[str, str]] = {
    "uv service": {
        "pyproject.toml": '[project]\nname = "api"\nversion = "0.1.0"\nrequires-python = ">=3.10"\n'
        'dependencies = ["idna"]\n\n[dependency-groups]\ndev = ["pytest"]\n',
        "uv.lock": UV_LOCK, ".python-version": "3.12\n", "app.py": "print(1)\n", "tests/test_app.py": "",
    },
    "poetry": {
        "pyproject.toml": '[tool.poetry]\nname = "shop"\nversion = "0.1.0"\ndescription = ""\nauthors = []\n'
        'package-mode = false\n\n[tool.poetry.dependencies]\npython = ">=3.10"\nidna = "3.7"\n',
        "poetry.lock": POETRY_LOCK, "main.py": "print(1)\n",
    },
    "requirements": {
        "requirements.txt": "flask==3.0.3\n# web\ngunicorn\npytest\n", "requirements-dev.txt": "ruff\n",
        "app.py": "", "tests/test_a.py": "",
    },
    "django": {"requirements.txt": "django>=5\n", "manage.py": "", "shop/settings.py": ""},
    "a package": {
        "pyproject.toml": '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n\n'
        '[project]\nname = "acme.tools"\nversion = "1"\nrequires-python = ">=3.9,<3.11"\ndependencies = ["rich"]\n',
        "src/acme/__init__.py": "",
    },
    "script with dependencies": {
        "pyproject.toml": '[project]\nname = "x"\ndependencies = ["numpy>=1", "tomli; python_version < \\"3.11\\""]\n',
        "train.py": "",
    },
    "conda": {
        "environment.yml": "name: lab\nchannels: [conda-forge, defaults]\ndependencies:\n  - python=3.11\n"
        "  - numpy=1.26=py311h64a7726_0\n  - pip\n  - pip:\n      - idna==3.7\n      - -e .\n",
        "train.py": "",
    },
    "node": {
        "package.json": '{"name": "@acme/web", "version": "1.0.0", "scripts": {"build": "tsc", "test": "jest"}}',
        "package-lock.json": '{"name": "@acme/web", "version": "1.0.0", "lockfileVersion": 3, "requires": true, '
        '"packages": {"": {"name": "@acme/web", "version": "1.0.0"}}}',
        "index.js": "",
    },
    "dockerfiles": {
        "Dockerfile": "# syntax=docker/dockerfile:1\nFROM debian:12-slim\nCOPY . /app\n",
        "Dockerfile.worker": "FROM debian:12-slim AS build\n", "requirements.txt": "x\n",
    },
    "python and node": {
        "requirements.txt": "fastapi\n", "main.py": "", "package.json": '{"name": "web", "scripts": {"lint": "eslint"}}',
    },
    "nothing": {},
    "what cannot be read": {
        "pyproject.toml": "[project\n", "package.json": "{", "requirements.txt": "-e .\nnumpy\n", "environment.yml": "{",
    },
}  # fmt: skip


def written(folder: Path, name: str, files: dict[str, str]) -> Path:
    project = folder / name.replace(" ", "-")
    project.mkdir()
    for path, text in files.items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(text)
    return project


def analysed(project: Path) -> Analysis:
    return analyse("pipeline.yaml", (project / "pipeline.yaml").read_text(encoding="utf-8"), project)


def data(project: Path) -> dict[str, Any]:
    found = plain(analysed(project).document.root)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("name", FOLDERS)
def test_what_it_writes_compiles(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = written(tmp_path, name, FOLDERS[name])
    result = imgc(capsys, "init", str(project))
    assert result.code == 0, result
    analysis = analysed(project)
    assert [one.text for one in analysis.diagnostics if one.severity <= 2] == []
    compiled = compile_pipeline(analysis.resolved, project / "compiled")
    assert any(node["command"] for node in compiled.plan["nodes"])
    assert "#" in (project / "pipeline.yaml").read_text()


def images(folder: Path, name: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    project = written(folder, name, FOLDERS[name])
    assert imgc(capsys, "init", str(project)).code == 0
    found: dict[str, Any] = data(project)["images"]
    return found


def test_the_lock_and_the_python_of_a_uv_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app = images(tmp_path, "uv service", capsys)["app"]
    locked = {"pyproject": "pyproject.toml", "extra_args": ["--group", "dev"]}
    assert app == {"python_version": "3.12", "uv_project": locked, "copy_dir": "."}
    steps = data(tmp_path / "uv-service")["pipeline"]["serial"]
    assert steps == {"test": "python -m pytest", "run": "python app.py"}


def test_poetry(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app = images(tmp_path, "poetry", capsys)["app"]
    assert (app["poetry_project"], app["python_version"]) == ("pyproject.toml", HERE)


def test_requirements_without_those_for_development(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert images(tmp_path, "requirements", capsys)["app"]["requirements"] == ["requirements.txt"]
    assert "# requirements: [requirements-dev.txt]" in (tmp_path / "requirements/pipeline.yaml").read_text()


def test_a_package_is_installed_with_a_python_it_allows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app = images(tmp_path, "a package", capsys)["app"]
    assert app == {"python_version": "3.10", "copy_dir": ".", "local_project_install": "pip install ."}
    assert data(tmp_path / "a-package")["name"] == "acme-tools"


def test_dependencies_without_a_build_system(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app = images(tmp_path, "script with dependencies", capsys)["app"]
    assert app["pip_packages"] == ["numpy>=1", 'tomli; python_version < "3.11"']


def test_conda_without_builds_and_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert images(tmp_path, "conda", capsys)["app"]["conda"] == {
        "channels": ["conda-forge"], "packages": ["python=3.11", "numpy=1.26", "pip"], "pip": ["idna==3.7"],
    }  # fmt: skip


def test_node(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert images(tmp_path, "node", capsys)["app"]["npm_packages"] is True
    steps = data(tmp_path / "node")["pipeline"]["serial"]
    assert steps == {"build": "npm run build", "test": "npm run test"}


def test_dockerfiles_come_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = images(tmp_path, "dockerfiles", capsys)
    assert found == {"app": {"dockerfile": "Dockerfile"}, "worker": {"dockerfile": "Dockerfile.worker"}}


def test_two_languages_are_two_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert list(images(tmp_path, "python and node", capsys)) == ["app", "web"]


def test_what_does_not_hold_is_a_comment_that_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = written(tmp_path, "editable", {"requirements.txt": "-e .\n"})
    assert imgc(capsys, "init", str(project)).code == 0
    text = (project / "pipeline.yaml").read_text()
    assert "    # left out: " in text
    assert "    # requirements: [requirements.txt]" in text


def test_a_file_that_is_there_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pipeline.yaml").write_text("mine")
    assert imgc(capsys, "init", str(tmp_path)).code == 2
    assert imgc(capsys, "init", str(tmp_path), "--stdout").out.startswith("#")
    assert (tmp_path / "pipeline.yaml").read_text() == "mine"
    assert imgc(capsys, "init", str(tmp_path), "--force").code == 0
    assert (tmp_path / "pipeline.yaml").read_text() != "mine"


def test_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert imgc(capsys, "init", str(tmp_path / "nowhere")).code == 2


def test_it_works_as_a_program(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "imgc.cli.main", "init"], cwd=tmp_path, check=True)
    done = subprocess.run(
        [sys.executable, "-m", "imgc.cli.main", "check", "--deny-warnings"], cwd=tmp_path, check=False
    )
    assert done.returncode == 0
