"""Values as YAML text, for fixes: what is written reads back as the same value."""

from __future__ import annotations

from imgc.diagnostics import Edit, Origin, Span
from imgc.document.expressions import place
from imgc.document.nodes import Mapping, Scalar, Sequence
from imgc.document.parse import Anchors, Broken, parse


def reads_as(text: str, value: str, flow: bool) -> bool:
    """Whether a plain scalar of this text, as an item of a list, is this value."""
    try:
        node = parse(f"[{text}]" if flow else f"- {text}", Origin(""), Anchors()).node
    except Broken:
        return False
    if not isinstance(node, Sequence) or len(node.items) != 1:
        return False
    item = node.items[0]
    return isinstance(item, Scalar) and item.style == "" and item.value == value


def replaced(scalar: Scalar, start: int, end: int, text: str, flow: bool) -> Edit | None:
    """The edit that puts `text` in place of a part of a scalar's value; None where escapes, folding or an
    anchor hide where the part stands. A plain scalar that would become something else is put in quotes."""
    span = _place(scalar, start, end)
    if span is None:
        return None
    value = scalar.text[:start] + text + scalar.text[end:]
    if scalar.style == "" and not reads_as(value, value, flow):
        return Edit(scalar.span, "'" + value.replace("'", "''") + "'")
    if scalar.style == "'":
        text = text.replace("'", "''")
    elif scalar.style == '"':
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return Edit(span, text)


def _place(scalar: Scalar, start: int, end: int) -> Span | None:
    """The place of a part of a scalar's value, also behind quotes that are doubled in single ones."""
    text, span = scalar.text, scalar.span
    width = len(text) + 2 + text.count("'")
    if scalar.style == "'" and span.line == span.end_line and span.end_column - span.column == width:
        return span.cut(*(offset + 1 + text.count("'", 0, offset) for offset in (start, end)))
    found = place(scalar, start, end)
    return found if found is not span else None


def beside(siblings: Mapping | None, key: Span, value: Span, line: str) -> Edit | None:
    """The edit that adds `line` (`name: value`) behind an entry of a mapping, on a line of its own or behind
    a comma. None where the entry is not written there (an alias, a merge key)."""
    if siblings is None or value.origin is not key.origin or value.start < key.end:
        return None
    if not siblings.span.start <= key.start < max(siblings.span.end, key.end):
        return None
    behind = Span(value.origin, value.end_line, value.end_column, value.end_line, value.end_column)
    return Edit(behind, f", {line}" if siblings.flow else f"\n{' ' * key.column}{line}")
