"""Which files of a source tree a Python file needs: its imports followed by reading them, running nothing.

Found are modules and packages below the root, as Python itself would find them: packages before modules
before folders without `__init__.py`, relative imports from the file's own folder. Imports under conditions
and within functions count; a name that is made while the program runs cannot be seen.
"""

from __future__ import annotations

import ast
import os
import posixpath
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

from imgc.records import dataclass, field

LARGEST = 16 * 1024 * 1024
"""Bytes of a module that is read."""


@dataclass(frozen=True, slots=True)
class BadModule:
    """A file that cannot be read as Python: its path below the root, the line (1-based; 0: none), and why."""

    file: str
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Followed:
    """`files` (relative to the root, POSIX, sorted) holds the entries themselves."""

    files: tuple[str, ...]
    problems: tuple[BadModule, ...] = ()


def follow(root: Path, entries: Iterable[str]) -> Followed:
    """The files that these files (relative to the root) import, and what those import."""
    tree = _Tree(root)
    entries = [posixpath.normpath(entry) for entry in entries]
    places = tree.places(entries)
    waiting = [*entries, *(init for entry in entries for init in tree.packages_around(entry))]
    done: set[str] = set()
    problems: list[BadModule] = []
    while waiting:
        file = waiting.pop()
        if file in done:
            continue
        done.add(file)
        try:
            imports = tree.imports(file)
        except _Unreadable as error:
            problems.append(BadModule(file, error.line, error.reason))
            continue
        for name in imports:
            waiting += tree.found(name, file, places)
    return Followed(tuple(sorted(done)), tuple(sorted(problems, key=lambda problem: problem.file)))


@dataclass(frozen=True, slots=True)
class _Import:
    """`module` is dotted ("" in `from . import x`), `level` the number of leading dots, `names` what is taken
    from it, each perhaps a module itself; `*` is all that the package names in `__all__`."""

    module: str
    level: int = 0
    names: tuple[str, ...] = ()


class _Unreadable(Exception):
    def __init__(self, reason: str, line: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


@dataclass(slots=True)
class _Tree:
    """The files below a root. Names are compared with what a folder lists, so that a file system which
    ignores case gives the same result as any other."""

    root: Path
    listings: dict[str, dict[str, bool]] = field(default_factory=dict)

    def places(self, entries: Iterable[str]) -> list[str]:
        """Folders in which absolute imports are looked for: the entry's own, as of a script; what holds its
        outermost package; the root, and `src` in it."""
        found: dict[str, None] = {}
        for entry in entries:
            folder = posixpath.dirname(entry)
            found[folder] = None
            while self.is_file(posixpath.join(folder, "__init__.py")) and folder:
                folder = posixpath.dirname(folder)
            found[folder] = None
        found[""] = None
        if self.is_folder("src"):
            found["src"] = None
        return list(found)

    def packages_around(self, file: str) -> Iterator[str]:
        """The `__init__.py` of each package that a file is in."""
        folder = posixpath.dirname(file)
        while folder and self.is_file(init := f"{folder}/__init__.py"):
            yield init
            folder = posixpath.dirname(folder)

    def found(self, wanted: _Import, file: str, places: list[str]) -> list[str]:
        """The files that an import in `file` loads, as far as they are below the root."""
        if wanted.level:
            start = posixpath.dirname(file)
            for _ in range(wanted.level - 1):
                if not start:
                    return []
                start = posixpath.dirname(start)
            places = [start]
        for place in places:
            files = self.load(place, wanted)
            if files is not None:
                return [*files, *(init for path in files for init in self.packages_around(path))]
        return []

    def load(self, place: str, wanted: _Import) -> list[str] | None:
        """The files of an import that is found in a folder; None when the module is not there."""
        files: list[str] = []
        folder: str | None = place
        if not wanted.module and (init := self.init(place)):
            files.append(init)
        for part in wanted.module.split(".") if wanted.module else ():
            module = None if folder is None else self.module(folder, part)
            if module is None:
                # `import a.b` where a is here and b is not: a is loaded before that fails.
                return files or None
            file, folder = module
            files += [file] if file else []
        if folder is not None:
            for name in self.expanded(folder, wanted.names):
                module = self.module(folder, name)
                if module is not None and module[0]:
                    files.append(module[0])
        if not files and not (wanted.module and folder is not None):
            return None
        return files

    def module(self, folder: str, name: str) -> tuple[str, str | None] | None:
        """What a name is in a folder: its file ("" for a folder without `__init__.py`), and the folder of its
        own modules (None when it has none)."""
        path = posixpath.join(folder, name)
        if self.is_folder(path) and (init := self.init(path)):
            return init, path
        if self.is_file(f"{path}.py"):
            return f"{path}.py", None
        return ("", path) if self.is_folder(path) else None

    def expanded(self, folder: str, names: tuple[str, ...]) -> tuple[str, ...]:
        """The names, with those of `__all__` in place of `*`."""
        init = self.init(folder)
        if "*" not in names or not init:
            return names
        try:
            return _all_names(self.parsed(init))
        except _Unreadable:
            return ()

    def imports(self, file: str) -> list[_Import]:
        return list(_imports(self.parsed(file)))

    def parsed(self, file: str) -> ast.Module:
        try:
            content = (self.root / file).read_bytes()
        except OSError as error:
            raise _Unreadable(os.strerror(error.errno or 0).lower()) from None
        if len(content) > LARGEST:
            raise _Unreadable(f"the file is larger than {LARGEST // 1024 // 1024} MiB")
        try:
            with warnings.catch_warnings():  # of its strings, which are not our matter
                warnings.simplefilter("ignore")
                return ast.parse(content)
        except SyntaxError as error:
            raise _Unreadable(error.msg, error.lineno or 0) from None
        except ValueError as error:
            raise _Unreadable(str(error)) from None
        except (RecursionError, MemoryError):
            raise _Unreadable("it is nested too deeply to be read") from None

    def init(self, folder: str) -> str | None:
        path = posixpath.join(folder, "__init__.py")
        return path if self.is_file(path) else None

    def is_file(self, path: str) -> bool:
        folder, name = posixpath.split(path)
        return self.listing(folder).get(name) is False

    def is_folder(self, path: str) -> bool:
        if not path:
            return True
        folder, name = posixpath.split(path)
        return self.listing(folder).get(name) is True

    def listing(self, folder: str) -> dict[str, bool]:
        """The names in a folder, and which are folders themselves; none where there is no such folder."""
        known = self.listings.get(folder)
        if known is None:
            known = {}
            if not folder or self.is_folder(folder):
                try:
                    with os.scandir(self.root / folder) as found:
                        known = {entry.name: entry.is_dir() for entry in found}
                except OSError:
                    known = {}
            self.listings[folder] = known
        return known


def _imports(tree: ast.Module) -> Iterator[_Import]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (_Import(alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield _Import(node.module or "", node.level, tuple(alias.name for alias in node.names))


def _all_names(tree: ast.Module) -> tuple[str, ...]:
    """The names in a literal `__all__`."""
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else ()
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            values = getattr(node.value, "elts", ()) if isinstance(node, ast.Assign) else ()
            return tuple(
                item.value
                for item in values
                if isinstance(item, ast.Constant) and isinstance(item.value, str)
            )
    return ()
