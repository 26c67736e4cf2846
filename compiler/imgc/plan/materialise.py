"""Build contexts as folders beside the Dockerfiles, so that plain docker builds them with nothing else."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from imgc.context.digest import files
from imgc.diagnostics import Diagnostic, Severity
from imgc.plan.contexts import BuildContext, Contexts
from imgc.resolve.resolved import Resolved

FOLDER = "context"


def not_fetched(resolved: Resolved) -> list[Diagnostic]:
    """Code from elsewhere that is not here at the commit of the lock: a compile fetches nothing."""
    found = []
    for image in resolved.images.values():
        for source in image.sources:
            if not source.commit or _commit_in(resolved.project.directory / source.path) != source.commit:
                what = "the repository of this file" if source.kind == "repo" else f"'{source.url}'"
                at = f" at {source.commit[:12]}" if source.commit else ""
                message = f"{what}{at} is not fetched: a build context cannot hold its code"
                label = (
                    "run 'imgc lock', which fetches it"
                    if source.kind != "s3"
                    else "only 'imgc build' fetches from S3"
                )
                found.append(Diagnostic("not-fetched", Severity.ERROR, message, source.span, label))
    return found


def _commit_in(folder: Path) -> str:
    """The commit that a folder of fetched code has, by the stamp that its fetching left beside it."""
    try:
        stamp = json.loads(folder.with_name(f"{folder.name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(stamp.get("content", "")) if isinstance(stamp, dict) and folder.is_dir() else ""


def materialise(resolved: Resolved, images: Iterable[str], output: Path) -> list[str]:
    """Writes `images/NAME/context` below `output` for each of the images; gives the folders.

    A folder holds what the image's ignore file lets through, with modes, times and symlinks as they are, and
    takes the place of an earlier one when it is whole. OSError when a file cannot be read or written.
    """
    contexts = Contexts(resolved.project, output)
    made = []
    for name in images:
        folder = output / "images" / name
        aside = folder / f".imgc-{os.urandom(6).hex()}"
        try:
            _copy(contexts.of(resolved.images[name]), aside)
            if (folder / FOLDER).exists():
                shutil.rmtree(folder / FOLDER)
            aside.rename(folder / FOLDER)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        made.append(f"images/{name}/{FOLDER}")
    return made


def _copy(context: BuildContext, target: Path) -> None:
    target.mkdir(parents=True)
    folders = []
    for entry in files(context.root, (".",), context.matcher):
        source, copy = context.root / entry.path, target / entry.path
        copy.parent.mkdir(parents=True, exist_ok=True)  # a folder may be left out and a file in it not
        if entry.kind == "directory":
            copy.mkdir(exist_ok=True)
            folders.append((source, copy))
        elif entry.kind in ("file", "link"):  # sockets and pipes take no part in a build
            shutil.copy2(source, copy, follow_symlinks=False)
    # Last and innermost first: a folder that nobody may write would let nothing in.
    for source, copy in reversed(folders):
        shutil.copystat(source, copy)
