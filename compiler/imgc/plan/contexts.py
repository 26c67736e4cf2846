"""The build context of an image: its ignore file, and a digest of what it gives to the build."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imgc.context.digest import digest
from imgc.context.ignore import Matcher, default_patterns, literal, parse, rebase
from imgc.context.narrow import in_context, narrow
from imgc.context.project import Project
from imgc.lock.lock import FILE as LOCK
from imgc.model.pipeline import text
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

    def digest(self) -> str:
        """`sha256:…` of the files that the image takes; OSError when one cannot be read."""
        taken = [path for path in self.paths if not f"/{path}/".count(f"/{SOURCES}/")]
        return digest(self.root, taken, Matcher(parse(self.ignore)))


def context_of(image: ResolvedImage, project: Project, output: Path) -> BuildContext:
    """The context of an image. `output` is where the compiled files go: never a part of it."""
    root = project.directory / image.context
    written = _user_patterns(image, project)
    if image.dockerfile is not None:
        own = [f"/{path}" for path in _own_files(project, output, root)]
        ignore = "".join(f"{line}\n" for line in (*written, *own))
        return BuildContext(image.context, root, ignore, (".",))
    paths = tuple(in_context(path, project.directory, image.context) for path in image.paths)
    named = tuple(in_context(path, project.directory, image.context) for path in image.named)
    defaults = default_patterns(_own_files(project, output, root))
    ignore = narrow(paths, named=named, user=written, defaults=defaults)
    return BuildContext(image.context, root, ignore, paths)


def _own_files(project: Project, output: Path, root: Path) -> list[str]:
    """The pipeline file, the lock and the output folder, relative to the context, where they lie in it."""
    own = [project.directory / Path(project.file).name, project.directory / LOCK, output]
    return [
        literal(path.relative_to(root.resolve()).as_posix())
        for path in map(_absolute, own)
        if path.is_relative_to(root.resolve())
    ]


def _absolute(path: Path) -> Path:
    return path.resolve()


def _user_patterns(image: ResolvedImage, project: Project) -> tuple[str, ...]:
    """The patterns of `dockerignore`, else of the .dockerignore of the source root, moved to the context."""
    given = text(image.node.get("dockerignore"))
    source_root = image.context if image.dockerfile is not None else image.source_root
    file = given or (f"{source_root}/.dockerignore" if source_root != "." else ".dockerignore")
    if not given and not project.exists(file, "file"):
        return ()
    content = project.read_text(file)
    if not isinstance(content, str):
        return ()
    patterns = [*parse(content), *image.notes.get("exclude", ())]
    prefix = in_context(source_root, project.directory, image.context) if image.dockerfile is None else "."
    return rebase(patterns, prefix)
