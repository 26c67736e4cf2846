"""Writing what was compiled: whole or not at all, only what changed, and nothing that is somebody else's."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from imgc.sha256 import sha256

PLAN = "plan.json"
TARGETS = "targets.json"
"""Names the files that were made for other tools, so that a later compile knows them for its own."""


def with_list(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of targets, and the list of them; nothing of nothing."""
    if not files:
        return {}
    listed = {path: _digest(files[path]) for path in sorted(files)}
    return {**files, TARGETS: (json.dumps({"version": 1, "files": listed}, indent=2) + "\n").encode("utf-8")}


def foreign(files: Mapping[str, bytes], directory: Path) -> list[str]:
    """Which of the files of targets would take the place of something that imgc did not write."""
    ours = {TARGETS, *_listed(directory)}
    return [
        path
        for path in sorted(files)
        if path not in ours and _read(directory / path) not in (None, files[path])
    ]


def write(outputs: Mapping[str, bytes], directory: Path) -> list[str]:
    """Writes the outputs (path -> bytes) below a folder; returns the paths that changed, removed ones included.

    Everything is written beside first and renamed at the end, plan.json last: whoever reads plan.json finds
    what it names. OSError when a file cannot be written; then nothing was replaced.
    """
    changed = [path for path, data in outputs.items() if _read(directory / path) != data]
    stale = sorted(_earlier(directory) - set(outputs))
    if not changed and not stale:
        return []
    directory.mkdir(parents=True, exist_ok=True)
    scratch = directory / f".imgc-{os.urandom(6).hex()}"  # tempfile loads random, shutil and compressors
    scratch.mkdir()
    try:
        staged = []
        for number, path in enumerate(sorted(changed, key=lambda path: path == PLAN)):
            aside = scratch / str(number)
            aside.write_bytes(outputs[path])
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            staged.append((aside, directory / path))
        for aside, target in staged:
            aside.replace(target)
    finally:
        for left in scratch.iterdir():
            left.unlink()
        scratch.rmdir()
    for path in stale:
        (directory / path).unlink(missing_ok=True)
        _remove_empty(directory, (directory / path).parent)
    return sorted({*changed, *stale})


def differences(outputs: Mapping[str, bytes], directory: Path) -> Iterator[str]:
    """Unified diffs from what is on disk to what would be written."""
    import difflib  # only for --check

    paths = sorted({*outputs, *_earlier(directory)})
    for path in paths:
        old, new = _read(directory / path), outputs.get(path)
        if old == new:
            continue
        yield from difflib.unified_diff(
            _lines(old), _lines(new), str(PurePosixPath(directory.name, path)) if old is not None else "/dev/null",
            str(PurePosixPath(directory.name, path)) if new is not None else "/dev/null",
        )  # fmt: skip


def _earlier(directory: Path) -> set[str]:
    """What an earlier compile wrote here, by its own plan; nothing where that cannot be told."""
    try:
        images = json.loads((directory / PLAN).read_bytes())["images"]
        written = [str(image["dockerfile"]) for image in images.values() if image.get("dockerfile")]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()
    found = {PLAN, *_of_targets(directory)}
    for dockerfile in written:
        parts = PurePosixPath(dockerfile).parts
        if len(parts) == 3 and parts[0] == "images" and ".." not in parts:
            found |= {dockerfile, f"{dockerfile}.dockerignore", f"{dockerfile}.map.json"}
    return {path for path in found if (directory / path).is_file()}


def _of_targets(directory: Path) -> set[str]:
    """The files of earlier targets that are still as they were written, and their list."""
    listed = _listed(directory)
    same = {path for path, digest in listed.items() if _digest(_read(directory / path)) == digest}
    return {TARGETS, *same} if listed else set()


def _listed(directory: Path) -> dict[str, str]:
    """Path -> digest of what earlier compiles made for other tools; only what lies in the folder."""
    try:
        files = json.loads((directory / TARGETS).read_bytes())["files"].items()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    paths = ((path, PurePosixPath(path)) for path, digest in files if isinstance(digest, str))
    inside = {path for path, pure in paths if not pure.is_absolute() and ".." not in pure.parts}
    return {path: digest for path, digest in files if path in inside}


def _digest(data: bytes | None) -> str | None:
    return None if data is None else f"sha256:{sha256(data).hexdigest()}"


def _remove_empty(top: Path, directory: Path) -> None:
    while directory != top:
        try:
            directory.rmdir()
        except OSError:
            return
        directory = directory.parent


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _lines(data: bytes | None) -> list[str]:
    return (data or b"").decode("utf-8", "replace").splitlines(keepends=True)
