"""The other files of a project that a Python file imports: found as Python would find them, and read only."""

from __future__ import annotations

import ast
import os
import sys
import warnings
from pathlib import Path

_LARGEST = 1024 * 1024
_UP = 4
"""How many folders above the file may be the root of its project."""
_OWN = frozenset({"conducto", "zenml", "flyte", "flytekit"})


def parsed(text: str) -> ast.Module:
    """Raises what `ast.parse` raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


class Modules:
    """Names of files are paths from the folder of the file that is imported."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.roots = list(_roots(folder))
        self.root = "."
        """The folder that imports begin from: that of the file, or one above."""
        self.in_packages = False
        """Whether a file was found in a folder below the root."""

    def find(self, module: str, level: int, importer: str) -> str | None:
        """The file of a module, None for one that is not of the project."""
        parts = module.split(".") if module else []
        if level:
            base = os.path.join(os.path.dirname(importer), *[".."] * (level - 1))  # noqa: PTH118, PTH120
            return self._file(base, parts)
        if not parts or parts[0] in _OWN:
            return None
        for root in self.roots[:1] if parts[0] in sys.stdlib_module_names else self.roots:
            found = self._file(root, parts)
            if found is not None or os.path.isdir(self.folder / root / parts[0]):  # noqa: PTH112
                if found is not None and len(root) > len(self.root):
                    self.root = root
                return found
        return None

    def _file(self, base: str, parts: list[str]) -> str | None:
        path = os.path.normpath(os.path.join(base, *parts))  # noqa: PTH118
        for file in (f"{path}.py", f"{path}/__init__.py") if parts else (f"{path}/__init__.py",):
            if os.path.isfile(self.folder / file):  # noqa: PTH113 (it knows odd names)
                self.in_packages = self.in_packages or bool(parts[1:]) or file.endswith("/__init__.py")
                return Path(file).as_posix()
        return None

    def read(self, file: str) -> tuple[ast.Module, list[str]] | None:
        """The tree and the lines of a file; None where it is no Python of a sensible size."""
        try:
            path = self.folder / file
            if path.stat().st_size > _LARGEST:
                return None
            text = path.read_text(encoding="utf-8-sig")
            return parsed(text), text.split("\n")
        except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
            return None


def _roots(folder: Path) -> list[str]:
    """The file's folder, then those above it up to the one that holds the repository."""
    found = ["."]
    while len(found) <= _UP and not (folder / found[-1] / ".git").exists():
        found.append("/".join([".."] * len(found)))
    return found if (folder / found[-1] / ".git").exists() else found[:3]
