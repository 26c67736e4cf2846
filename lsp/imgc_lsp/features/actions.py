"""Code actions: the fixes of diagnostics, all safe ones at once, and refactorings of images and nodes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from lsprotocol import types as lsp

from imgc.diagnostics import Diagnostic, Edit, Fix
from imgc_lsp import convert
from imgc_lsp.features import refactor
from imgc_lsp.snapshot import Snapshot

FIX_ALL = "source.fixAll.imgc"
KINDS = [
    lsp.CodeActionKind.QuickFix,
    lsp.CodeActionKind.RefactorRewrite,
    lsp.CodeActionKind.RefactorExtract,
    FIX_ALL,
]


LOCK = "imgc.lock"
OF_THE_LOCK = frozenset({"not-locked", "stale-lock"})
"""Findings whose remedy is `imgc lock`."""


def actions(
    snapshot: Snapshot, place: lsp.Range, wanted: Sequence[lsp.CodeActionKind | str] | None,
    commands: Collection[str] = (),
) -> list[lsp.CodeAction]:  # fmt: skip
    """The actions for a range; `wanted` narrows them to kinds, by their dotted prefixes. `commands` are those that
    the client says it has."""
    start, end = convert.from_position(snapshot, place.start), convert.from_position(snapshot, place.end)
    found: list[lsp.CodeAction] = []
    for diagnostic in snapshot.diagnostics:
        if convert.own(snapshot, diagnostic.span) and _touches(diagnostic, start, end):
            found += _fixes(snapshot, diagnostic)
            if diagnostic.code in OF_THE_LOCK and LOCK in commands:
                found.append(_lock(snapshot, diagnostic))
    every = [fix for _, fix in safe_fixes(snapshot.diagnostics)]
    if every:
        edits = convert.text_edits(snapshot, (edit for fix in every for edit in fix.edits))
        found.append(lsp.CodeAction(f"Fix all ({len(every)})", kind=FIX_ALL, edit=edits))
    for title, kind, changes in refactor.refactorings(snapshot, start, end):
        found.append(lsp.CodeAction(title, kind=kind, edit=convert.text_edits(snapshot, changes)))
    if not wanted:
        return found
    names = [getattr(kind, "value", kind) for kind in wanted]
    return [
        action
        for action in found
        if any(_is(str(getattr(action.kind, "value", action.kind)), name) for name in names)
    ]


def _is(kind: str, wanted: str) -> bool:
    return wanted == "" or kind == wanted or kind.startswith(f"{wanted}.")


def _touches(diagnostic: Diagnostic, start: tuple[int, int], end: tuple[int, int]) -> bool:
    return diagnostic.span.start <= end and start <= diagnostic.span.end


def _lock(snapshot: Snapshot, diagnostic: Diagnostic) -> lsp.CodeAction:
    title = "Run imgc lock"
    return lsp.CodeAction(
        title,
        kind=lsp.CodeActionKind.QuickFix,
        diagnostics=[convert.to_diagnostic(snapshot, diagnostic)],
        command=lsp.Command(title, LOCK, arguments=[snapshot.uri]),
    )


def _fixes(snapshot: Snapshot, diagnostic: Diagnostic) -> Iterator[lsp.CodeAction]:
    for number, fix in enumerate(diagnostic.fixes):
        if any(not convert.own(snapshot, edit.span) for edit in fix.edits):
            continue
        yield lsp.CodeAction(
            title=fix.title[:1].upper() + fix.title[1:],
            kind=lsp.CodeActionKind.QuickFix,
            diagnostics=[convert.to_diagnostic(snapshot, diagnostic)],
            is_preferred=True if number == 0 and fix.safe else None,
            edit=convert.text_edits(snapshot, fix.edits),
        )


def safe_fixes(diagnostics: Iterable[Diagnostic]) -> list[tuple[Diagnostic, Fix]]:
    """The first safe fix of each diagnostic, without those that touch the text of an earlier one."""
    taken: list[Edit] = []
    found: list[tuple[Diagnostic, Fix]] = []
    for diagnostic in diagnostics:
        fix = next((fix for fix in diagnostic.fixes if fix.safe), None)
        if fix is None or any(_overlap(edit, other) for edit in fix.edits for other in taken):
            continue
        taken += fix.edits
        found.append((diagnostic, fix))
    return found


def _overlap(first: Edit, second: Edit) -> bool:
    return first.span.start <= second.span.end and second.span.start <= first.span.end
