"""The packages of the local environment, for `replicate_local_environment`."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from imgc.diagnostics import Origin, Span
from imgc.layers.python.options import has_credentials
from imgc.layers.python.specs import BadSpec, normalised, parse
from imgc.lock.lock import LockedEnvironment
from imgc.lock.lookups import command_name
from imgc.records import dataclass, field
from imgc_engine.lookups.found import Found, NotFound
from imgc_engine.lookups.tools import Done, ToolError, find_uv, last_words, run

SECONDS = 120.0
"""That a command which lists packages may take."""
OWN = "imgc"
"""Never replicated: it is the tool, and an image does not need it."""

_POETRY = ("poetry", "export", "--format=requirements.txt", "--without-hashes")
_ASK = """
import json, sys
from importlib.metadata import distributions
found = {d.metadata["Name"] or "": d.version for d in distributions()}
print(json.dumps({"python": "%d.%d" % sys.version_info[:2], "versions": found}))
"""
_NOWHERE = Span(Origin(""), 0, 0, 0, 0)
_HASH = re.compile(r"\s+--hash[=\s]\S+")
_COMMENT = re.compile(r"(?:^|\s)#.*")
_VCS = re.compile(r"(?P<url>(?:git|hg|svn|bzr)\+[^#]+)#.*?\begg=(?P<name>[A-Za-z0-9._-]+)")
_AT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)\s*(?:\[[^\]]*\])?\s*@\s*file:(?P<url>\S+)")


def look_up(command: tuple[str, ...], directory: Path) -> Found:
    """What the command lists here. NotFound."""
    name = command_name(command)
    try:
        if command in (("pip_freeze",), ("uv_freeze",)):
            python = local_python()
            if python is None:
                raise NotFound(
                    "There is no Python environment to replicate: activate one, or put its Python first on PATH."
                )
            done = _freeze(python, command == ("uv_freeze",), directory)
        else:
            done = run(_POETRY if command == ("poetry_export",) else command, directory, SECONDS)
            python = local_python()
        if done.code:
            raise ToolError(f"'{name}' ends with {done.code}: {last_words(done.err or done.out)}")
    except ToolError as error:
        raise NotFound(
            f"{str(error)[:1].upper()}{str(error)[1:]}{_remedy(command)}.", of_user=len(command) > 1
        ) from None
    version, versions = _known(python, directory)
    reading = _Reading(versions, name)
    for line in _lines(done.out):
        reading.line(line)
    packages = tuple(sorted(dict.fromkeys(reading.packages), key=str.lower))
    left_out = tuple(sorted(set(reading.left_out), key=str.lower))
    value = LockedEnvironment(name, version, packages, left_out)
    return Found(value, python or name, tuple(reading.notes))


def _remedy(command: tuple[str, ...]) -> str:
    if command == ("poetry_export",):
        return " (poetry_export needs Poetry with its plugin: pip install poetry poetry-plugin-export)"
    return ""


def local_python(env: Mapping[str, str] | None = None) -> str | None:
    """The Python of the active virtual environment, else the first on PATH that is not in imgc's own."""
    env = os.environ if env is None else env
    if active := env.get("VIRTUAL_ENV"):
        for python in (Path(active, "bin", "python"), Path(active, "Scripts", "python.exe")):
            if python.exists():
                return str(python)
    own = Path(sys.prefix).resolve() if sys.prefix != sys.base_prefix else None
    for folder in env.get("PATH", "").split(os.pathsep):
        if not folder or (own is not None and Path(folder).resolve().is_relative_to(own)):
            continue
        for name in ("python3", "python"):
            if found := shutil.which(name, path=folder):
                return found
    return None


def _freeze(python: str, by_uv: bool, directory: Path) -> Done:
    """By pip, or, when asked for or the environment has no pip, by uv."""
    if not by_uv:
        done = run([python, "-m", "pip", "--disable-pip-version-check", "freeze"], directory, SECONDS)
        if not done.code or "No module named pip" not in done.err:
            return done
    uv = find_uv()
    if uv is None:
        what = "uv_freeze needs uv" if by_uv else f"the environment of {python} has no pip"
        raise ToolError(f"{what}: pip install uv")
    return run([uv, "pip", "freeze", "--python", python], directory, SECONDS)


def _known(python: str | None, directory: Path) -> tuple[str, dict[str, str]]:
    """Version of the Python, and those of its packages; nothing where it does not say."""
    if python is None:
        return "", {}
    try:
        found = json.loads(run([python, "-I", "-c", _ASK], directory, SECONDS).out)
        return str(found["python"]), dict(found["versions"])
    except (ToolError, ValueError, KeyError, TypeError):
        return "", {}


def _lines(text: str) -> Iterator[str]:
    """The lines of requirements: continued ones joined, comments and hashes gone."""
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        line = _HASH.sub("", _COMMENT.sub("", line)).strip()
        if line:
            yield line


@dataclass(slots=True)
class _Reading:
    """What a command has listed, sorted into what an image can install and what it cannot."""

    versions: Mapping[str, str]
    command: str
    packages: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def line(self, line: str) -> None:
        editable = re.match(r"(?:-e|--editable)[\s=]+(.*)", line)
        if editable:
            self.editable(editable[1].strip())
        elif line.startswith("-"):
            self.notes.append(
                f"The option '{line.split()[0]}' is left out: 'pip' of the image says where packages are from."
            )
        elif has_credentials(line):
            self.leave(line.partition("@")[0].strip(), "its URL holds credentials")
        elif found := _AT.match(line):
            self.from_file(found["name"], found["url"])
        else:
            self.package(line)

    def package(self, text: str) -> None:
        spec = parse(text, _NOWHERE)
        if isinstance(spec, BadSpec):
            message = f"'{self.command}' lists '{text}', which is not a requirement: {spec.reason}."
            raise NotFound(message, of_user=True)
        if spec.name != OWN:
            self.packages.append(text)

    def editable(self, text: str) -> None:
        """From a repository it can be had as it is there; from a folder of this machine it cannot."""
        found = _VCS.match(text)
        if found and has_credentials(found["url"]):
            self.leave(found["name"], "its URL holds credentials")
            return
        if found:
            self.package(f"{found['name']} @ {found['url']}")
            self.notes.append(f"{found['name']} is installed from its repository, without local changes.")
            return
        path = split_path(text)
        known = self.name_in(path)
        self.leave(known or Path(path).name or text, "it is installed from a folder of this machine")

    def from_file(self, name: str, url: str) -> None:
        """conda notes where packages were built, a place that never was on this machine."""
        path = Path(unquote(urlsplit(f"file:{url}").path))
        version = next((v for n, v in self.versions.items() if normalised(n) == normalised(name)), "")
        if version and not path.exists():
            self.package(f"{name}=={version}")
        else:
            self.leave(name, "it is installed from a file of this machine")

    def leave(self, name: str, why: str) -> None:
        name = normalised(name)
        if name == OWN:
            return
        self.left_out.append(name)
        self.notes.append(
            f"{name} is left out, as {why}: bring it with copy_dir, or name a wheel in pip_packages."
        )

    def name_in(self, path: str) -> str:
        """The name of the project in a folder."""
        try:
            import tomllib

            data = tomllib.loads(Path(path, "pyproject.toml").read_text(encoding="utf-8"))
            return str(data.get("project", {}).get("name") or "")
        except (OSError, ValueError, AttributeError):
            return ""


def split_path(text: str) -> str:
    """The path of a local requirement."""
    text = text.partition("#")[0].removeprefix("file://").removeprefix("file:").strip()
    return unquote(text.partition("[")[0])
