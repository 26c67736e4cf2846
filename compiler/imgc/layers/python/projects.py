"""`uv_project` and `poetry_project`: what they have in common, and how they are read."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any

from imgc.diagnostics import Severity, Span
from imgc.document.nodes import Mapping, Node
from imgc.instructions.types import Mount
from imgc.layers.kind import Reading, Written
from imgc.layers.python.installer import Settings
from imgc.layers.python.mounts import bind, check_mountable
from imgc.layers.python.options import read_arguments, read_pip
from imgc.layers.python.specs import normalised
from imgc.model.image import PipOptions
from imgc.model.pipeline import text
from imgc.records import dataclass

TOP = "/tmp/project"
"""Where a project is while it is installed."""


@dataclass(frozen=True, slots=True)
class Tool:
    """What differs between the tools, in reading."""

    key: str
    name: str
    lock: str
    command: str


UV = Tool("uv_project", "uv", "uv.lock", "uv lock")
POETRY = Tool("poetry_project", "Poetry", "poetry.lock", "poetry lock")


@dataclass(frozen=True, slots=True)
class Local:
    """A package that the lock takes from the own files; `path` is relative to the pipeline's folder."""

    path: str
    is_folder: bool
    editable: bool = False


@dataclass(frozen=True, slots=True)
class Project:
    """A locked project as written and found. Paths are relative to the pipeline's directory.

    folder: of its pyproject.toml; root: of the lock, which for a uv workspace may be above
    arguments: `extra_args`
    locals: what the lock installs from the project's files, without the project itself
    mixed: the lock has packages without hashes (from git, a URL or a folder)
    """

    settings: Settings
    folder: str
    root: str
    lock: str
    install: bool
    arguments: tuple[str, ...]
    locals: tuple[Local, ...]
    requires_python: str = ""
    mixed: bool = False

    @property
    def place(self) -> str:
        """The project's folder in the container."""
        return self.placed(self.folder)

    def placed(self, path: str) -> str:
        """Where a path of the project is in the container: all of them keep their places to each other."""
        paths = (self.folder, self.root, *(local.path for local in self.locals))
        above = max(part.split("/").count("..") for part in paths)
        return _joined(TOP + "/here" * above, path)  # "here": folders above the pipeline's, by any name

    def metadata_mounts(self) -> tuple[Mount, ...]:
        """pyproject.toml and the lock alone, so that editing code reinstalls nothing."""
        folders = dict.fromkeys((self.folder, self.root))
        files = [_joined(folder, "pyproject.toml") for folder in folders]
        mounts = [bind(file, self.placed(file)) for file in files]
        return (*mounts, bind(self.lock, self._lock_place))

    def local_mounts(self) -> tuple[Mount, ...]:
        """The local packages; folders are writable, as builds write into them."""
        return tuple(
            bind(local.path, self.placed(local.path), writable=local.is_folder) for local in self.locals
        )

    def source_mounts(self) -> tuple[Mount, ...]:
        """The whole project, to build it, with what of it lies elsewhere."""
        whole = bind(self.root, self.placed(self.root), writable=True)
        outside = (local for local in self.locals if not _within(local.path, self.root))
        mounts = [
            whole,
            *(bind(local.path, self.placed(local.path), writable=local.is_folder) for local in outside),
        ]
        if self.placed(self.lock) != self._lock_place:
            mounts.append(bind(self.lock, self._lock_place))
        return tuple(mounts)

    @property
    def _lock_place(self) -> str:
        """Where the tool looks for the lock, whatever its name in the file is."""
        return _joined(self.placed(self.root), UV.lock if self.settings.key == UV.key else POETRY.lock)


def read_project(written: Written, reading: Reading, tool: Tool) -> Project | None:
    """The project that a value names; what is missing or unreadable is reported at the value."""
    value = written.node
    where = value.get("pyproject") if isinstance(value, Mapping) else value
    if where is None:
        return None
    folder = _folder(where, reading)
    if folder is None:
        return None
    pyproject = _toml(_joined(folder, "pyproject.toml"), where, reading)
    lock_path = _lock(value, folder, tool, reading)
    lock = _toml(lock_path, value, reading) if lock_path else None
    if pyproject is None or lock is None or lock_path is None:
        return None
    root = _root(folder, lock_path, reading) if tool is UV else folder
    name = pyproject.get("project", {}).get("name")
    found = uv_locals(lock, root, name) if tool is UV else poetry_locals(lock, root)
    own = posixpath.normpath(folder)
    local_packages = tuple(local for local in found if local.path != own)
    arguments = value.get("extra_args") if isinstance(value, Mapping) else None
    project = Project(
        Settings.of(written, _own_options(value, written, reading)),
        folder,
        root,
        lock_path,
        install=isinstance(value, Mapping) and text(value.get("mode")) == "install_project",
        arguments=read_arguments(arguments, reading) if arguments is not None else (),
        locals=local_packages,
        requires_python=_requires_python(pyproject, lock),
        mixed=any(_unhashed(package) for package in lock.get("package", ())),
    )
    if not _mountable(project, reading, value.span):
        return None
    if project.install and not _is_package(pyproject, tool):
        mode = value.get("mode") if isinstance(value, Mapping) else None
        reading.error(
            "nothing-to-install",
            f"'{_joined(folder, 'pyproject.toml')}' describes no package, so there is no project to install",
            (mode or value).span,
            label="write dependencies_only, or give it a [build-system]",
            severity=Severity.WARNING,
        )
    return project


def uv_locals(lock: dict[str, Any], root: str, name: str | None = None) -> Iterator[Local]:
    """Local packages of uv.lock that the project `name` needs (all, for a workspace without a project of its
    own); their paths there are relative to the lock."""
    packages = lock.get("package", ())
    needed = _needed(packages, name) if name else None
    for package in packages:
        source = package.get("source", {})
        for kind in ("editable", "directory", "path"):
            if isinstance(path := source.get(kind), str) and (
                needed is None or package.get("name") in needed
            ):
                yield Local(_joined(root, path), kind != "path", editable=kind == "editable")


def _needed(packages: list[dict[str, Any]], name: str) -> set[str]:
    """The names of a package and of what it needs, with all extras and groups."""
    needs: dict[str, set[str]] = {}
    for package in packages:
        groups = [package.get("dependencies", [])]
        for section in ("optional-dependencies", "dev-dependencies"):
            groups += package.get(section, {}).values()
        names = needs.setdefault(package.get("name", ""), set())
        names.update(dependency.get("name", "") for group in groups for dependency in group)
    found: set[str] = set()
    left = [normalised(name)]
    while left:
        if (current := left.pop()) not in found:
            found.add(current)
            left += needs.get(current, ())
    return found


def poetry_locals(lock: dict[str, Any], root: str) -> Iterator[Local]:
    """Local packages of poetry.lock."""
    for package in lock.get("package", ()):
        source = package.get("source", {})
        if source.get("type") in ("directory", "file") and isinstance(path := source.get("url"), str):
            yield Local(
                _joined(root, path), source["type"] == "directory", editable=bool(package.get("develop"))
            )


def _folder(where: Node, reading: Reading) -> str | None:
    """The folder of the pyproject.toml that a value names: the file itself, or its folder."""
    path = reading.path(where)
    if path is None:
        return None
    if reading.project.exists(path, "file"):
        if posixpath.basename(path) == "pyproject.toml":
            return posixpath.dirname(path) or "."
        reading.error("not-a-project", f"'{path}' is not a pyproject.toml", where.span)
        return None
    if reading.project.exists(_joined(path, "pyproject.toml"), "file"):
        return path
    reading.error("not-a-project", f"there is no pyproject.toml in '{path}'", where.span)
    return None


def _lock(value: Node, folder: str, tool: Tool, reading: Reading) -> str | None:
    written = value.get("lock") if isinstance(value, Mapping) else None
    if written is not None:
        return reading.path(written, "file")
    path = _joined(folder, tool.lock)
    if reading.project.exists(path, "file"):
        return path
    reading.error(
        "missing-lock",
        f"there is no {tool.lock} beside '{_joined(folder, 'pyproject.toml')}': "
        f"run '{tool.command}' there, or name the file with 'lock'",
        value.span,
    )
    return None


def _root(folder: str, lock: str, reading: Reading) -> str:
    """The folder that uv takes for the lock's: that of a workspace's root, else the project's own."""
    above = posixpath.dirname(lock) or "."
    is_workspace = (
        posixpath.basename(lock) == UV.lock
        and _within(folder, above)
        and reading.project.exists(_joined(above, "pyproject.toml"), "file")
    )
    return above if is_workspace else folder


def _own_options(value: Node, written: Written, reading: Reading) -> PipOptions:
    """The image's pip options with the project's own over them; `extra_args` of both are for others."""
    if not isinstance(value, Mapping):
        return written.pip
    entries = tuple(entry for entry in value.entries if entry.name != "extra_args")
    return read_pip(Mapping(entries, value.span), reading, written.pip)


def _toml(path: str, node: Node, reading: Reading) -> dict[str, Any] | None:
    import tomllib

    content = reading.project.read_text(path)
    if not isinstance(content, str):
        reading.error(content.code, content.message, node.span)
        return None
    try:
        return tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        reading.error(
            "bad-toml", f"'{path}' is not valid TOML: {str(error)[:1].lower()}{str(error)[1:]}", node.span
        )
        return None


def _mountable(project: Project, reading: Reading, span: Span) -> bool:
    paths = (project.folder, project.root, project.lock, *(local.path for local in project.locals))
    for path in paths:
        if posixpath.isabs(path):
            reading.error(
                "path-outside", f"the lock takes a package from '{path}', which is outside the project", span
            )
            return False
        if not check_mountable(path, reading, span):
            return False
    for local in project.locals:
        found = reading.project.locate(local.path, "dir" if local.is_folder else "file")
        if not isinstance(found, str):
            reading.error(found.code, f"'{project.lock}' installs '{local.path}'. {found.message}", span)
            return False
    return True


def _requires_python(pyproject: dict[str, Any], lock: dict[str, Any]) -> str:
    project = pyproject.get("project", {})
    found = lock.get("requires-python") or (
        project.get("requires-python") if isinstance(project, dict) else ""
    )
    return found if isinstance(found, str) else ""


def _unhashed(package: dict[str, Any]) -> bool:
    return package.get("source", {}).get("type") in ("directory", "git", "url")


def _is_package(pyproject: dict[str, Any], tool: Tool) -> bool:
    section = pyproject.get("tool", {}).get("uv" if tool is UV else "poetry", {})
    if tool is UV:
        return bool(section.get("package", "build-system" in pyproject))
    return bool(section.get("package-mode", True))


def _joined(folder: str, name: str) -> str:
    return posixpath.normpath(posixpath.join(folder, name))


def _within(path: str, folder: str) -> bool:
    if folder == ".":
        return path != ".." and not path.startswith("../")
    return path == folder or path.startswith(folder + "/")
