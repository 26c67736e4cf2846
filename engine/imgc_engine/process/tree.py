"""The folder that an attempt works in: in the place of a container's file system, with the image's code in it.

ROOT/app holds what a container has in /app. A step starts in ROOT/WORKDIR and never sees, nor changes, the user's own
files by a relative path; what it writes there is gone when it ends, as with a container.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from imgc.context.digest import files
from imgc.context.ignore import Matcher, parse
from imgc_engine.plan import Image, Node, Plan
from imgc_engine.process.support import chain

HOME, TEMPORARY = "home", "tmp"  # below the root, for HOME and TMPDIR


class Trees:
    """Makes the folders of attempts. What an image copies is looked up once."""

    def __init__(self, plan: Plan, recipes: Mapping[str, Any], compiled: Path, project: Path) -> None:
        self._plan, self._recipes = plan, recipes
        self._compiled, self._project = compiled, project
        self._code: dict[str, Sequence[tuple[Path, str]]] = {}

    def make(self, node: Node, root: Path) -> Path:
        """The folder in which the node starts; what is there of the root already stays. OSError."""
        assert node.image is not None
        if not root.exists():
            for name in (HOME, TEMPORARY):
                (root / name).mkdir(parents=True)
            for source, target in self._files(node.image):
                _copy(source, root / target)
        folder = root / self.workdir(node).lstrip("/")
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def workdir(self, node: Node) -> str:
        assert node.image is not None
        own = self._plan.images[node.image].workdir or "/"
        return str(PurePosixPath(own, node.workdir)) if node.workdir else own

    def command(self, node: Node, root: Path) -> list[str]:
        """The node's, with the file of a `call` where it is here."""
        command = list(node.command or ())
        if node.call is not None:
            inside = str(root / node.call.path.lstrip("/"))
            command = [inside if word == node.call.path else word for word in command]
        return command

    def _files(self, name: str) -> Sequence[tuple[Path, str]]:
        if name not in self._code:
            found: dict[str, Path] = {}
            for part in chain(name, self._recipes):
                found |= {target: source for source, target in self._copied(self._plan.images[part])}
            self._code[name] = [(source, target) for target, source in found.items()]
        return self._code[name]

    def _copied(self, image: Image) -> Iterator[tuple[Path, str]]:
        """Pairs of a file and where it goes below the root: what the image's ignore file lets through."""
        if image.dockerfile is None or image.context is None:
            return
        ignore = self._compiled / f"{image.dockerfile}.dockerignore"
        context = (self._project / image.context).resolve()
        if not ignore.exists():
            return
        project = self._project.resolve()
        places = sorted(
            (((project / local).resolve(), inside) for local, inside in image.path_map.items()),
            key=lambda place: -len(place[0].parts),
        )
        for entry in files(context, (".",), Matcher(parse(ignore.read_text(encoding="utf-8")))):
            source = context / entry.path
            for local, inside in places:
                if source.is_relative_to(local):
                    yield source, str(PurePosixPath(inside, source.relative_to(local).as_posix())).lstrip("/")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir() and not source.is_symlink():
        target.mkdir(exist_ok=True)
    elif source.is_symlink() or source.is_file():
        shutil.copy2(source, target, follow_symlinks=False)
