"""Semantic tokens: names where they are made and where they are used, by what they name."""

from __future__ import annotations

from lsprotocol import types as lsp

from imgc_lsp import convert
from imgc_lsp.occurrences import occurrences
from imgc_lsp.snapshot import Snapshot

_TYPE_OF = {
    "image-name": "class",
    "node": "function",
    "param": "parameter",
    "matrix": "parameter",
    "secret": "variable",
    "bundle": "namespace",
    "repo": "variable",
    "ref": "interface",
}
LEGEND = lsp.SemanticTokensLegend(
    token_types=sorted(set(_TYPE_OF.values())), token_modifiers=["declaration", "readonly"]
)


def tokens(snapshot: Snapshot, only: lsp.Range | None = None) -> lsp.SemanticTokens:
    """The tokens of a document, or of a part of it, as the protocol packs them."""
    places: list[tuple[int, int, int, int, int]] = []
    for each in occurrences(snapshot):
        span = convert.to_range(snapshot, each.span)
        if span.start.line != span.end.line:
            continue
        if only is not None and not (only.start.line <= span.start.line <= only.end.line):
            continue
        kind = LEGEND.token_types.index(_TYPE_OF[each.kind])
        length = span.end.character - span.start.character
        modifiers = 1 if each.declares else 2 if each.kind in ("param", "matrix") else 0
        places.append((span.start.line, span.start.character, length, kind, modifiers))
    data: list[int] = []
    line = column = 0
    end = (-1, -1)
    for number, start, length, kind, modifiers in sorted(set(places)):
        if (number, start) < end or length <= 0:
            continue
        data += [number - line, start - (column if number == line else 0), length, kind, modifiers]
        line, column, end = number, start, (number, start + length)
    return lsp.SemanticTokens(data)
