"""What a folder holds that says how its code is installed and run."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

from imgc.importing.names import pipeline_name
from imgc.records import dataclass, field

_VERSIONS = ("3.14", "3.13", "3.12", "3.11", "3.10", "3.9")
_NOT_CODE = re.compile(
    r"requirements[-_.](dev|test|tests|lint|docs?)\.txt\Z|(dev|test)[-_]requirements\.txt\Z"
)


@dataclass(slots=True)
class Found:
    """What there is. Paths are relative to the folder; lists and texts are empty where there is nothing."""

    name: str
    python: str
    dockerfiles: list[str] = field(default_factory=list)
    uv: bool = False
    poetry: bool = False
    test_group: str = ""
    """The dependency group of a locked project that has pytest, which is not installed unless asked for."""
    requirements: list[str] = field(default_factory=list)
    other_requirements: list[str] = field(default_factory=list)
    project: bool = False
    """A pyproject.toml that can be installed."""
    dependencies: list[str] = field(default_factory=list)
    """Those of a pyproject.toml that cannot."""
    conda: dict[str, list[str]] = field(default_factory=dict)
    scripts: list[str] = field(default_factory=list)
    """The scripts of package.json."""
    npm: bool = False
    npm_lock: bool = False
    commands: dict[str, str] = field(default_factory=dict)
    """Name -> command of what can be run of the Python code."""

    @property
    def has_python(self) -> bool:
        return bool(
            self.uv or self.poetry or self.requirements or self.project or self.dependencies or self.commands
        )


def look(folder: Path) -> Found:
    """Looks at a folder. What cannot be read is passed over: it is the user's to say what it is."""
    pyproject = _toml(folder / "pyproject.toml")
    package = _json(folder / "package.json")
    project = _mapping(pyproject.get("project"))
    poetry = _mapping(_mapping(pyproject.get("tool")).get("poetry"))
    found = Found(
        pipeline_name(
            str(project.get("name") or poetry.get("name") or package.get("name") or folder.resolve().name)
        ),
        _python(folder, project.get("requires-python")),
        dockerfiles=sorted(path.name for path in folder.glob("Dockerfile*") if _is_dockerfile(path)),
        uv=bool(pyproject) and (folder / "uv.lock").is_file(),
        poetry=bool(pyproject) and (folder / "poetry.lock").is_file(),
    )
    texts = sorted(path.name for path in folder.glob("*requirements*.txt"))
    found.other_requirements = [name for name in texts if _NOT_CODE.search(name)]
    found.requirements = [name for name in texts if name not in found.other_requirements]
    if pyproject and not found.uv and not found.poetry:
        found.project = "build-system" in pyproject
        found.dependencies = [] if found.project else _texts(project.get("dependencies"))
    groups = _mapping(pyproject.get("dependency-groups")) | _mapping(poetry.get("group"))
    found.test_group = next((name for name, listed in groups.items() if "pytest" in str(listed)), "")
    found.conda = _conda(folder)
    found.npm = bool(package)
    found.npm_lock = (folder / "package-lock.json").is_file()
    found.scripts = [name for name, text in _mapping(package.get("scripts")).items() if isinstance(text, str)]
    found.commands = _commands(folder, pyproject, found)
    return found


def _commands(folder: Path, pyproject: dict[str, Any], found: Found) -> dict[str, str]:
    commands = {}
    if (folder / "tests").is_dir() and _mentions_pytest(folder, pyproject, found):
        commands["test"] = "python -m pytest"
    if (folder / "manage.py").is_file():
        commands["check"] = "python manage.py check"
    for name in ("main.py", "app.py", "train.py", "run.py", "src/main.py"):
        if (folder / name).is_file():
            commands["run"] = f"python {name}"
            break
    return commands


def _mentions_pytest(folder: Path, pyproject: dict[str, Any], found: Found) -> bool:
    """Whether pytest is installed with the rest: otherwise the step could not run."""
    texts = [str(_mapping(pyproject.get("project")).get("dependencies", "")), str(found.conda)]
    texts += [_text(folder / name) for name in found.requirements]
    return bool(found.test_group) or any("pytest" in text for text in texts)


# Files


def _conda(folder: Path) -> dict[str, list[str]]:
    """Channels, packages and pip packages of an environment.yml."""
    for name in ("environment.yml", "environment.yaml", "conda.yml"):
        if (folder / name).is_file():
            from imgc.document.document import load
            from imgc.document.nodes import plain

            data = _mapping(plain(load(name, _text(folder / name)).root))
            dependencies = data.get("dependencies")
            listed = dependencies if isinstance(dependencies, list) else []
            pip = [text for item in listed if isinstance(item, dict) for text in _texts(item.get("pip"))]
            return {
                "channels": [text for text in _texts(data.get("channels")) if text != "defaults"],
                "packages": [_conda_spec(text) for text in _texts(listed)],
                "pip": [text for text in pip if not text.startswith("-")],
            }
    return {}


def _conda_spec(text: str) -> str:
    """`numpy=1.26=py312h123` without its build, which holds on one platform only."""
    parts = text.replace(" ", "").split("=")
    return "=".join(parts[:2]) if len(parts) == 3 and parts[1] else text.replace(" ", "")


def _is_dockerfile(path: Path) -> bool:
    return path.is_file() and re.search(r"(?mi)^\s*FROM\s", _text(path)) is not None


def _python(folder: Path, requires: object) -> str:
    """The Python to use: what .python-version says, else this one, else the newest that the project allows."""
    match = re.match(r"\s*(?:cpython-)?(3\.\d+)", _text(folder / ".python-version"))
    wanted = match[1] if match else f"{sys.version_info.major}.{sys.version_info.minor}"
    if isinstance(requires, str):
        from packaging.specifiers import InvalidSpecifier, SpecifierSet

        try:
            allowed = SpecifierSet(requires)
        except InvalidSpecifier:
            return wanted
        choices = [
            version for version in (wanted, *_VERSIONS) if f"{version}.99" in allowed or version in allowed
        ]
        return choices[0] if choices else wanted
    return wanted


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return ""


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError:
        return {}


def _json(path: Path) -> dict[str, Any]:
    try:
        return _mapping(json.loads(_text(path)))
    except ValueError:
        return {}


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
