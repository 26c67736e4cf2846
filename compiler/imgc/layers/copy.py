"""`copy`: files and folders, each to a place of its own."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator

from imgc.context.ignore import parse, problems, rebase
from imgc.diagnostics import Diagnostic, Edit, Fix, Related, Severity, Span
from imgc.document.expressions import place
from imgc.document.nodes import Mapping, Node, Scalar, Sequence
from imgc.instructions.quoting import path_problem
from imgc.instructions.types import Copy
from imgc.layers.code import holds_all, into, places_of
from imgc.layers.kind import Kind, Layer, Reading, Written
from imgc.layers.recipe import Recipe
from imgc.layers.running import user_of
from imgc.layers.users import ensure_user, make
from imgc.layers.workdir import clean, ensure_workdir, written_below
from imgc.records import dataclass

EXCLUDE = "exclude"
"""Among the notes of a recipe: patterns for the image's ignore file, a tuple; relative to the pipeline's
directory, perhaps with a leading `../`. COPY itself can leave nothing out on Docker 20.10."""

_EXCLUDED = "excluded"
"""Among the notes of a recipe: folders with such patterns, each with its place, a tuple."""


@dataclass(frozen=True, slots=True)
class Copied:
    """One source. `name` is what it is called in a folder; "" when its contents go there instead."""

    path: str
    span: Span
    folder: bool
    name: str
    places: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class CopyItem:
    """`destination` is as written, without a slash at its end, and `span` its place; `inside`: the sources go
    into it."""

    sources: tuple[Copied, ...]
    destination: str
    inside: bool
    span: Span
    chown: str = ""
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CopyLayer:
    key: str
    span: Span
    items: tuple[CopyItem, ...]

    def emit(self, recipe: Recipe) -> None:
        for item in self.items:
            _emit(recipe, item, self.key)


def _emit(recipe: Recipe, item: CopyItem, key: str) -> None:
    relative = not item.destination.startswith("/")
    start = ensure_workdir(recipe, key, item.span) if relative else "/"
    # Where even the workdir is unknown, the builder joins the path to it.
    target = clean(posixpath.join(start, item.destination)) if start else posixpath.normpath(item.destination)
    ensure_user(recipe)
    owner = make(recipe, item.chown, "copy", item.span) if item.chown else recipe.owner
    files: list[Copied] = []
    shown = written_below(recipe, target) if relative else target
    if not start and not shown.startswith("."):
        shown = f"./{shown}"
    for source in item.sources:
        at = posixpath.join(target, source.name) if item.inside and source.name else target
        if not source.folder and item.inside:
            files.append(source)
        else:
            if not source.folder and _is_folder(recipe, at):
                message = f"'{at}' is a folder of the image: end the path with '/' to copy into it"
                recipe.error("destination-is-a-folder", message, item.span)
            end = posixpath.join(shown, source.name) if item.inside and source.name else shown
            recipe.add(Copy((source.path,), into(end) if source.folder else end, owner), key, source.span)
        _note(recipe, source, item)
        for local, below in source.places if start else ():
            recipe.path_map.setdefault(local, posixpath.join(at, below) if below else at)
    if files:
        recipe.add(Copy(tuple(file.path for file in files), into(shown), owner), key, files[0].span)


def _is_folder(recipe: Recipe, path: str) -> bool:
    """Whether a path is certainly a folder of the image."""
    folders = {clean(posixpath.join("/", recipe.code_dir)), recipe.workdir} - {""}
    return any(path == folder or folder.startswith(path.rstrip("/") + "/") for folder in folders)


def _note(recipe: Recipe, source: Copied, item: CopyItem) -> None:
    """Keeps the patterns. They hold for the whole image, so what they take from another copy is said."""
    patterns = rebase(item.exclude, source.path)
    excluded = recipe.notes.get(_EXCLUDED, ())
    assert isinstance(excluded, tuple)
    for folder, span in excluded:
        if span is not source.span and _overlap(folder, source.path):
            _warn_of_overlap(recipe, span, source.span)
    if not patterns:
        return
    for step in recipe.steps:
        if not isinstance(step.instruction, Copy) or step.instruction.stage or step.span is source.span:
            continue
        if any(_overlap(source.path, other) for other in step.instruction.sources):
            _warn_of_overlap(recipe, source.span, step.span)
    recipe.notes[_EXCLUDED] = (*excluded, (source.path, source.span))
    known = recipe.notes.get(EXCLUDE, ())
    assert isinstance(known, tuple)
    recipe.notes[EXCLUDE] = (*known, *patterns)


def _warn_of_overlap(recipe: Recipe, span: Span, other: Span | None) -> None:
    message = "'exclude' leaves files out of the whole image: also where this folder is copied again"
    related = (Related(other, "it is copied here too"),) if other else ()
    recipe.report(Diagnostic("exclude-overlap", Severity.WARNING, message, span, related=related))


def _overlap(first: str, second: str) -> bool:
    """Whether one of two paths of the project is in the other."""
    return any(_below(a, b) for a, b in ((first, second), (second, first)))


def _below(path: str, folder: str) -> bool:
    """Whether a path is a folder or something in it."""
    if holds_all(folder):
        return path.count("../") <= folder.count("..") or path == folder
    return path == folder or path.startswith(f"{folder}/")


# Reading


def read(written: Written, reading: Reading) -> Layer | None:
    node = written.node
    found = [_item(item, reading) for item in (node if isinstance(node, Sequence) else (node,))]
    items = tuple(item for item in found if item is not None)
    _check_names(items, reading)
    return CopyLayer(written.key, written.span, items) if items else None


KIND = Kind(("copy",), 13, read)


def _item(node: Node, reading: Reading) -> CopyItem | None:
    if isinstance(node, Scalar):
        sources = _sources((node,), False, reading)
        return CopyItem(sources, ".", True, node.span) if sources else None
    if not isinstance(node, Mapping) or (src := node.get("src")) is None:
        return None
    flag = node.get("contents_only")
    contents = isinstance(flag, Scalar) and flag.value is True
    sources = _sources(tuple(src) if isinstance(src, Sequence) else (src,), contents, reading)
    exclude = _patterns(node.get("exclude"), sources, reading)
    if not sources:
        return None
    if (
        contents
        and flag is not None
        and (file := next((source for source in sources if not source.folder), None))
    ):
        reading.error("contents-of-a-file", f"'{file.path}' is a file: only folders have contents", flag.span)
        return None
    chown = user_of(owner, reading.report) if (owner := node.get("chown")) is not None else ""
    dst = node.get("dst")
    if dst is None:
        return CopyItem(sources, ".", True, src.span, chown, exclude)
    return _to(dst, sources, contents, chown, exclude, reading)


def _to(
    dst: Node,
    sources: tuple[Copied, ...],
    contents: bool,
    chown: str,
    exclude: tuple[str, ...],
    reading: Reading,
) -> CopyItem | None:
    if not isinstance(dst, Scalar) or not isinstance(dst.value, str) or not dst.value or "${{" in dst.text:
        return None
    path = dst.text
    if reason := path_problem(path):
        reading.error("unwritable-value", f"the destination {reason}", dst.span)
        return None
    if path.startswith("~"):
        message = "'~' is not replaced in an image: write the whole path, or one that starts at the workdir"
        reading.error("bad-destination", message, dst.span)
        return None
    inside = path.endswith("/") or posixpath.basename(path) in (".", "..")
    if len(sources) > 1 and not inside:
        if not contents:
            at = place(dst, len(path), len(path))
            fixes = () if at is dst.span else (Fix(f"write '{path}/'", (Edit(at, "/"),)),)
            message = f"several sources go into a folder: end the path with '/', as in '{path}/'"
            reading.error("destination-not-a-folder", message, dst.span, fixes=fixes)
            return None
        inside = True
    destination = path.rstrip("/") or "/"
    return CopyItem(sources, destination, inside, dst.span, chown, exclude)


def _sources(nodes: Iterable[Node], contents: bool, reading: Reading) -> tuple[Copied, ...]:
    """The sources; none at all when one of them is wrong."""
    found: list[Copied] = []
    sound = True
    for node in nodes:
        if (
            not isinstance(node, Scalar)
            or not isinstance(node.value, str)
            or not node.value
            or "${{" in node.text
        ):
            return ()
        path = reading.path(node)
        sound = sound and path is not None
        if path is None:
            continue
        folder = reading.project.exists(path, "dir")
        nameless = folder and (contents or holds_all(path))
        name = "" if nameless else posixpath.basename(path)
        places = places_of(path, reading.project.directory) if folder else ((path, ""),)
        found.append(Copied(path, node.span, folder, name, places))
    return tuple(found) if sound else ()


def _patterns(node: Node | None, sources: tuple[Copied, ...], reading: Reading) -> tuple[str, ...]:
    if node is None:
        return ()
    if sources and not any(source.folder for source in sources):
        reading.error("exclude-of-a-file", "only of a folder something can be left out", node.span)
        return ()
    patterns: list[str] = []
    for item in node if isinstance(node, Sequence) else (node,):
        if not isinstance(item, Scalar) or not isinstance(item.value, str) or not item.value:
            continue
        parsed = parse(item.text)
        if not parsed:
            reading.error("bad-pattern", "this leaves nothing out: an ignore file would skip it", item.span)
        bad = [problem for _, problem in problems(item.text)]
        for problem in bad:
            message = f"Docker takes no such pattern in an ignore file: {problem.reason}"
            reading.error("bad-pattern", message, item.span)
        patterns += () if bad else parsed
    return tuple(patterns)


def _check_names(items: tuple[CopyItem, ...], reading: Reading) -> None:
    """No two sources may become the same file (or folder): one would silently replace the other."""
    first: dict[str, Copied] = {}
    for item in items:
        for source, path in _results(item):
            other = first.setdefault(path, source)
            if other is not source:
                message = f"'{source.path}' and '{other.path}' would both be '{path}' in the image"
                related = (Related(other.span, f"'{other.path}' is copied here"),)
                reading.error("same-name", message, source.span, related=related)


def _results(item: CopyItem) -> Iterator[tuple[Copied, str]]:
    """What sources are called in the image, those whose contents are copied left out."""
    for source in item.sources:
        if item.inside and source.name:
            yield source, posixpath.normpath(posixpath.join(item.destination, source.name))
        elif not source.folder:
            yield source, posixpath.normpath(item.destination)
