"""Completion: the schema's keys and values, the document's names, and what sources know, at an indentation
cursor.

Nothing here parses: it works in any half-typed document.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from lsprotocol import types as lsp

from imgc.document.cursor import Cursor, cursor_at
from imgc_lsp import convert, insertion
from imgc_lsp.features import candidates
from imgc_lsp.features.candidates import Candidate
from imgc_lsp.schema import Form, forms_at, general, mapping_forms, property_at
from imgc_lsp.snapshot import Snapshot
from imgc_lsp.sources import Sources

TRIGGERS = [" ", ":", "-", "/", "@", "{", ".", '"', "'", "["]
_OPEN_EXPRESSION = re.compile(r"\$\{\{[ \t]*([^}]*)\Z")
_MOST = 100


@dataclass(frozen=True, slots=True)
class Client:
    """What the client can do."""

    snippets: bool = False


def complete(snapshot: Snapshot, place: lsp.Position, sources: Sources, client: Client) -> lsp.CompletionList:
    line, column = convert.from_position(snapshot, place)
    cursor = cursor_at(snapshot.lines, line, column)
    before = snapshot.line(line)[:column]
    expression = _OPEN_EXPRESSION.search(before)
    builder = _Builder(snapshot, line, column, cursor, sources, client)
    if expression and cursor.where != "key":
        builder.expression(expression[1])
    elif cursor.where == "key":
        builder.keys(cursor.path)
    elif cursor.where in ("value", "either"):
        builder.at(cursor)
    return lsp.CompletionList(is_incomplete=builder.incomplete, items=builder.items())


def resolve(item: lsp.CompletionItem) -> lsp.CompletionItem:
    """Adds the documentation of a key, which is left out of lists."""
    data = item.data if isinstance(item.data, list) else None
    if data and item.documentation is None and all(isinstance(step, (str, int)) for step in data):
        schema = property_at(tuple(data))
        if schema is not None:
            from imgc_lsp.features.hover import key_documentation

            item.documentation = convert.markdown(key_documentation(schema))
    return item


class _Builder:
    def __init__(
        self, snapshot: Snapshot, line: int, column: int, cursor: Cursor, sources: Sources, client: Client
    ) -> None:
        self.snapshot = snapshot
        self.line = line
        self.column = column
        self.cursor = cursor
        self.sources = sources
        self.client = client
        self.incomplete = False
        self.prefix = ""
        self.found: dict[str, lsp.CompletionItem] = {}

    def items(self) -> list[lsp.CompletionItem]:
        if len(self.found) <= _MOST:
            return list(self.found.values())
        typed = self.cursor.text.lower()
        fitting = [item for item in self.found.values() if typed in (item.filter_text or item.label).lower()]
        self.incomplete = self.incomplete or len(fitting) > _MOST
        return sorted(
            fitting, key=lambda item: (not item.label.lower().startswith(typed), item.sort_text or "")
        )[:_MOST]

    def at(self, cursor: Cursor) -> None:
        """What may begin here: keys, values, or items of a list whose `- ` is not there yet."""
        path = general(cursor.path)
        if cursor.item:
            self.prefix = "- "
        elif cursor.where == "either" and not cursor.dash and not cursor.text:
            lists = [form for form in forms_at(path) if form.is_list]
            if lists and not cursor.present:
                self.prefix = "- "
                self.both((*cursor.path, 0))
                self.prefix = ""
        self.both(cursor.path)

    def both(self, path: tuple[str | int, ...]) -> None:
        if self.cursor.where == "either":
            self.keys(path)
            if self.cursor.present:
                return  # beside keys there can only be keys
        self.values(path)

    # Keys

    def keys(self, path: tuple[str | int, ...]) -> None:
        cursor = self.cursor
        present = set(cursor.present)
        column = cursor.column + len(self.prefix)
        place = insertion.Place(column, cursor.flow, self.client.snippets)
        where = general(path)
        for form in mapping_forms(path, cursor.present):
            barred = _barred(form, present)
            required = set(form.schema.get("required", ())) | _asked(form, present)
            for number, (key, schema) in enumerate(form.schema.get("properties", {}).items()):
                if key in present or key in barred:
                    continue
                text = key if cursor.colon else insertion.key_text(key, schema, place)
                rank = 0 if key in required else 1
                self.add(
                    Candidate(key, text, "required" if rank == 0 else "", lsp.CompletionItemKind.Property,
                    rank * 10),
                    number, snippet=not cursor.colon and self.client.snippets, data=[*where, key],
                )  # fmt: skip

    # Values

    def values(self, path: tuple[str | int, ...]) -> None:
        where = general(path)
        cursor = self.cursor
        for form in forms_at(where):
            if form.is_mapping or form.name == "expression":
                continue
            if form.is_list:
                if cursor.where == "value" and not self.prefix:
                    self.in_brackets((*path, 0))
                continue
            self.take(candidates.of_form(self.snapshot, form, path, cursor.text, self.sources))
        schema = property_at(where)
        if schema is not None and cursor.where == "value":
            self.take(candidates.examples(schema))

    def in_brackets(self, path: tuple[str | int, ...]) -> None:
        """Names for a list that has not begun: `needs: |` offers `[load]`."""
        for inner in forms_at(general(path)):
            if not inner.is_mapping and not inner.is_list:
                found = candidates.of_form(self.snapshot, inner, path, "", self.sources)
                brackets = [
                    replace(each, text=f"[{insertion.flow_safe(insertion.quoted(each.text))}]", raw=True)
                    for each in found.items[:20] if each.named
                ]  # fmt: skip
                self.take(candidates.Candidates(brackets, found.complete))

    def take(self, found: candidates.Candidates) -> None:
        self.incomplete = self.incomplete or not found.complete
        for number, candidate in enumerate(found.items):
            text = candidate.text
            if not candidate.raw:
                text = insertion.quoted(text, self.cursor.quote)
                text = insertion.flow_safe(text) if self.cursor.flow and not self.cursor.quote else text
            self.add(replace(candidate, text=text), number, snippet=False)

    def expression(self, typed: str) -> None:
        """Inside `${{`: parameters, matrix keys of the node and those above it, paths."""
        start = self.column - len(typed)
        line = self.snapshot.line(self.line)
        closed = re.match(r"[^{}]*\}\}", line[self.column :]) is not None
        word = re.match(r"[A-Za-z0-9_.-]*", line[self.column :])
        end = self.column + (word.end() if word else 0)
        self.cursor = replace(
            self.cursor, text=typed, start=start, end=end, quote="", item=False, column=self.cursor.column
        )
        for number, candidate in enumerate(candidates.expressions(self.snapshot, self.cursor.path, typed)):
            tail = "" if closed or candidate.text.endswith(("/", ".")) else " }}"
            self.add(replace(candidate, text=candidate.text + tail), number, snippet=False, snap=False)

    def add(
        self,
        candidate: Candidate,
        number: int,
        *,
        snippet: bool,
        data: list[str | int] | None = None,
        snap: bool = True,
    ) -> None:
        if candidate.label in self.found:
            return
        cursor = self.cursor
        start, text, filter_text = cursor.start, self.prefix + candidate.text, candidate.label
        if snap and not cursor.text and not cursor.flow and cursor.where == "either" and not cursor.dash:
            blank = self.snapshot.line(self.line)[: cursor.start]
            if cursor.column != cursor.start and not blank.strip():
                start, text, filter_text = 0, " " * cursor.column + text, blank + candidate.label
        edit = lsp.TextEdit(
            convert.range_of(self.snapshot, (self.line, start), (self.line, max(cursor.end, self.column))),
            text,
        )
        self.found[candidate.label] = lsp.CompletionItem(
            label=candidate.label,
            kind=candidate.kind,
            detail=candidate.detail or None,
            documentation=convert.markdown(candidate.doc) if candidate.doc else None,
            sort_text=f"{candidate.rank:02d}{number:04d}",
            filter_text=filter_text if filter_text != candidate.label else None,
            insert_text_format=lsp.InsertTextFormat.Snippet if snippet else lsp.InsertTextFormat.PlainText,
            insert_text_mode=lsp.InsertTextMode.AsIs if "\n" in text else None,
            text_edit=edit,
            data=data,
        )


def _barred(form: Form, present: Iterable[str]) -> set[str]:
    """Keys that cannot stand beside those that are there."""
    there = set(present)
    return {key for group in form.schema.get("x-exclusive", ()) if there & set(group) for key in group}


def _asked(form: Form, present: Iterable[str]) -> set[str]:
    """Keys that those that are there ask for."""
    needs = form.schema.get("x-needs", {})
    return {wanted for key in present for wanted in needs.get(key, ())}
