"""Hints that help: requirements that lie beside the code and are not installed, installs that every edit repeats."""

from __future__ import annotations

from pathlib import Path

import pytest

from code_layers import applied
from imgc.analysis.analysis import analyse
from imgc.diagnostics import Diagnostic, Severity
from imgc.resolve.hints import Install, installs
from tests_support import ROOT

HINTS = ("unused-requirements", "install-after-code")
CONTENTS = {
    ".toml": '[build-system]\nrequires = ["hatchling"]\n\n[project]\nname = "a"\nversion = "1"\n'
    'requires-python = ">=3.9"\n',
    ".lock": 'version = 1\nrequires-python = ">=3.9"\n',
    ".txt": "six\n",
}
UNUSED = """\
version: 1
images:
  app:
    base: python:3.12-slim
    copy_dir: src
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/main.py").write_text("print(1)\n")
    return tmp_path


def hints(text: str, folder: Path) -> list[Diagnostic]:
    found = analyse("pipeline.yaml", text, folder).diagnostics
    assert [one.text for one in found if one.severity is Severity.ERROR] == []
    return [one for one in found if one.code in HINTS]


def places(text: str, folder: Path) -> list[tuple[str, int, int]]:
    return [(one.code, one.span.place.line, one.span.place.column) for one in hints(text, folder)]


def fixed(text: str, folder: Path) -> str:
    """The text with the one fix of its one hint; it has no hint any more."""
    (found,) = hints(text, folder)
    assert found.severity is Severity.HINT
    (fix,) = found.fixes
    assert not fix.safe  # it changes what is built: never by --fix
    after = applied(text, fix.edits)
    assert hints(after, folder) == []
    return after


# Requirements that nothing installs


@pytest.mark.parametrize(
    ("files", "line"),
    [
        (["requirements.txt"], "requirements: requirements.txt"),
        (["src/requirements.txt"], "requirements: src/requirements.txt"),
        (["src/requirements.txt", "requirements.txt"], "requirements: src/requirements.txt"),
        (["pyproject.toml", "uv.lock"], "uv_project: pyproject.toml"),
        (["src/pyproject.toml", "src/poetry.lock"], "poetry_project: src/pyproject.toml"),
        (["pyproject.toml", "uv.lock", "requirements.txt"], "uv_project: pyproject.toml"),
        (["src/pyproject.toml"], "local_project_install: pip install ."),
    ],
)
def test_requirements_beside_the_code_are_offered(files: list[str], line: str, folder: Path) -> None:
    for name in files:
        (folder / name).write_text(CONTENTS[Path(name).suffix])
    assert places(UNUSED, folder) == [("unused-requirements", 5, 5)]
    assert fixed(UNUSED, folder) == UNUSED.replace("    copy_dir", f"    {line}\n    copy_dir")


def test_what_a_project_that_is_no_package_depends_on_is_offered(folder: Path) -> None:
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "a"\ndependencies = ["six>=1", "idna; python_version < \\"3.9\\"", "a[b,c]"]\n'
    )
    line = """pip_packages: [six>=1, idna; python_version < "3.9", 'a[b,c]']"""
    assert fixed(UNUSED, folder) == UNUSED.replace("    copy_dir", f"    {line}\n    copy_dir")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("images: {a: {copy_dir: src}}", "images: {a: {requirements: requirements.txt, copy_dir: src}}"),
        (
            "pipeline: {image: {copy: [src]}, run: x}",
            "pipeline: {image: {requirements: requirements.txt, copy: [src]}, run: x}",
        ),
        (
            "images:\n  a:\n    layers:\n    - copy_dir: src",
            "images:\n  a:\n    requirements: requirements.txt\n    layers:\n    - copy_dir: src",
        ),
    ],
)
def test_the_key_goes_where_the_image_is_written(before: str, after: str, folder: Path) -> None:
    (folder / "requirements.txt").write_text("six\n")
    assert fixed(f"version: 1\n{before}\n", folder) == f"version: 1\n{after}\n"


@pytest.mark.parametrize(
    "image",
    [
        "{copy_dir: src, requirements: requirements.txt}",
        "{copy_dir: src, pip_packages: [six]}",
        "{copy_dir: src, layers: [{pip_packages: [six]}]}",
        "{copy_dir: src, bundles: [b]}",
        "{copy_dir: src, commands: ['cd x && uv sync']}",
        "{copy_dir: src, source_files: ignore}",
        "{base: 'node:20-bookworm-slim', copy_dir: src}",  # has no Python
        "{base: 'registry.example/own:1', copy_dir: src}",  # may have them all
        '{dockerfile: {text: "FROM python:3.12-slim\\n"}, copy_dir: src}',
        "{extends: below, copy_dir: src}",
        "{builder: {language: python, path: src}}",
        "{copy: [{src: src/main.py, dst: main.py}]}",  # a file is no project
        "{base: 'python:3.12-slim'}",
    ],
)
def test_nothing_is_said_of_an_image_that_has_or_wants_none(image: str, folder: Path) -> None:
    (folder / "requirements.txt").write_text("six\n")
    head = "version: 1\nbundles: {b: {pip_packages: [six]}}\nimages:\n  below: {pip_packages: [six]}\n"
    found = hints(f"{head}  a: {image}\n", folder)
    assert [one.code for one in found if one.code == "unused-requirements"] == []


def test_a_misspelt_key_is_said_once(folder: Path) -> None:
    (folder / "requirements.txt").write_text("six\n")
    found = analyse("pipeline.yaml", f"{UNUSED}    requirments: requirements.txt\n", folder).diagnostics
    assert [one.code for one in found] == ["unknown-key"]
    assert places(UNUSED + "    labels: {requirments: x}\n", folder) == [("unused-requirements", 5, 5)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("requirements.txt", "# nothing yet\n\n"),
        ("src/pyproject.toml", "[tool.ruff]\nline-length = 100\n"),
        ("pyproject.toml", "[build-system]\nrequires = []\n"),  # would not be in the image
        ("pyproject.toml", '[project]\nname = "a"\ndependencies = []\n'),
        ("pyproject.toml", "[project\ndependencies = ["),
        ("requirements-dev.txt", "pytest\n"),
    ],
)
def test_files_that_ask_for_nothing_are_passed_over(name: str, content: str, folder: Path) -> None:
    (folder / name).write_text(content)
    assert places(UNUSED, folder) == []


# Installs that every edit repeats


def test_a_command_that_installs_is_hinted_at_its_item(folder: Path) -> None:
    text = """\
version: 1
images:
  app:
    base: python:3.12-slim
    copy_dir: src
    commands:
      - pip install numpy pandas>=2
      - python main.py
      - apt-get update && apt-get install -y git
"""
    found = hints(text, folder)
    assert [(one.span.place.line, one.span.place.column) for one in found] == [(7, 9), (9, 9)]
    assert [other.span.place.line for one in found for other in one.related] == [5, 5]
    assert applied(text, found[0].fixes[0].edits) == text.replace(
        "      - pip install numpy pandas>=2\n", ""
    ).replace("    commands", "    pip_packages: [numpy, pandas>=2]\n    commands")
    assert applied(text, found[1].fixes[0].edits) == text.replace(
        "      - apt-get update && apt-get install -y git\n", ""
    ).replace("    commands", "    apt_packages: [git]\n    commands")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{copy_dir: src, commands: [pip install six]}", "{copy_dir: src, pip_packages: [six]}"),
        (
            "{copy_dir: src, commands: [pip install six, make]}",
            "{copy_dir: src, pip_packages: [six], commands: [make]}",
        ),
        (
            "{base: 'alpine:3.20', copy_dir: src, commands: [make, apk add --no-cache jq]}",
            "{base: 'alpine:3.20', copy_dir: src, system_packages: [jq], commands: [make]}",
        ),
        ("\n    copy_dir: src\n    commands: [npm i -g a]", "\n    copy_dir: src\n    npm_packages: [a]"),
        ("\n    copy_dir: src\n    commands:\n    - pip install six", "\n    copy_dir: src\n    pip_packages: [six]"),
    ],
)  # fmt: skip
def test_a_simple_command_becomes_a_key(before: str, after: str, folder: Path) -> None:
    text = f"version: 1\nimages:\n  a: {before}\n"
    (found,) = hints(text, folder)
    assert applied(text, found.fixes[0].edits) == f"version: 1\nimages:\n  a: {after}\n"


@pytest.mark.parametrize(
    ("command", "install"),
    [
        ("pip install numpy", Install("pip_packages", ("numpy",))),
        ("python3 -m pip install -q --no-cache-dir 'numpy>=2'", Install("pip_packages", ("numpy>=2",))),
        ("uv pip install --system numpy", Install("pip_packages")),
        ("pip install -r requirements.txt", Install("requirements")),
        ("pip install .", None),
        ("pip install -e .", None),
        ("pip install ./dist/a.whl", None),
        ("DEBIAN_FRONTEND=noninteractive apt-get install -y a b", Install("apt_packages", ("a", "b"))),
        ("apt-get update && apt-get install -y git && make", Install("apt_packages")),
        ("sudo dnf install -y jq", Install("system_packages", ("jq",))),
        ("micromamba install -y numpy", Install("conda")),
        ("npm ci", Install("npm_packages")),
        ("npm install left-pad", None),
        ("uv sync", Install("uv_project")),
        ("poetry install", Install("poetry_project")),
        ("make install", None),
        ("echo pip install numpy", None),
        ("python setup.py install", None),
        ("apt-get update", None),
        ("", None),
    ],
)
def test_what_counts_as_an_install(command: str, install: Install | None) -> None:
    assert installs(command) == install


def test_layers_behind_the_code_are_hinted_once_and_those_ahead_never(folder: Path) -> None:
    late = "version: 1\nimages:\n  a: {layers: [{copy_dir: src}, {apt_packages: [git]}, {pip_packages: [six]}]}\n"
    assert places(late, folder) == [("install-after-code", 3, 34)]
    early = "version: 1\nimages:\n  a: {layers: [{apt_packages: [git]}, {pip_packages: [six]}, {copy_dir: src}]}\n"
    assert places(early, folder) == []


def test_an_image_without_code_is_never_hinted(folder: Path) -> None:
    assert places("version: 1\nimages: {a: {commands: [pip install six]}}\n", folder) == []


# Secrets that stand in the open, wherever they do


@pytest.mark.parametrize(
    "body",
    [
        "images:\n  a: {base: 'debian:12', env: {API_TOKEN: abc}}",
        "images:\n  a: {base: 'debian:12', runtime_env: {DB_PASSWORD: abc}}",
        'images:\n  a:\n    dockerfile: {text: "FROM debian:12\\nARG TOKEN\\n", args: {TOKEN: abc}}',
        "pipeline:\n  image: 'debian:12'\n  env: {API_TOKEN: abc}\n  serial: {a: x, b: y}",
    ],
)
def test_a_secret_that_is_written_out_is_warned_of(body: str, folder: Path) -> None:
    text = f"version: 1\n{body}\n"
    (found,) = analyse("pipeline.yaml", text, folder).diagnostics
    assert (found.code, found.severity) == ("secret-in-env", Severity.WARNING)
    line, column = found.span.start
    assert text.split("\n")[line][column:].startswith("abc}")


def test_a_parameter_and_a_reference_are_no_secret(folder: Path) -> None:
    text = """\
version: 1
params: {token: ""}
pipeline: {image: "debian:12", env: {API_TOKEN: "${{ params.token }}", KEY_FILE: /x}, run: x}
"""
    assert analyse("pipeline.yaml", text, folder).diagnostics == []


@pytest.mark.parametrize(
    "file", sorted((ROOT / "samples").glob("*/pipeline.yaml")), ids=lambda file: file.parent.name
)
def test_the_samples_have_no_hints(file: Path) -> None:
    """A hint on a pipeline that is written as it should be would be noise."""
    found = analyse("pipeline.yaml", file.read_text(encoding="utf-8"), file.parent).diagnostics
    assert [one.text for one in found] == []
