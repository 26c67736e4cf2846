"""The source of build pipelines as it was when a run began, so that an edit meanwhile changes nothing under it.

A snapshot costs what was edited: files whose content is known are links. Containers get it read-only.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import suppress
from pathlib import Path

from imgc_engine.data import disk
from imgc_engine.data.trees import Tree

KEPT = 16  # snapshots of a project that stay although nobody uses them
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Changed(OSError):
    """A file changed between two looks at it. The text is a sentence."""


class Snapshots:
    """In `.imgc/data/source`. Nothing here is flushed to the disk: what an earlier boot of the machine left,
    which may have lost power, is not used."""

    def __init__(self, data: Path) -> None:
        with suppress(OSError):
            data = data / "source" / _BOOT.read_text().strip()
        if data.parent.name != "source":
            data = data / "source" / "unknown"
        self._folder = data

    def take(self, tree: Tree) -> tuple[Path, int]:
        """The snapshot of a tree, and a descriptor that says that it is in use. Changed, OSError."""
        place = self._folder / tree.digest
        held = disk.hold(place.with_suffix(".lock"))
        if not place.is_dir():
            self._drop_others()
            self._make(tree, place)
        os.utime(place)
        return place, held

    def find(self, digest: str) -> tuple[Path, int] | None:
        """One that was taken before, if it is still there."""
        place = self._folder / digest
        if not place.is_dir():
            return None
        held = disk.hold(place.with_suffix(".lock"))
        return (place, held) if place.is_dir() else None

    def _make(self, tree: Tree, place: Path) -> None:
        part = place.with_name(f"{place.name}.{os.getpid()}.part")
        if part.exists():
            disk.remove(part)
        part.mkdir(parents=True, mode=0o755)
        objects = self._folder / "objects"
        objects.mkdir(exist_ok=True)
        for file in tree.files:
            target = part / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            if file.kind == "directory":
                target.mkdir(exist_ok=True)
            elif file.kind == "link":
                target.symlink_to(file.content)
            else:
                known = objects / f"{file.content}{'.x' if file.executable else ''}"
                if not known.exists():
                    _copy(tree.root / file.path, known, file.content, executable=file.executable)
                disk.link_or_copy(known, target)
        try:
            part.rename(place)
        except OSError:
            if not place.is_dir():
                raise
            disk.remove(part)

    def _drop_others(self) -> None:
        """Old snapshots, those of earlier boots, and the files that only they had."""
        with suppress(FileNotFoundError):
            for other in list(self._folder.parent.iterdir()):
                if other != self._folder:
                    disk.remove(other)
        if not self._folder.is_dir():
            return
        snapshots = [path for path in self._folder.iterdir() if path.is_dir() and path.name != "objects"]
        snapshots.sort(key=lambda path: path.stat().st_mtime)
        old = [path for path in snapshots[:-KEPT] if not disk.in_use(path.with_suffix(".lock"))]
        for path in old:
            disk.remove(path)
            path.with_suffix(".lock").unlink(missing_ok=True)
        if old:
            for known in (self._folder / "objects").iterdir():
                if known.stat().st_nlink == 1:
                    known.unlink(missing_ok=True)


def _copy(source: Path, target: Path, content: str, *, executable: bool) -> None:
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    shutil.copy2(source, part)
    with part.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != content:
        part.unlink()
        raise Changed(f"{source} changed while it was read.")
    part.chmod(0o555 if executable else 0o444)
    part.replace(target)
