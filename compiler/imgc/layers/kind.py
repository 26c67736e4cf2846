"""What a kind of layer is: the keys it owns, how it reads them, and how it becomes instructions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from imgc.context.project import Project, Want
from imgc.diagnostics import Diagnostic, Edit, Fix, Related, Severity, Span
from imgc.document.nodes import Mapping, Node, Scalar
from imgc.layers.recipe import Recipe
from imgc.model.image import PipOptions, SecretUse
from imgc.records import dataclass


@dataclass(frozen=True, slots=True)
class Written:
    """One layer as the file has it: its key, the key's place, its value, and the options that hold for it."""

    key: str
    span: Span
    node: Node
    pip: PipOptions
    secrets: tuple[SecretUse, ...] = ()
    siblings: Mapping | None = None
    """The mapping the key stands in (the image, or the item of `layers`): `copy_url` has `copy_branch` beside it."""


class Layer(Protocol):
    """A layer that has been read and checked. `key` and `span` are those of its key in the file."""

    @property
    def key(self) -> str: ...
    @property
    def span(self) -> Span: ...

    def emit(self, recipe: Recipe) -> None:
        """Adds the layer's instructions; reports what only the base or earlier layers can show to be wrong."""
        ...


class Reading:
    """What reading a layer may use: the project's files and a place for diagnostics.

    Values have the types that the schema asks for, except where a structural error was reported
    already: a reader skips such a value silently.
    """

    def __init__(self, project: Project, report: Callable[[Diagnostic], None]) -> None:
        self.project = project
        self.report = report

    def error(
        self,
        code: str,
        message: str,
        span: Span,
        *,
        label: str = "",
        fixes: tuple[Fix, ...] = (),
        related: tuple[Related, ...] = (),
        severity: Severity = Severity.ERROR,
    ) -> None:
        self.report(Diagnostic(code, severity, message, span, label, fixes, related))

    def path(self, node: Node, want: Want = "any") -> str | None:
        """The path a value names, relative to the pipeline's directory, POSIX, normalised (`src`, `../lib`, `.`).

        `want` is file, dir or any. A miss, a path outside the root or the wrong kind is reported at
        the value, and None returned.
        """
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            return None
        found = self.project.locate(node.value, want)
        if isinstance(found, str):
            return found
        fixes = tuple(Fix(f"use '{near}'", (Edit(node.span, near),), safe=False) for near in found.near[:3])
        label = f"did you mean '{found.near[0]}'?" if found.near else ""
        self.error(found.code, found.message, node.span, label=label, fixes=fixes)
        return None


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of layer. `order` is its place in the fixed order of format.md 3.2."""

    keys: tuple[str, ...]
    order: int
    read: Callable[[Written, Reading], Layer | None]
