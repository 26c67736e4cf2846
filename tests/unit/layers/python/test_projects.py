"""`uv_project` and `poetry_project`."""

from __future__ import annotations

import pytest

from imgc.layers.facts import BaseFacts
from python_layers import DEBIAN, PYTHON

PYPROJECT = '[project]\nname = "app"\nversion = "1"\n[build-system]\nrequires = []\n'
UV_LOCK = """\
version = 1
requires-python = ">=3.9"

[[package]]
name = "app"
version = "1"
source = { editable = "." }
dependencies = [{ name = "helper" }, { name = "six" }, { name = "wheel-of-ours" }]

[[package]]
name = "helper"
version = "0.2"
source = { editable = "../libs/helper" }

[[package]]
name = "six"
version = "1.17.0"
source = { registry = "https://example.com/simple" }

[[package]]
name = "wheel-of-ours"
version = "1"
source = { path = "vendor/w.whl" }

[[package]]
name = "another-member"
version = "1"
source = { editable = "../libs/another" }
"""
POETRY_LOCK = """\
[[package]]
name = "helper"
version = "0.2"
develop = true

[package.source]
type = "directory"
url = "helper"

[[package]]
name = "six"
version = "1.17.0"
"""


@pytest.fixture
def uv(kit):
    kit.file("app/pyproject.toml", PYPROJECT)
    kit.file("app/uv.lock", UV_LOCK)
    kit.file("app/vendor/w.whl")
    kit.file("libs/helper/pyproject.toml")
    return kit


@pytest.fixture
def poetry(kit):
    kit.file("pyproject.toml", "[tool.poetry]\n")
    kit.file("poetry.lock", POETRY_LOCK)
    kit.file("helper/pyproject.toml")
    return kit


def commands(kit) -> list[str]:
    found = [step.instruction for step in kit.recipe.steps if hasattr(step.instruction, "clauses")]
    return [" ".join(" && ".join(run.clauses).split()) for run in found]


@pytest.mark.parametrize(
    "value", ["app", "app/pyproject.toml", "./app/", "{pyproject: app, lock: app/uv.lock}"]
)
def test_uv_syncs_what_the_project_needs(uv, value):
    text = uv.dockerfile(f"uv_project: {value}")
    assert uv.codes == []
    (command,) = commands(uv)
    assert "/tmp/uv sync --project /tmp/project/app --frozen --inexact" in command
    assert command.endswith("--no-install-project")
    mounted = [line.strip() for line in text.splitlines() if "source=" in line and "/opt/uv" not in line]
    assert mounted == [
        "--mount=type=bind,source=app/pyproject.toml,target=/tmp/project/app/pyproject.toml \\",
        "--mount=type=bind,source=app/uv.lock,target=/tmp/project/app/uv.lock \\",
        "--mount=type=bind,source=libs/helper,target=/tmp/project/libs/helper,rw=true \\",
        "--mount=type=bind,source=app/vendor/w.whl,target=/tmp/project/app/vendor/w.whl \\",
    ]


def test_uv_installs_the_project_once_the_code_is_in(uv):
    text = uv.dockerfile("uv_project: {pyproject: app, mode: install_project, extra_args: --extra gpu}")
    dependencies, project = commands(uv)
    assert dependencies.endswith("--no-install-project --extra gpu")
    assert project.endswith("--no-python-downloads --extra gpu")
    last = text.rpartition("RUN ")[2]
    assert "source=app,target=/tmp/project/app,rw=true" in last
    assert "source=libs/helper,target=/tmp/project/libs/helper,rw=true" in last
    assert "w.whl" not in last


def test_a_workspace_has_its_lock_above(uv):
    (uv.folder / "app/uv.lock").unlink()
    uv.file("pyproject.toml", "[tool.uv.workspace]\nmembers = ['app']\n")
    uv.file(
        "uv.lock",
        UV_LOCK.replace('"../libs', '"libs').replace('"."', '"app"').replace("vendor", "app/vendor"),
    )
    text = uv.dockerfile("uv_project: {pyproject: app, lock: uv.lock}")
    assert uv.codes == []
    assert "source=pyproject.toml,target=/tmp/project/pyproject.toml" in text
    assert "source=uv.lock,target=/tmp/project/uv.lock" in text
    assert "--project /tmp/project/app" in commands(uv)[0]


def test_a_lock_of_another_name_is_where_uv_looks(uv):
    (uv.folder / "app/uv.lock").rename(uv.folder / "app/cpu.lock")
    assert "source=app/cpu.lock,target=/tmp/project/app/uv.lock" in uv.dockerfile(
        "uv_project: {pyproject: app, lock: app/cpu.lock}"
    )


def test_into_a_virtual_environment(uv):
    uv.emit("uv_project: app", DEBIAN, "debian:bookworm-slim")
    assert commands(uv)[1].startswith("UV_PROJECT_ENVIRONMENT=/opt/venv UV_LINK_MODE=copy")


@pytest.mark.parametrize(
    ("key", "value", "code", "says"),
    [
        ("uv_project", "nowhere", "path-missing", "nowhere"),
        ("uv_project", "libs", "not-a-project", "libs"),
        ("uv_project", "app/uv.lock", "not-a-project", "app/uv.lock"),
        ("uv_project", "libs/helper", "missing-lock", "uv lock"),
        ("poetry_project", "app", "missing-lock", "poetry lock"),
        ("uv_project", "{pyproject: app, lock: app/x.lock}", "path-missing", "x.lock"),
        (
            "uv_project",
            "{pyproject: app, index_url: 'https://a:b@c.example'}",
            "credentials-in-url",
            "secrets",
        ),
    ],
)
def test_what_is_missing_is_reported_at_the_value(uv, key, value, code, says):
    uv.read(f"{key}: {value}")
    (finding,) = uv.findings
    assert finding.code == code
    assert says in finding.text


def test_broken_toml(uv):
    uv.file("app/uv.lock", "a = \n")
    uv.read("uv_project: app")
    (finding,) = uv.findings
    assert finding.code == "bad-toml"
    assert "line 1" in finding.message


def test_a_local_package_that_is_gone(uv):
    uv.file("app/uv.lock", UV_LOCK.replace("../libs/helper", "../libs/helpr"))
    uv.read("uv_project: app")
    assert uv.codes == ["path-missing"]


def test_a_project_that_is_no_package(uv):
    uv.file("app/pyproject.toml", '[project]\nname = "app"\nversion = "1"\n')
    assert len(uv.read("uv_project: {pyproject: app, mode: install_project}")) == 1
    assert uv.codes == ["nothing-to-install"]


def test_a_base_whose_python_is_not_the_projects(uv):
    uv.file("app/uv.lock", UV_LOCK.replace(">=3.9", ">=3.12"))
    uv.emit("uv_project: app", PYTHON)
    assert uv.codes == ["requires-python"]
    uv.findings.clear()
    uv.file("app/uv.lock", UV_LOCK.replace(">=3.9", ">=3.11.4"))
    uv.emit("uv_project: app", PYTHON)
    assert uv.codes == []


@pytest.mark.parametrize("text", ["uv_project: app", "poetry_project: ."])
def test_a_python_too_old_for_uv(uv, poetry, text):
    assert uv is poetry
    uv.emit(text, BaseFacts("debian", "apt", "root", True, "3.7", False, source="x"), "python:3.7")
    assert uv.codes == ["python-too-old"]


def test_poetry_lists_in_a_stage_and_the_installer_installs(poetry):
    text = poetry.dockerfile(
        "poetry_project: {pyproject: ., mode: install_project, extra_args: --only main --no-root}"
    )
    assert poetry.codes == []
    assert "FROM uv AS poetry" in text
    stage = " ".join(text.partition("AS poetry")[2].partition("FROM")[0].replace("\\\n", " ").split())
    assert "poetry export --directory /tmp/project --output /requirements.txt --only main" in stage
    assert "--no-root" not in stage
    assert "sed -i 's/^-e //' /requirements.txt" in stage
    dependencies, project = commands(poetry)
    assert dependencies.endswith("--no-deps -r /tmp/requirements.txt")
    assert project.endswith("--no-deps /tmp/project")
    assert "--without-hashes" not in text


def test_pip_wants_all_hashes_or_none(poetry):
    assert "--without-hashes" in poetry.dockerfile("poetry_project: {pyproject: ., installer: pip}")


@pytest.mark.parametrize(
    ("python", "version"), [("3.8", "1.8.5"), ("3.9", "2.2.1"), ("3.10", "2.5.1"), ("3.14", "2.5.1")]
)
def test_the_newest_poetry_that_the_python_has(poetry, python, version):
    text = poetry.dockerfile(
        "poetry_project: .", BaseFacts("debian", "apt", "root", True, python, False, source="x")
    )
    assert f"poetry=={version} " in text.replace("\\\n", " ")


def test_arguments_that_do_not_choose(poetry):
    assert poetry.read("poetry_project: {pyproject: ., extra_args: [--with, dev, --compile]}") == []
    (finding,) = poetry.findings
    assert finding.code == "poetry-argument"
    assert "--compile" in finding.message


def test_two_poetry_projects_have_a_stage_each(poetry):
    poetry.file("other/pyproject.toml", "[tool.poetry]\n")
    poetry.file("other/poetry.lock", '[[package]]\nname = "six"\n')
    first = poetry.read("poetry_project: .")[0]
    second = poetry.read("poetry_project: other")[0]
    recipe = poetry.emit("poetry_project: .")
    second.emit(recipe)
    assert [stage.name for stage in recipe.helpers] == ["uv", "poetry", "poetry-2"]
    assert first.key == "poetry_project"
