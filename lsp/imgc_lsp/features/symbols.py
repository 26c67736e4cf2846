"""Document and workspace symbols, folding and selection ranges."""

from __future__ import annotations

from collections.abc import Iterable

from lsprotocol import types as lsp

from imgc.document.document import node_at
from imgc.document.lines import blank, indent
from imgc.document.nodes import Entry, Mapping, Node
from imgc.model.pipeline import entries
from imgc.model.pipeline import text as text_of
from imgc.model.tree import TreeNode
from imgc_lsp import convert
from imgc_lsp.snapshot import SECTIONS, Snapshot

_KINDS = {
    "params": lsp.SymbolKind.Constant,
    "secrets": lsp.SymbolKind.Key,
    "image_refs": lsp.SymbolKind.Interface,
    "bundles": lsp.SymbolKind.Package,
    "repos": lsp.SymbolKind.Object,
    "images": lsp.SymbolKind.Class,
}
_DEEPEST = 90


def document_symbols(snapshot: Snapshot) -> list[lsp.DocumentSymbol]:
    found = []
    for entry in snapshot.root.entries:
        if entry.name == "pipeline" and snapshot.names.tree is not None:
            found.append(_node(snapshot, snapshot.names.tree, entry.name, 0))
            continue
        kind = _KINDS.get(entry.name)
        children = (
            [_entry(snapshot, child, kind) for child in entries(entry.value)] if kind is not None else []
        )
        found.append(
            _entry(snapshot, entry, lsp.SymbolKind.Namespace if kind else lsp.SymbolKind.Property, children)
        )
    return found


def workspace_symbols(snapshots: Iterable[Snapshot], query: str) -> list[lsp.WorkspaceSymbol]:
    """Names whose letters contain the query's in order."""
    found: list[lsp.WorkspaceSymbol] = []
    for snapshot in snapshots:
        file = snapshot.path.name
        for section in SECTIONS:
            for name, key in snapshot.names.of(section).items():
                if _fits(name, query):
                    location = convert.to_location(snapshot, key.span)
                    found.append(
                        lsp.WorkspaceSymbol(
                            location, name, _KINDS[section], container_name=f"{file}: {section}"
                        )
                    )
        for path, node in snapshot.nodes.items():
            if path and _fits(path, query):
                location = convert.to_location(snapshot, node.span)
                found.append(
                    lsp.WorkspaceSymbol(location, path, lsp.SymbolKind.Function, container_name=file)
                )
    return found[:500]


def _fits(name: str, query: str) -> bool:
    letters = iter(name.lower())
    return all(letter in letters for letter in query.lower())


def _entry(
    snapshot: Snapshot,
    entry: Entry,
    kind: lsp.SymbolKind | None,
    children: list[lsp.DocumentSymbol] | None = None,
) -> lsp.DocumentSymbol:
    return _symbol(
        snapshot,
        entry.name,
        kind or lsp.SymbolKind.Property,
        entry.key.span,
        entry.value,
        _detail(entry.value),
        children,
    )


def _symbol(
    snapshot: Snapshot, name: str, kind: lsp.SymbolKind, key: object, value: Node, detail: str,
    children: list[lsp.DocumentSymbol] | None = None,
) -> lsp.DocumentSymbol:  # fmt: skip
    from imgc.diagnostics import Span

    assert isinstance(key, Span)
    end = max(key.end, value.span.end) if value.span.start >= key.start else key.end
    return lsp.DocumentSymbol(
        name=name or "''",
        kind=kind,
        range=convert.range_of(snapshot, key.start, end),
        selection_range=convert.to_range(snapshot, key),
        detail=detail or None,
        children=children or None,
    )


def _node(snapshot: Snapshot, node: TreeNode, name: str, depth: int) -> lsp.DocumentSymbol:
    children = (
        [_node(snapshot, child, child.name, depth + 1) for child in node.children] if depth < _DEEPEST else []
    )
    kind = lsp.SymbolKind.Module if node.kind in ("serial", "parallel") else lsp.SymbolKind.Function
    detail = " ".join(part for part in (node.kind, text_of(node.get("image"))) if part)
    return _symbol(snapshot, name, kind, node.span, node.value, detail, children)


def _detail(node: Node) -> str:
    if isinstance(node, Mapping):
        for key in ("base", "extends", "dockerfile", "uv_script", "ref", "path", "env", "file"):
            if found := text_of(node.get(key)):
                return found
        return ""
    return text_of(node)[:60]


# Folding and selection


def folding(snapshot: Snapshot) -> list[lsp.FoldingRange]:
    """Blocks by indentation, and runs of comments: right in broken documents too."""
    found: list[lsp.FoldingRange] = []
    stack: list[tuple[int, int]] = []
    last = 0
    for number, line in enumerate([*snapshot.lines, "end"]):
        if blank(line) and number < len(snapshot.lines):
            continue
        depth = indent(line)
        while stack and (stack[-1][0] > depth or (stack[-1][0] == depth)):
            _, start = stack.pop()
            if last > start:
                found.append(lsp.FoldingRange(start, last))
        stack.append((depth, number))
        last = number
    return sorted([*found, *_comments(snapshot)], key=lambda fold: fold.start_line)


def _comments(snapshot: Snapshot) -> Iterable[lsp.FoldingRange]:
    start: int | None = None
    for number, line in enumerate([*snapshot.lines, ""]):
        if line.lstrip(" \t").startswith("#"):
            start = number if start is None else start
        elif start is not None:
            if number - start > 1:
                yield lsp.FoldingRange(start, number - 1, kind=lsp.FoldingRangeKind.Comment)
            start = None


def selection(snapshot: Snapshot, places: Iterable[lsp.Position]) -> list[lsp.SelectionRange]:
    return [_selection(snapshot, place) for place in places]


def _selection(snapshot: Snapshot, place: lsp.Position) -> lsp.SelectionRange:
    position = convert.from_position(snapshot, place)
    last = max(len(snapshot.lines) - 1, 0)
    spans: list[tuple[tuple[int, int], tuple[int, int]]] = [((0, 0), (last, len(snapshot.line(last))))]
    for node in node_at(snapshot.root, *position):
        spans.append((node.span.start, node.span.end))
        if isinstance(node, Mapping):
            for entry in node.entries:
                end = max(entry.key.span.end, entry.value.span.end)
                if entry.key.span.start <= position <= end:
                    spans.append((entry.key.span.start, end))
                    if position <= entry.key.span.end:
                        spans.append((entry.key.span.start, entry.key.span.end))
    chain: lsp.SelectionRange | None = None
    before: tuple[tuple[int, int], tuple[int, int]] | None = None
    for span in spans:
        if before is not None and not (before[0] <= span[0] and span[1] <= before[1] and span != before):
            continue
        chain, before = lsp.SelectionRange(convert.range_of(snapshot, *span), chain), span
    assert chain is not None
    return chain
