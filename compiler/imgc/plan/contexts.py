"""The build context of an image: its ignore file, and a digest of what it gives to the build."""

from __future__ import annotations

import posixpath
from pathlib import Path

from imgc.context.digest import Digests
from imgc.context.ignore import Matcher, default_patterns, literal, parse, rebase
from imgc.context.links import below, relative
from imgc.context.narrow import in_context, narrow
from imgc.context.project import Project
from imgc.lock.lock import FILE as LOCK
from imgc.lock.lock import FOLDER as LISTS
from imgc.model.pipeline import text
from imgc.records import dataclass
from imgc.resolve.image import ResolvedImage

SOURCES = ".imgc/sources"
"""Where `imgc build` puts code from elsewhere; its commit stands for its content."""


@dataclass(frozen=True, slots=True)
class BuildContext:
    """`directory` is relative to the pipeline's directory; `ignore` the text of its .dockerignore; `paths` what
    the image takes, relative to the context."""

    directory: str
    root: Path
    ignore: str
    paths: tuple[str, ...]
    matcher: Matcher


class Contexts:
    """The contexts of a pipeline's images; those that take the same files are looked at once. `output` is where
    the compiled files go: never a part of a context."""

    def __init__(self, project: Project, output: Path) -> None:
        self.project = project
        here = str(project.directory)
        names = (posixpath.basename(project.file), LOCK, LISTS, "compiled")
        self.own = [*(posixpath.join(here, name) for name in names), str(output.resolve())]
        self.known: dict[object, BuildContext] = {}
        self.digests = Digests()

    def of(self, image: ResolvedImage) -> BuildContext:
        """The context of an image."""
        written = _user_patterns(image, self.project)
        key = (image.context, image.paths, image.named, written, image.dockerfile is not None)
        if key not in self.known:
            self.known[key] = self.new(image, written)
        return self.known[key]

    def digest(self, context: BuildContext) -> str:
        """`sha256:…` of the files that a context gives; OSError when one cannot be read."""
        taken = [path for path in context.paths if f"/{SOURCES}/" not in f"/{path}/"]
        return self.digests.digest(context.root, taken, context.matcher)

    def new(self, image: ResolvedImage, written: tuple[str, ...]) -> BuildContext:
        project = self.project
        root = (project.directory / image.context).resolve()
        own = [relative(path, str(root)) for path in self.own if below(path, str(root))]
        if image.dockerfile is not None:
            # The user's own context, but for what imgc itself writes into it.
            written_by_us = ("/.imgc", *(f"/{literal(path)}" for path in own))
            ignore = "".join(f"{line}\n" for line in (*written, *written_by_us))
            return BuildContext(image.context, root, ignore, (".",), Matcher(parse(ignore)))
        paths = tuple(in_context(path, project.directory, image.context) for path in image.paths)
        named = tuple(in_context(path, project.directory, image.context) for path in image.named)
        ignore = narrow(paths, named=named, user=written, defaults=default_patterns(own))
        return BuildContext(image.context, root, ignore, paths, Matcher(parse(ignore)))


def _user_patterns(image: ResolvedImage, project: Project) -> tuple[str, ...]:
    """The patterns of `dockerignore`, else of the .dockerignore of the source root, and what `copy` leaves out,
    all moved to the context."""
    here = in_context(".", project.directory, image.context)
    left_out = rebase(image.excluded, here)
    given = text(image.node.get("dockerignore"))
    source_root = image.context if image.dockerfile is not None else image.source_root
    file = given or (f"{source_root}/.dockerignore" if source_root != "." else ".dockerignore")
    if not given and image.dockerfile is not None and image.dockerfile.path:
        beside = f"{image.dockerfile.path}.dockerignore"  # BuildKit prefers it to that of the context
        file = beside if project.exists(beside, "file") else file
    content = project.read_text(file) if given or project.exists(file, "file") else ""
    if not isinstance(content, str):
        return left_out
    prefix = (
        "." if image.dockerfile is not None else in_context(source_root, project.directory, image.context)
    )
    return (*rebase(parse(content), prefix), *left_out)
