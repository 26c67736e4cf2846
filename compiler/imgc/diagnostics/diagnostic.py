"""The one type of all findings."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from imgc.diagnostics.span import Span
from imgc.records import dataclass


class Severity(IntEnum):
    """Errors stop a compile; warnings do so under --deny-warnings; hints never do."""

    ERROR = 1
    WARNING = 2
    HINT = 3

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Edit:
    """Replaces the text of a span."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """A set of edits that removes the finding. `safe`: it cannot change what a correct reader meant."""

    title: str
    edits: tuple[Edit, ...]
    safe: bool = True


@dataclass(frozen=True, slots=True)
class Related:
    """Another place that has to do with the finding: the other key of a conflict, a step of a cycle."""

    span: Span
    message: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `code` is stable and documented; `label` is the short help shown at the marked text."""

    code: str
    severity: Severity
    message: str
    span: Span
    label: str = ""
    fixes: tuple[Fix, ...] = ()
    related: tuple[Related, ...] = ()

    @property
    def text(self) -> str:
        """Message and label as one line."""
        return f"{self.message}; {self.label}" if self.label else self.message


GENERAL = "wrong-value"
"""What the schema says of any value that does not fit."""


def in_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Without repetitions, by file, line and column; at one place errors first.

    Where a rule says what is wrong with a value, the schema's "must be" says it once more, and is left out.
    """
    unique = {(d.span.file, d.span.start, d.severity, d.code, d.message): d for d in diagnostics}
    judged = {key[:2] for key in unique if key[2] == Severity.ERROR and key[3] != GENERAL}
    return [unique[key] for key in sorted(unique) if key[3] != GENERAL or key[:2] not in judged]
