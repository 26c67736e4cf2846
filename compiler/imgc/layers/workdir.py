"""The working directory: where code goes and relative paths start."""

from __future__ import annotations

import posixpath

from imgc.diagnostics import Edit, Fix, Severity, Span
from imgc.diagnostics.diagnostic import Diagnostic
from imgc.document.expressions import place
from imgc.document.nodes import Node, Scalar
from imgc.instructions.quoting import line_problem
from imgc.instructions.types import Workdir
from imgc.layers.kind import Kind, Layer, Reading, Written
from imgc.layers.recipe import Recipe
from imgc.layers.users import ensure_user
from imgc.records import dataclass

NOTE = "workdir"
"""Among the notes of a recipe: the image in which the place of code and relative paths is settled."""


@dataclass(frozen=True, slots=True)
class WorkdirLayer:
    """`workdir` as an item of `layers`: from here on."""

    key: str
    span: Span
    node: Scalar

    def emit(self, recipe: Recipe) -> None:
        path = workdir_of(recipe, self.node)
        if path:
            set_workdir(recipe, path, self.key, self.span)


def read(written: Written, reading: Reading) -> Layer | None:
    node = written.node
    if not isinstance(node, Scalar) or not isinstance(node.value, str) or not node.value:
        return None
    if reason := line_problem(node.text):
        code = "newline-in-value" if "\n" in node.text else "unwritable-value"
        reading.error(code, f"the workdir {reason.replace('line break', 'newline')}", node.span)
        return None
    return WorkdirLayer(written.key, written.span, node)


KIND = Kind(("workdir",), 17, read)


def ensure_workdir(recipe: Recipe, key: str, span: Span | None) -> str:
    """The folder in which relative paths of the image start; "" where only the base knows it.

    Before the first code of an image WORKDIR becomes the place of code, unless `auto_workdir` is false or an
    item of `layers` has set it.
    """
    if recipe.auto_workdir and recipe.notes.get(NOTE) != recipe.name:
        recipe.code_dir = clean(posixpath.join("/", recipe.code_dir))
        set_workdir(recipe, recipe.code_dir, key, span)
    return recipe.workdir


def set_workdir(recipe: Recipe, path: str, key: str, span: Span | None) -> None:
    """WORKDIR, unless it is that already. The image's user gets the folder: WORKDIR would make it root's."""
    recipe.notes[NOTE] = recipe.name
    if recipe.workdir != path:
        ensure_user(recipe, path)
        recipe.add(Workdir(path), key, span)


def workdir_of(recipe: Recipe, node: Node | None) -> str:
    """The absolute path that a `workdir` means at this point; "" after reporting that it means none."""
    if (
        not isinstance(node, Scalar)
        or not isinstance(node.value, str)
        or not node.value
        or line_problem(node.text)
    ):
        return ""
    if not node.text.startswith("/") and not recipe.workdir:
        message = f"'{node.text}' is relative, and to what only the base knows: begin with '/'"
        at = place(node, 0, 0)
        fixes = () if at is node.span else (Fix(f"write '/{node.text}'", (Edit(at, "/"),), safe=False),)
        recipe.report(Diagnostic("relative-workdir", Severity.ERROR, message, node.span, fixes=fixes))
        return ""
    return clean(posixpath.join(recipe.workdir, node.text))


def clean(path: str) -> str:
    """An absolute path without `..`, `.` and doubled slashes."""
    return "/" + posixpath.normpath(path).lstrip("/")


def written_below(recipe: Recipe, path: str) -> str:
    """A path as COPY writes it: relative to the workdir where the Dockerfile itself says which that is."""
    says = any(isinstance(step.instruction, Workdir) for step in recipe.steps)
    if not says or not recipe.workdir:
        return path
    if path == recipe.workdir:
        return "."
    inside = recipe.workdir.rstrip("/") + "/"
    return f"./{path.removeprefix(inside)}" if path.startswith(inside) else path
