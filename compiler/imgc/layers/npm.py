"""`npm_packages`: packages installed globally, or those of the project's package.json and its lock."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator
from typing import Final

from imgc.diagnostics import Severity, Span
from imgc.document.nodes import Scalar
from imgc.instructions.quoting import flag_problem, words
from imgc.instructions.types import Command, Copy, Mount, Run
from imgc.layers.bases import facts_of
from imgc.layers.docker_client import IMAGE
from imgc.layers.kind import Kind, Layer, Reading, Written
from imgc.layers.packages import Package, doubles, read_packages
from imgc.layers.python.mounts import bind, cache, check_mountable, secrets
from imgc.layers.python.uv import moved_home
from imgc.layers.recipe import Recipe
from imgc.layers.workdir import clean, ensure_workdir
from imgc.model.image import SecretUse
from imgc.patterns import lazy
from imgc.records import dataclass

CACHE: Final = "/root/.npm"
LOCKS: Final = ("npm-shrinkwrap.json", "package-lock.json")
"""npm's own order."""

OTHER_LOCKS: Final = {"yarn.lock": "yarn", "pnpm-lock.yaml": "pnpm", "bun.lock": "bun"}

SCRIPTS: Final = (
    "preinstall",
    "install",
    "postinstall",
    "prepublish",
    "preprepare",
    "prepare",
    "postprepare",
)
"""Scripts of package.json that `npm ci` runs."""


@dataclass(frozen=True, slots=True)
class GlobalPackages:
    """A list of packages."""

    key: str
    span: Span
    packages: tuple[Package, ...]
    secrets: tuple[SecretUse, ...]

    def emit(self, recipe: Recipe) -> None:
        problems = list(doubles(self.packages, name_and_version))
        for problem in problems:
            recipe.report(problem)
        if _lacks_npm(recipe, self.key, self.span) or any(x.severity is Severity.ERROR for x in problems):
            return
        names = words(*sorted({package.text for package in self.packages}))
        _run(recipe, self, f"npm install -g {names}")


@dataclass(frozen=True, slots=True)
class Project:
    """`true`: `files` of the project (relative to the pipeline's folder), each with its path below the workdir."""

    key: str
    span: Span
    files: tuple[tuple[str, str], ...]
    secrets: tuple[SecretUse, ...]

    def emit(self, recipe: Recipe) -> None:
        if _lacks_npm(recipe, self.key, self.span):
            return
        folder = ensure_workdir(recipe, self.key, self.span)
        # Where only the base knows its own WORKDIR, code goes to a folder of ours, and so does this.
        target = folder or clean(posixpath.join("/", recipe.code_dir))
        if problem := flag_problem(target):
            recipe.error(
                "unmountable-path", f"npm cannot be run in the workdir: '{target}' {problem}", self.span
            )
            return
        mounts = tuple(bind(file, posixpath.join(target, name)) for file, name in self.files)
        _run(recipe, self, "npm ci" if folder else f"npm ci --prefix {words(target)}", mounts)


def _run(
    recipe: Recipe, layer: GlobalPackages | Project, command: str, mounts: tuple[Mount, ...] = ()
) -> None:
    uses = secrets(layer.secrets)
    assignments = (*uses.assignments, *([f"npm_config_cache={CACHE}"] if moved_home(recipe) else []))
    clause = " ".join((*assignments, command))
    recipe.run((clause,), layer.key, layer.span, (cache(CACHE), *mounts, *uses.mounts))


# Whether there is npm

_QUIET = ("env", "system_packages", "apt_packages", "install_docker", "pip_packages", "workdir", "user")
"""Layers that show in their text whether they bring npm."""


def _lacks_npm(recipe: Recipe, key: str, span: Span) -> bool:
    """Whether there is certainly no npm at this point; reports it."""
    if facts_of(recipe.base).npm is not False or recipe.facts.npm is not False:
        return False
    for step in recipe.steps:
        instruction = step.instruction
        if isinstance(instruction, Command) or (isinstance(instruction, Copy) and instruction.stage != IMAGE):
            return False
        if isinstance(instruction, Run):
            text = " ".join(instruction.clauses)
            if step.key not in _QUIET or "node" in text or "npm" in text:
                return False
    recipe.error(
        "no-npm",
        f"'{key}' needs npm, and the base '{recipe.base}' has none",
        span,
        label="take a base with Node.js (node:22-slim), or add npm to 'system_packages'",
    )
    return True


# What a package is

_NAME = r"(?:@[A-Za-z0-9~][A-Za-z0-9._~-]*/)?[A-Za-z0-9~][A-Za-z0-9._~-]*"
_PACKAGE = lazy(rf"{_NAME}(?:@(?:npm:{_NAME}@?)?[A-Za-z0-9.*^~<>=|+_-]*)?")
_ELSEWHERE = lazy(
    r"(?:git\+(?:https|http|ssh|file)|git|https?)://[A-Za-z0-9@._~:/%+-]+(?:#[A-Za-z0-9._~:^/+-]+)?"
    r"|(?:(?:github|gitlab|bitbucket):)?[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9._-]+(?:#[A-Za-z0-9._~:^/+-]+)?"
)
_LOCAL = lazy(r"\.{0,2}/|~/|file:|.*\.(?:tgz|tar\.gz|tar)\Z")
_CREDENTIALS = lazy(r"://[^/@]*:[^/@]*@|://[^/@:]{20,}@")
_EXACT = lazy(r"=?v?[0-9]+\.[0-9]+\.[0-9]+[A-Za-z0-9.+-]*")


def name_problem(name: str) -> str | None:
    """Why npm cannot take a text for a package to install globally; None when it can."""
    if _CREDENTIALS.search(name):
        return "it holds credentials, which whoever reads the file can read; keep them in 'secrets'"
    if _LOCAL.match(name) and not _ELSEWHERE.fullmatch(name):
        return "it is a file, and the files of the project are not there yet; install it with 'commands'"
    if _PACKAGE.fullmatch(name) or _ELSEWHERE.fullmatch(name):
        return None
    if name[:1] in "._":
        return f"a name does not begin with '{name[0]}'"
    if found := re.search(r"[<>=]=?|==", name.partition("@")[0] or name):
        return f"'{found[0]}' is not for names; a version is written like typescript@5.4"
    return "it is neither the name of a package nor the address of one"


def name_and_version(package: str) -> tuple[str, str]:
    """The name of a package, and the one version asked for, "" where there is none."""
    name, _, version = package[1:].partition("@")
    return package[:1] + name, version if _EXACT.fullmatch(version) else ""


# Reading


def read(written: Written, reading: Reading) -> Layer | None:
    if isinstance(written.node, Scalar):
        return _read_project(written, written.node, reading) if written.node.value is True else None
    packages = read_packages(written, reading, name_problem)
    return GlobalPackages(written.key, written.span, packages, written.secrets) if packages else None


def _read_project(written: Written, node: Scalar, reading: Reading) -> Project | None:
    code = written.siblings.get("copy_dir") if written.siblings else None
    root: str = "."
    if isinstance(code, Scalar) and isinstance(code.value, str):
        found = reading.project.locate(code.value, "dir")
        if not isinstance(found, str):
            return None  # reported where the code is read
        root = found
    package = _member(root, "package.json")
    if not reading.project.exists(package, "file"):
        _missing(reading, node, package, "it says what to install")
        return None
    lock = next((name for name in LOCKS if reading.project.exists(_member(root, name), "file")), "")
    if not lock:
        _missing_lock(reading, node, root)
        return None
    contents = _read_json(package, reading, node), _read_json(_member(root, lock), reading, node)
    if contents[0] is None or contents[1] is None:
        return None
    _check_scripts(package, contents[0], reading, node)
    names = [
        "package.json",
        lock,
        ".npmrc",
        *(f"{folder}/package.json" for folder in _workspaces(contents[1])),
    ]
    files = [(_member(root, name), name) for name in names]
    files = [(file, name) for file, name in files if reading.project.exists(file, "file")]
    unmountable = [file for file, _ in files if not check_mountable(file, reading, node.span)]
    return None if unmountable else Project(written.key, written.span, tuple(files), written.secrets)


def _member(root: str, name: str) -> str:
    return posixpath.normpath(posixpath.join(root, name))


def _missing(reading: Reading, node: Scalar, path: str, why: str, label: str = "") -> None:
    reading.error(
        "path-missing",
        f"'npm_packages: true' needs '{path}', which does not exist: {why}",
        node.span,
        label=label,
    )


def _missing_lock(reading: Reading, node: Scalar, root: str) -> None:
    for name, program in OTHER_LOCKS.items():
        if reading.project.exists(_member(root, name), "file"):
            label = f"'{name}' is of {program}: install with 'commands', or make a lock of npm"
            break
    else:
        label = "make it with 'npm install --package-lock-only'"
    _missing(reading, node, _member(root, LOCKS[-1]), "'npm ci' installs what the lock says", label)


def _read_json(path: str, reading: Reading, node: Scalar) -> dict[str, object] | None:
    text = reading.project.read_text(path)
    if not isinstance(text, str):
        reading.error(text.code, text.message, node.span)
        return None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        reading.error("bad-json", f"'{path}' is not JSON: {error}", node.span)
        return None
    if not isinstance(content, dict):
        reading.error("bad-json", f"'{path}' is not a JSON object", node.span)
        return None
    return content


def _check_scripts(path: str, package: dict[str, object], reading: Reading, node: Scalar) -> None:
    scripts = package.get("scripts")
    found = [name for name in SCRIPTS if isinstance(scripts, dict) and name in scripts]
    if found:
        what = f"'npm ci' runs the script '{found[0]}' of '{path}', and the code is not there yet"
        label = "if it needs the code, run 'npm ci' in 'commands'"
        reading.error("npm-script", what, node.span, label=label, severity=Severity.HINT)


def _workspaces(lock: dict[str, object]) -> Iterator[str]:
    """Folders of the project that its lock links to: npm silently leaves out those whose package.json it misses."""
    packages = lock.get("packages")
    for entry in packages.values() if isinstance(packages, dict) else ():
        if isinstance(entry, dict) and entry.get("link") is True and isinstance(entry.get("resolved"), str):
            folder = posixpath.normpath(entry["resolved"])
            if not folder.startswith(("..", "/")) and folder != ".":
                yield folder


KIND = Kind(("npm_packages",), 10, read)
