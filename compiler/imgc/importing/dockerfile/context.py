"""Which folder a Dockerfile is built in, which it does not say itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from imgc.dockerfile.userfile import UserFile
from imgc.importing.dockerfile.copies import kind_of, path_of
from imgc.importing.dockerfile.words import Unsayable, listed
from imgc.importing.source import Source


def context_of(file: UserFile, source: Source) -> Path:
    """The folder that `--context` names; else that of the Dockerfile, or the nearest above, up to the root of
    the repository, that has all paths of COPY."""
    if source.context:
        return Path(source.context).absolute()
    wanted = set(_paths(file))
    folders = [source.folder, *_above(source.folder)]
    return next(
        (folder for folder in folders if all(kind_of(folder, path) for path in wanted)), source.folder
    )


def _above(folder: Path) -> Iterator[Path]:
    """The folders above, as long as they are in one repository."""
    root = next((one for one in (folder, *folder.parents) if (one / ".git").exists()), None)
    for one in folder.parents:
        if root is None or not one.is_relative_to(root):
            return
        yield one


def _paths(file: UserFile) -> Iterator[str]:
    for instruction in file.instructions:
        if (
            instruction.keyword != "COPY"
            or instruction.heredocs
            or any("--from" in flag for flag in instruction.flags)
        ):
            continue
        try:
            for word in listed(instruction, file.escape)[:-1]:
                if not any(character in word for character in "*?["):
                    yield path_of(word)
        except Unsayable:
            continue
