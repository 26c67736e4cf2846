"""Putting a lock and its package lists on disk: each file whole, and only when it changes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from imgc.lock.lock import FILE, FOLDER, SECTIONS, Lock
from imgc.lock.write import write


def save(lock: Lock, lists: Mapping[str, str], directory: Path) -> bool:
    """Writes the lock, and the lists of packages that belong to it, where they change; lists that belong to nothing
    are removed. A lock that holds nothing is no file. Whether anything changed."""
    folder, path = directory / FOLDER, directory / FILE
    changed = False
    for name, text in lists.items():  # first: a lock without its list is out of date, and said to be
        folder.mkdir(exist_ok=True)
        changed = _put(folder / f"{name}.txt", text) or changed
    if any(lock.section(name) for name in SECTIONS):
        changed = _put(path, write(lock)) or changed
    elif path.exists():
        path.unlink()
        changed = True
    if folder.is_dir():
        for file in folder.glob("*.txt"):
            if file.stem not in lock.packages:
                file.unlink()
                changed = True
        if not any(folder.iterdir()):
            folder.rmdir()
    return changed


def _put(path: Path, text: str) -> bool:
    """Writes a file in one step, where its text changes. Whether it did."""
    data = text.encode("utf-8")
    try:
        if path.read_bytes() == data:
            return False
    except FileNotFoundError:
        pass
    target = path.resolve()  # a link stays a link
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)
    return True
