"""What nodes wrote, by content, and which datum wrote what: `.imgc/data/trees` and `.imgc/data/datums`.

A tree is a folder that is complete or not there, with its list of files beside it, so that nobody reads its
files to know what they are. Its files are read-only, and shared with other trees as links. `.imgc/out` leads
from a node's path to what it wrote last.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from imgc.records import dataclass
from imgc_engine.data import disk, trees
from imgc_engine.data.trees import File, Tree
from imgc_engine.run.naming import log_path
from imgc_engine.run.store import write_whole


@dataclass(frozen=True, slots=True)
class Done:
    """A datum that succeeded: the digest of the tree that it wrote, its exit code, and in which run."""

    tree: str
    exit_code: int
    run: str


class Kept:
    """`state` is `.imgc`."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self.folder = state / "data"

    def working_folder(self, run: str, node: str, attempt: int) -> Path:
        """Where an attempt writes: the same for every session of the run."""
        return log_path(self.folder / "tmp" / run, node, attempt).with_suffix("")

    def forget_working_folders(self, run: str) -> None:
        folder = self.folder / "tmp" / run
        if folder.exists():
            disk.remove(folder)

    def adopt(self, folder: Path) -> Tree:
        """Move a folder that a container filled to its place. Sockets and the like are left out. OSError.

        What was adopted in a session that ended before it could say so is found by a file beside the folder.
        """
        marker = folder.with_name(f"{folder.name}.tree")
        if marker.exists() and not any(folder.iterdir()):
            known = self.tree(marker.read_text(encoding="ascii"))
            if known is not None:
                return known
        _settle(folder)
        tree = trees.read(folder, cache=None)
        made = Tree(self._place(tree.digest), tree.files)
        if not made.root.is_dir():
            self._list(made)
        write_whole(marker, made.digest)
        disk.put(folder, made.root)
        return made

    def join(self, parts: Iterable[Tree]) -> Tree:
        """One tree of many, whose files are the same where they have the same path. OSError."""
        found: dict[str, tuple[File, Path]] = {}
        for part in parts:
            for file in part.files:
                found.setdefault(file.path, (file, part.root))
        files = trees.in_order(file for file, _ in found.values())
        place = self._place(trees.digest(files))
        made = Tree(place, files)
        if place.is_dir():
            return made
        part_folder = place.with_suffix(f".{os.getpid()}.part")
        if part_folder.exists():
            disk.remove(part_folder)
        part_folder.mkdir(parents=True, mode=0o755)
        for file in files:
            target = part_folder / file.path
            if file.kind == "directory":
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            if file.kind == "link":
                target.symlink_to(file.content)
            else:
                disk.link_or_copy(found[file.path][1] / file.path, target)
        self._list(made)
        disk.put(part_folder, place)
        return made

    def tree(self, digest: str) -> Tree | None:
        """A tree by its digest, if it is kept."""
        place = self._place(digest)
        try:
            files = trees.parse(place.with_suffix(".files").read_text(encoding="ascii"))
        except OSError:
            return None
        return Tree(place, files) if place.is_dir() else None

    def done(self, key: str) -> tuple[Done, Tree] | None:
        """What a datum of that key wrote when it succeeded; None when it never did, or that is gone."""
        try:
            found = Done(**json.loads(self._datum(key).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        tree = self.tree(found.tree)
        return None if tree is None else (found, tree)

    def remember(self, key: str, done: Done) -> None:
        path = self._datum(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps({"tree": done.tree, "exit_code": done.exit_code, "run": done.run}))

    def publish(self, node: str, tree: Tree) -> None:
        """Let `.imgc/out/NODE` lead to what the node wrote."""
        link = self._link(node)
        for folder in (link, *link.parents):
            if folder == self._state:
                break
            if folder.is_symlink():  # of a node that is now a group
                folder.unlink()
        if link.is_dir():  # of a group that is now a node
            disk.remove(link)
        link.parent.mkdir(parents=True, exist_ok=True)
        part = link.with_name(f".{link.name}.{os.getpid()}")
        part.unlink(missing_ok=True)
        part.symlink_to(os.path.relpath(tree.root, link.parent))
        part.replace(link)

    def published(self, node: str) -> Tree | None:
        """What the node wrote in the last run in which it succeeded."""
        with suppress(OSError):
            return self.tree(self._link(node).readlink().name)
        return None

    def forget(self) -> int:
        """Remove all that is kept; the bytes that were in it. The next run does everything anew."""
        sizes = {}
        for top, _, names in os.walk(self.folder):
            for name in names:
                found = os.lstat(os.path.join(top, name))  # noqa: PTH118
                sizes[found.st_ino] = found.st_size
        for folder in (self.folder, self._state / "out"):
            if folder.exists():
                disk.remove(folder)
        return sum(sizes.values())

    def _link(self, node: str) -> Path:
        return log_path(self._state / "out", node, 1).parent

    def _place(self, digest: str) -> Path:
        return self.folder / "trees" / digest

    def _datum(self, key: str) -> Path:
        return self.folder / "datums" / key[:2] / f"{key[2:]}.json"

    def _list(self, tree: Tree) -> None:
        path = tree.root.with_suffix(".files")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, trees.dump(tree.files))


def _settle(folder: Path) -> None:
    """Give everything below the modes of kept files, and take away what is no data."""
    folder.chmod(0o755)
    for top, folders, names in os.walk(folder):
        for name in folders:
            path = Path(top, name)
            if not path.is_symlink():
                path.chmod(0o755)
        for name in names:
            path = Path(top, name)
            mode = path.lstat().st_mode
            if stat.S_ISREG(mode):
                path.chmod(0o555 if mode & stat.S_IXUSR else 0o444)
            elif not stat.S_ISLNK(mode):
                path.unlink()
