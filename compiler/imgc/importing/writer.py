"""Drafts as YAML text: what is written reads back as the same values, in YAML 1.1 and 1.2."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator

from imgc.diagnostics.render import printable
from imgc.document.scalars import resolve
from imgc.document.text import is_plain, without_unprintable
from imgc.importing.draft import Block, Entry, Plain, Remark
from imgc.records import dataclass

_WIDTH = 100
_PLAIN = re.compile(
    r"(?!\.\.\.(?: |\Z))(?:[A-Za-z0-9_./]|--?[A-Za-z])(?:[A-Za-z0-9_./@+=-]|:(?=[A-Za-z0-9_./@+=-])| (?=[A-Za-z0-9_./@+=-]))*\Z"
)
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
_OLD_NUMBER = re.compile(r"(?=[^0-9]*[0-9])[-+.0-9][0-9._:eE+-]*\Z|0[xob][0-9a-fA-F_]+\Z")
"""What YAML 1.1 takes for a number or a date beside what YAML 1.2 does: `1_000`, `1:30`, `2026-01-01`."""
_ESCAPED = re.compile("[\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def quoted(text: str) -> str:
    """Text as a YAML value or key on one line, in a list too."""
    if (
        _PLAIN.match(text)
        and text.lower() not in _WORDS
        and resolve(text) == text
        and not _OLD_NUMBER.match(text)
    ):
        return text
    # Half of a surrogate pair, which JSON and Python can write, is no text in YAML.
    written = json.dumps(_SURROGATE.sub("\ufffd", text), ensure_ascii=False)
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", written)


def scalar(value: Plain) -> str:
    """A value on one line."""
    if isinstance(value, str):
        return quoted(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = repr(value)
    return {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}.get(text, text)


@dataclass(slots=True, eq=False)
class Written:
    """Where an entry of a draft stands: its first and last line, 0-based, and what it is in."""

    first: int
    last: int
    parent: Block
    entry: Entry
    above: Written | None


@dataclass(frozen=True, slots=True)
class Rendered:
    text: str
    written: tuple[Written, ...]

    def at(self, line: int) -> Written | None:
        """The innermost entry that a line belongs to."""
        number = bisect_right(self.written, line, key=lambda one: one.first) - 1
        place = self.written[number] if number >= 0 else None
        while place is not None and line > place.last:
            place = place.above
        return place


def render(block: Block) -> Rendered:
    writer = _Writer()
    writer.block(block, 0, None)
    return Rendered("\n".join([*writer.lines, ""]), tuple(writer.written))


def is_empty(value: Plain | Block) -> bool:
    """Whether nothing but comments would be written."""
    return isinstance(value, Block) and not value.inline and all(is_empty(one.value) for one in value.entries)


def comment(text: str) -> Iterator[str]:
    """Lines of a comment, without what would end it."""
    for line in re.split(r"\r\n|\n|\r", text):
        yield f"# {without_unprintable(printable(line))}".rstrip()


class _Writer:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.written: list[Written] = []

    def block(self, block: Block, indent: int, above: Written | None) -> None:
        for item in block.items:
            if isinstance(item, Remark):
                self._remark(item.text, indent)
            elif item.left_out:
                inner = _Writer()
                inner.block(
                    Block(block.is_list, items=[Entry(item.key, item.value, note=item.note)]), 0, None
                )
                self._remark("\n".join([f"left out: {item.left_out}", *filter(None, inner.lines)]), indent)
            elif isinstance(item.value, Block) and is_empty(item.value):
                self._remarks(item.value, indent)
            else:
                if indent == 0 and isinstance(item.value, Block) and not item.value.inline:
                    self.lines.append("")
                place = Written(len(self.lines), 0, block, item, above)
                self.written.append(place)
                self._entry(place, indent)
                place.last = len(self.lines) - 1

    def _remark(self, text: str, indent: int) -> None:
        self.lines += [" " * indent + line for line in comment(text)]

    def _remarks(self, block: Block, indent: int) -> None:
        """The comments of a block that has nothing else."""
        for item in block.items:
            if isinstance(item, Remark) or item.left_out or not isinstance(item.value, Block):
                self.block(Block(block.is_list, items=[item]), indent, None)
            else:
                self._remarks(item.value, indent)

    def _entry(self, place: Written, indent: int) -> None:
        entry, value = place.entry, place.entry.value
        lead = " " * indent + ("-" if place.parent.is_list else f"{quoted(entry.key)}:")
        note = f"  {next(comment(' '.join(entry.note.split())))}" if entry.note else ""
        if not isinstance(value, Block):
            if isinstance(value, str) and (head := _literal(value)):
                self.lines.append(f"{lead} {head}{note}")
                self.lines += [" " * (indent + 2) + line if line else "" for line in _body(value)]
            else:
                self.lines.append(f"{lead} {scalar(value)}{note}")
        elif (text := _flow(value)) is not None and (len(lead) + len(text) < _WIDTH or not value.items):
            self.lines.append(f"{lead} {text}{note}")
        else:
            first = value.items[0]
            start = len(self.lines)
            joins = place.parent.is_list and not value.is_list and not note and _is_written(first)
            if not joins:
                self.lines.append(lead + note)
            self.block(value, indent + 2, place)
            if joins:
                self.lines[start] = f"{lead} {self.lines[start][indent + 2 :]}"


def _is_written(item: Entry | Remark) -> bool:
    return isinstance(item, Entry) and not item.left_out and not is_empty(item.value)


def _flow(value: Plain | Block) -> str | None:
    """A value on one line, None where it needs more."""
    if not isinstance(value, Block):
        return scalar(value)
    if not value.inline:
        return None
    parts = []
    for item in value.items:
        if isinstance(item, Remark) or item.left_out or item.note or (text := _flow(item.value)) is None:
            return None
        if isinstance(item.value, str) and _literal(item.value):
            return None
        parts.append(text if value.is_list else f"{quoted(item.key)}: {text}")
    return f"[{', '.join(parts)}]" if value.is_list else f"{{{', '.join(parts)}}}"


def _literal(text: str) -> str:
    """How a text of several lines begins where it can be written line by line; "" where it cannot."""
    lines = text.split("\n")
    if len(lines) < 2 or not is_plain(text) or "\r" in text or not lines[0] or lines[0][0] in " \t":
        return ""
    if any(line != line.rstrip(" \t") for line in lines) or text.endswith("\n\n"):
        return ""
    return "|" if text.endswith("\n") else "|-"


def _body(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n")
