"""What a `lazy` node has printed, put into its place in the tree."""

from __future__ import annotations

from collections.abc import Callable

from imgc.diagnostics import Diagnostic, Severity
from imgc.document.nodes import Entry, Mapping, Scalar
from imgc.model.pipeline import entries
from imgc.model.tree import TreeNode, read_tree
from imgc.records import replace
from imgc.resolve.settings import INHERITED

OF_PLACE = ("when", "needs", "skip")
"""Settings of the lazy node that are about what is around it: only it can have them."""
KEPT = (*INHERITED, *OF_PLACE, "suppress_errors", "container_reuse", "title", "doc", "tags")
"""Those that hold for what it prints too; the others are its command's."""


def graft(lazy: TreeNode, root: Mapping, report: Callable[[Diagnostic], None]) -> TreeNode:
    """The lazy node as the group that it has printed; a printed node that is no group becomes its only child."""
    printed = read_tree(Entry(Scalar(lazy.name, lazy.name, root.span), root))
    kept = {entry.name: entry for entry in lazy.settings.entries if entry.name in KEPT}
    if printed.kind not in ("serial", "parallel") or printed.entry("matrix"):
        name = printed.kind or "build"
        child = read_tree(Entry(Scalar(name, name, root.span), root))
        settings = Mapping(tuple(kept.values()), lazy.settings.span)
        return replace(lazy, kind="serial", settings=settings, children=(child,))
    for key in OF_PLACE:
        if entry := printed.entry(key):
            message = f"'{key}' belongs to the lazy node '{lazy.name}', not to what it prints"
            report(Diagnostic("misplaced-key", Severity.ERROR, message, entry.key.span))
    own = {entry.name: _merged(kept.get(entry.name), entry) for entry in printed.settings.entries}
    settings = Mapping(tuple((kept | own).values()), lazy.settings.span)
    return replace(lazy, kind=printed.kind, settings=settings, children=printed.children)


def _merged(around: Entry | None, entry: Entry) -> Entry:
    """`env` adds to that of the lazy node; everything else replaces it."""
    if entry.name != "env" or around is None or not isinstance(entry.value, Mapping):
        return entry
    names = {own.name for own in entry.value.entries}
    kept = tuple(other for other in entries(around.value) if other.name not in names)
    return Entry(entry.key, Mapping((*kept, *entry.value.entries), entry.value.span))
