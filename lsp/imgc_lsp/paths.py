"""Local paths for completion and links: bounded, and never outside what the user can read."""

from __future__ import annotations

import os
from pathlib import Path

_MOST = 200
_LARGEST = 1_000_000
_LEFT_OUT = frozenset(
    {".git", ".imgc", "__pycache__", "node_modules", ".venv", ".mypy_cache", ".pytest_cache"}
)


def below(directory: Path, typed: str, *, folders_only: bool) -> list[str]:
    """Paths that a typed one may go on to: what is in its folder; folders end in `/`. At most a few
    hundred."""
    folder, _, start = typed.rpartition("/")
    prefix = f"{folder}/" if "/" in typed else ""
    found: list[tuple[bool, str]] = []
    try:
        where = Path(folder).expanduser() if folder.startswith("~") else directory / folder
        with os.scandir(where) as listing:
            for entry in listing:
                name = entry.name
                if name in _LEFT_OUT or (name.startswith(".") and not start.startswith(".")):
                    continue
                is_folder = entry.is_dir()
                if is_folder or not folders_only:
                    found.append((not is_folder, f"{prefix}{name}{'/' if is_folder else ''}"))
                if len(found) >= _MOST:
                    break
    except (OSError, ValueError, RuntimeError):
        return []
    return [path for _, path in sorted(found) if _writable(path)]


def read_small(directory: Path, path: str) -> str | None:
    """The text of a file, unless it is large or unreadable."""
    try:
        file = directory / path
        if file.stat().st_size > _LARGEST:
            return None
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None


def _writable(path: str) -> bool:
    """Whether a name can be put into a text at all (no line ends, no lost bytes)."""
    return path.isprintable()
