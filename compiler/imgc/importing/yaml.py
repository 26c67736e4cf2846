"""YAML and JSON sources: their documents, and reading mappings so that no key is passed over."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from collections.abc import Mapping as Names
from typing import Any, cast

from imgc.diagnostics import Diagnostic, Origin, Span
from imgc.document.nodes import Entry, Mapping, Node, Scalar, Sequence, plain
from imgc.document.parse import Anchors, Broken, parse
from imgc.document.text import has_foreign_breaks, hide_breaks, show_breaks
from imgc.importing.draft import Block, Draft, Given
from imgc.importing.source import Source, SourceError
from imgc.importing.writer import render

_PAIR = re.compile(r"\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})", re.IGNORECASE)
_HALF = re.compile(r"\\ud[89a-f][0-9a-f]{2}", re.IGNORECASE)
NO_KEY = "the format has no key for it"


def documents(source: Source, system: str) -> list[Mapping]:
    """The mappings of a file of one document or many, YAML or JSON. SourceError for what is not well formed."""
    found: list[Mapping] = []
    for text, line in _pieces(source):
        origin = Origin(source.file, line)
        foreign = has_foreign_breaks(text)
        try:
            parsed = parse(
                hide_breaks(text) if foreign else text, origin, Anchors(), show_breaks if foreign else None
            )
        except Broken as error:
            raise _refused(error.diagnostic, source) from None
        if (wrong := next(iter(parsed.diagnostics), None)) is not None:
            raise _refused(wrong, source)
        if isinstance(parsed.node, Mapping):
            found.append(parsed.node)
        elif parsed.node is not None and not (isinstance(parsed.node, Scalar) and parsed.node.value is None):
            raise SourceError(parsed.node.span, f"this is nothing of {system}: it begins with a mapping")
    if not found:
        raise SourceError(source.start, f"this is nothing of {system}: the file is empty")
    return found


def _refused(diagnostic: Diagnostic, source: Source) -> SourceError:
    span = diagnostic.span
    if span.start[0] >= len(source.lines):
        span = source.span(len(source.lines))
    return SourceError(span, diagnostic.message, diagnostic.code)


def _pieces(source: Source) -> Iterator[tuple[str, int]]:
    """The text of each document, and the 0-based line where it begins."""
    if source.text.lstrip().startswith("{") and (pieces := _json_pieces(source.text)):
        yield from pieces
        return
    begin, lines = 0, list(source.lines)
    for number, line in enumerate(source.lines):
        if line.startswith("%"):
            lines[number] = ""
        if re.match(r"(---|\.\.\.)(\s|\Z)", line):
            yield "\n".join(lines[begin:number]) + "\n", begin
            begin, lines[number] = number, "   " + line[3:]
    yield "\n".join(lines[begin:]) + "\n", begin


def _json_pieces(text: str) -> list[tuple[str, int]]:
    """The objects of a JSON file, one behind the other; nothing where it is no such file."""
    pieces: list[tuple[str, int]] = []
    position = 0
    while begin := re.compile(r"\s*(\S)").match(text, position):
        start = begin.start(1)
        try:
            _, position = json.JSONDecoder().raw_decode(text, start)
        except (ValueError, RecursionError):
            return []
        column = start - (text.rfind("\n", 0, start) + 1)
        piece = _PAIR.sub(_joined, text[start:position])
        # A tab in JSON stands between values only; YAML does not take it at the beginning of a line.
        piece = " " * column + _HALF.sub("\ufffd", piece).replace("\t", " ").replace("\r\n", "\n").replace(
            "\r", " "
        )
        pieces.append((piece, text.count("\n", 0, start)))
    return pieces


def _joined(found: re.Match[str]) -> str:
    return bytes.fromhex(found[1] + found[2]).decode("utf-16-be")


def given(node: Node) -> Given:
    """A node as a value for a draft."""
    return cast(Given, plain(node))


class Fields:
    """A mapping of the source, whose keys are taken one by one; `done` says which are left.

    `block` is where comments about its keys go, `label` what stands before their names, `reasons` why some
    have no counterpart.
    """

    def __init__(
        self, draft: Draft, node: Node, block: Block, reasons: Names[str, str] | None = None, label: str = ""
    ) -> None:
        self.draft = draft
        self.block = block
        self.reasons = reasons or {}
        self.label = label
        self._left = {entry.name: entry for entry in node} if isinstance(node, Mapping) else {}
        self._all = dict(self._left)

    def __contains__(self, key: str) -> bool:
        return key in self._all

    def at(self, key: str) -> Span:
        return self._all[key].key.span

    def peek(self, key: str) -> Node | None:
        """A value, which stays to be taken."""
        entry = self._left.get(key)
        return None if entry is None else entry.value

    def node(self, key: str) -> Node | None:
        """A value of any form; None where there is none."""
        entry = self._left.get(key)
        if entry is None or (isinstance(entry.value, Scalar) and entry.value.value is None):
            self._left.pop(key, None)
            return None
        return self._left.pop(key).value

    def scalar(self, key: str) -> Scalar | None:
        entry = self._left.get(key)
        return cast(Scalar, self.node(key)) if entry is not None and isinstance(entry.value, Scalar) else None

    def text(self, key: str) -> str | None:
        """A value as it is written."""
        found = self.scalar(key)
        return None if found is None else found.text

    def number(self, key: str) -> int | float | None:
        entry = self._left.get(key)
        if entry is None or not isinstance(entry.value, Scalar):
            return None
        value = entry.value.value
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        del self._left[key]
        return value

    def flag(self, key: str) -> bool | None:
        entry = self._left.get(key)
        if entry is None or not isinstance(entry.value, Scalar) or not isinstance(entry.value.value, bool):
            return None
        del self._left[key]
        return entry.value.value

    def scalars(self, key: str) -> list[Scalar] | None:
        """The items of a list of plain values, or a plain value alone."""
        entry = self._left.get(key)
        if entry is None:
            return None
        items = entry.value.items if isinstance(entry.value, Sequence) else (entry.value,)
        if not all(isinstance(item, Scalar) and item.value is not None for item in items):
            return None
        del self._left[key]
        return cast(list[Scalar], list(items))

    def inner(self, key: str, block: Block | None = None) -> Fields | None:
        """A mapping in this one."""
        entry = self._left.get(key)
        if entry is None or not isinstance(entry.value, Mapping):
            return None
        del self._left[key]
        return Fields(self.draft, entry.value, block or self.block, self.reasons, f"{self.label}{key}.")

    def lost(self, key: str, why: str = "") -> None:
        """Says that a key is not carried over, with its value as a comment."""
        entry = self._all[key]
        self._left.pop(key, None)
        lost(self.draft, self.block, self.label, entry, why or self._reason(key))

    def done(self) -> None:
        for key in list(self._left):
            self.lost(key)

    def names(self) -> list[str]:
        return list(self._all)

    def _reason(self, key: str) -> str:
        known = self.reasons.get(self.label + key) or self.reasons.get(key)
        if known is None and key.startswith("x-"):
            return "an extension, which is the writer's own"
        return known or NO_KEY


def lost(draft: Draft, block: Block, label: str, entry: Entry, why: str) -> None:
    """Says that an entry of the source is not carried over, with its text as a comment."""
    shown = Block()
    shown.set(f"{label}{entry.name}", given(entry.value), entry.key.span)
    block.remark(f"not carried over: {why}\n{render(shown).text.strip(chr(10))}")
    draft.warn(f"'{label}{entry.name}' is not carried over: {why}", entry.key.span)


def lost_item(draft: Draft, block: Block, what: str, node: Node, why: str) -> None:
    """The same of an item of a list."""
    shown = Block()
    shown.set(what, given(node))
    block.remark(f"not carried over: {why}\n{render(shown).text.strip(chr(10))}")
    draft.warn(f"{what} is not carried over: {why}", node.span)


def as_text(value: Any) -> str:
    """A plain value as it is written in YAML."""
    return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)
