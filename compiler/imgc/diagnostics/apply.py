"""Fixes applied to a text. Everything but the edited ranges stays as it is: comments, layout, line ends."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from imgc.diagnostics.diagnostic import Diagnostic, Edit, Fix, Severity
from imgc.records import dataclass

_LINE_END = re.compile(r"\r\n|\n|\r")
_ROUNDS = 20
"""A fix can bring to light what the next one fixes; more rounds than this would be a loop."""

Find = Callable[[str], Sequence[Diagnostic]]


@dataclass(frozen=True, slots=True)
class Fixed:
    """A text with its fixes applied, and the titles of these."""

    text: str
    titles: tuple[str, ...]


def fix_all(text: str, find: Find) -> Fixed:
    """Applies safe fixes until none is left. `find` gives the diagnostics of a text.

    A fix that would break the syntax of the file, or give a mapping a key twice, is left out.
    """
    titles: list[str] = []
    refused: set[tuple[str, str]] = set()
    for _ in range(_ROUNDS):
        found = find(text)
        fixes = [fix for fix in safe_fixes(found, text) if _identity(fix, text) not in refused]
        if not fixes:
            break
        broken = _broken(found)
        changed, applied = apply(text, fixes)
        if _broken(find(changed)) > broken:
            changed, applied = _one_by_one(text, fixes, broken, find, refused)
        text = changed
        titles += [fix.title for fix in applied]
    return Fixed(text, tuple(titles))


def safe_fixes(diagnostics: Iterable[Diagnostic], text: str) -> list[Fix]:
    """The fix of each diagnostic that has exactly one safe one: of several, a person has to choose.

    Fixes that would write over an expression `${{ … }}` are left out: what is wrong is the value behind it.
    """
    found = []
    offsets = _Offsets(text)
    for diagnostic in diagnostics:
        safe = [fix for fix in diagnostic.fixes if fix.safe and fix.edits]
        if len(safe) == 1 and not any("${{" in text[slice(*offsets.of(edit))] for edit in safe[0].edits):
            found.append(safe[0])
    return found


def apply(text: str, fixes: Iterable[Fix]) -> tuple[str, list[Fix]]:
    """The text with the fixes, and those that were applied: of two that touch each other, the first alone."""
    offsets = _Offsets(text)
    taken: list[tuple[int, int, str]] = []
    applied = []
    for fix in fixes:
        edits = [(*offsets.of(edit), edit.text) for edit in fix.edits]
        if all(edit in taken for edit in edits):
            continue  # the same finding at another use of an anchor
        if any(_touch(edit, other) for edit in edits for other in taken):
            continue
        taken += edits
        applied.append(fix)
    for start, end, written in sorted(taken, reverse=True):
        text = text[:start] + written + text[end:]
    return text, applied


def _one_by_one(
    text: str, fixes: Sequence[Fix], broken: int, find: Find, refused: set[tuple[str, str]]
) -> tuple[str, list[Fix]]:
    """The first fix that breaks nothing; the places of the others have to be found again after it."""
    for fix in fixes:
        changed, applied = apply(text, [fix])
        if _broken(find(changed)) <= broken:
            return changed, applied
        refused.add(_identity(fix, text))
    return text, []


def _identity(fix: Fix, text: str) -> tuple[str, str]:
    """What stays the same of a fix while lines above it move."""
    lines = _LINE_END.split(text)
    number = fix.edits[0].span.start[0]
    return fix.title, lines[number] if number < len(lines) else ""


def _broken(diagnostics: Iterable[Diagnostic]) -> int:
    return sum(
        diagnostic.severity is Severity.ERROR
        and (diagnostic.code.startswith("yaml-") or diagnostic.code in ("duplicate-key", "conflicting-keys"))
        for diagnostic in diagnostics
    )


def _touch(first: tuple[int, int, str], second: tuple[int, int, str]) -> bool:
    return first[0] <= second[1] and second[0] <= first[1]


class _Offsets:
    """From lines and columns to offsets in the text. A byte order mark is no column."""

    def __init__(self, text: str) -> None:
        first = 1 if text.startswith("\ufeff") else 0
        self.starts = [first, *(match.end() for match in _LINE_END.finditer(text))]
        self.length = len(text)

    def of(self, edit: Edit) -> tuple[int, int]:
        return self.at(edit.span.start), self.at(edit.span.end)

    def at(self, place: tuple[int, int]) -> int:
        line, column = place
        return min(self.starts[line] + column, self.length) if line < len(self.starts) else self.length
