"""`code_bundle`: of the source root (`copy_dir`, else the file's folder) only what the code imports, or all.

The modules are found by reading (`imports.py`), so an image holds and its tag depends on only the files that
are used. They keep their places below the source root.
"""

from __future__ import annotations

import posixpath

from imgc.context.project import Project
from imgc.diagnostics import Related, Span
from imgc.document.nodes import Entry, Mapping, Scalar
from imgc.instructions.quoting import path_problem
from imgc.instructions.types import Copy, From, Stage, Step
from imgc.layers.code import Places, emit_code, into, places_of
from imgc.layers.imports import Followed, follow
from imgc.layers.kind import Kind, Layer, Reading, Written
from imgc.layers.recipe import Recipe, Source
from imgc.layers.users import ensure_user
from imgc.layers.workdir import clean, ensure_workdir, written_below
from imgc.records import dataclass

CALLS = "calls"
"""Among the notes of a recipe: the files that `call` nodes of the image name, relative to the pipeline's
directory, a tuple. Without `entry` they are where the imports begin."""

_MOST_COPIES = 20
"""COPY instructions, one for each folder: an image has at most 127 layers. More meet in a stage first."""

_STAGE = "code"


@dataclass(frozen=True, slots=True)
class BundleLayer:
    """`root` is the source root, `entry` relative to it ("": the files of calls); `all_files`: no choice."""

    key: str
    span: Span
    root: str
    destination: str
    all_files: bool
    entry: str
    entry_span: Span
    places: Places
    project: Project

    def emit(self, recipe: Recipe) -> None:
        emit_code(recipe, self)

    def remote(self) -> Source:
        return Source("repo", "", "", self.root, self.span)

    def bake(self, recipe: Recipe) -> None:
        # Where only the base knows the workdir, code has a place of its own.
        start = ensure_workdir(recipe, self.key, self.span) or recipe.code_dir
        ensure_user(recipe)
        target = clean(posixpath.join("/", start, self.destination))
        shown = target if self.destination.startswith("/") else written_below(recipe, target)
        if self.all_files:
            recipe.copy((self.root,), into(shown), self.key, self.span)
        else:
            self.copy_files(recipe, shown)
        # The bundle has a place of its own, which is where its files are from now on.
        for local, below in self.places:
            recipe.path_map.setdefault(local, posixpath.join(target, below) if below else target)

    def copy_files(self, recipe: Recipe, shown: str) -> None:
        folders: dict[str, list[str]] = {}
        for file in self.files(recipe):
            folders.setdefault(posixpath.dirname(file), []).append(
                posixpath.normpath(posixpath.join(self.root, file))
            )
        if len(folders) <= _MOST_COPIES:
            for folder, files in folders.items():
                place = into(posixpath.join(shown, folder) if folder else shown)
                recipe.copy(tuple(files), place, self.key, self.span)
            return
        name = _STAGE if recipe.name != _STAGE else f"{_STAGE}-files"
        steps = [Step(From("scratch", name), self.key, self.span)]
        for folder, files in folders.items():
            copy = Copy(tuple(files), into(posixpath.join("/code", folder)))
            steps.append(Step(copy, self.key, self.span))
        recipe.helpers.append(Stage(name, tuple(steps)))
        recipe.add(Copy(("/code",), into(shown), recipe.owner, name), self.key, self.span)

    def files(self, recipe: Recipe) -> tuple[str, ...]:
        """The files of the bundle, relative to its root; none after reporting why there are none."""
        entries = [self.entry] if self.entry else self.called(recipe)
        if not entries:
            message = "'code_bundle' needs 'entry': no 'call' node of the image names a file to begin with"
            recipe.error("missing-entry", message, self.span)
            return ()
        found: Followed = follow(self.project.directory / self.root, entries)
        for problem in found.problems:
            where = posixpath.normpath(posixpath.join(self.root, problem.file))
            where = f"{where}:{problem.line}" if problem.line else where
            message = f"the imports of '{entries[0]}' cannot be followed: {where}: {problem.reason}"
            recipe.error("unreadable-module", message, self.entry_span)
        return found.files

    def called(self, recipe: Recipe) -> list[str]:
        files = recipe.notes.get(CALLS, ())
        assert isinstance(files, tuple)
        inside = (_below(file, self.root, self.project) for file in files)
        return sorted({file for file in inside if file})


def read(written: Written, reading: Reading) -> Layer | None:
    node = written.node
    if not isinstance(node, Mapping) or node.broken or _conflicts(written, reading):
        return None
    root = _root(written, reading)
    style, dst, entry = node.get("style"), node.get("dst"), node.entry("entry")
    if root is None:
        return None
    destination = dst.text if isinstance(dst, Scalar) and isinstance(dst.value, str) and dst.value else "."
    if dst is not None and (reason := path_problem(destination)):
        reading.error("unwritable-value", f"the destination {reason}", dst.span)
        return None
    all_files = isinstance(style, Scalar) and style.value == "all"
    file, place = "", written.span
    if entry is not None:
        found = _entry(entry, root, reading)
        if found is None:
            return None
        file, place = found, entry.value.span
    return BundleLayer(
        written.key, written.span, root, destination, all_files, file, place,
        places_of(root, reading.project.directory), reading.project,
    )  # fmt: skip


KIND = Kind(("code_bundle",), 12, read)


def _conflicts(written: Written, reading: Reading) -> bool:
    """The source root is a folder here: what is fetched from elsewhere cannot be looked into."""
    for name in ("copy_url", "copy_repo"):
        other = written.siblings.entry(name) if written.siblings else None
        if other is None or (isinstance(other.value, Scalar) and other.value.value is False):
            continue
        first, second = sorted(
            ((written.span, "code_bundle"), (other.key.span, name)), key=lambda pair: pair[0].start
        )
        message = (
            "'code_bundle' chooses from a folder beside the file, and not from a repository that is fetched"
        )
        related = (Related(first[0], f"'{first[1]}' is here"),)
        reading.error(
            "conflicting-keys", message, second[0], label="name the folder with 'copy_dir'", related=related
        )
        return True
    return False


def _root(written: Written, reading: Reading) -> str | None:
    node = written.siblings.get("copy_dir") if written.siblings else None
    if node is None:
        return "."
    # What is wrong with it was reported where `copy_dir` is read.
    located = reading.project.locate(node.text, "dir") if isinstance(node, Scalar) else None
    return located if isinstance(located, str) else None


def _entry(entry: Entry, root: str, reading: Reading) -> str | None:
    """The entry relative to the source root; it is written relative to the pipeline file, as all paths."""
    path = reading.path(entry.value, "file")
    if path is None:
        return None
    inside = _below(path, root, reading.project)
    if not inside:
        message = f"'{path}' is outside of the source root '{root}', so its imports are not looked for"
        reading.error("entry-outside", message, entry.value.span)
        return None
    if not inside.endswith(".py"):
        reading.error("entry-not-python", f"'{path}' is no Python file", entry.value.span)
        return None
    return inside


def _below(path: str, root: str, project: Project) -> str:
    """A path relative to a folder that holds it; "" where it does not."""
    directory = project.directory.as_posix()
    relative = posixpath.relpath(posixpath.join(directory, path), posixpath.join(directory, root))
    return "" if relative == ".." or relative.startswith("../") else relative
