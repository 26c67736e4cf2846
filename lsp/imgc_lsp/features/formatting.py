"""Formatting, on the text: indentation by two, no blanks at line ends, no runs of empty lines, one line
end at the end.

Comments, quotes, flow style and the order of keys stay as they are. The result is parsed and held against
the document before it is given out: what would change a value is not done.
"""

from __future__ import annotations

from collections.abc import Sequence

from lsprotocol import types as lsp

from imgc.document.document import load
from imgc.document.lines import BLOCK_SCALAR, PROPERTIES, blank, indent, marks
from imgc.document.nodes import plain
from imgc_lsp import convert
from imgc_lsp.snapshot import Snapshot

_STEP = 2


def format_document(snapshot: Snapshot) -> list[lsp.TextEdit]:
    return _edits(snapshot, formatted(snapshot.lines), 0, len(snapshot.lines))


def format_range(snapshot: Snapshot, place: lsp.Range) -> list[lsp.TextEdit]:
    """Only the lines of a range change, as they would if all were formatted; empty lines stay."""
    new = formatted(snapshot.lines, keep_lines=True)
    first, last = place.start.line, place.end.line + (1 if place.end.character else 0)
    lines = [*snapshot.lines[:first], *new[first:last], *snapshot.lines[last:]]
    return _edits(snapshot, lines if _same(snapshot.lines, lines) else list(snapshot.lines), first, last)


def format_on_newline(snapshot: Snapshot, place: lsp.Position) -> list[lsp.TextEdit]:
    """The indentation of a line that has just begun: below a `key:` without a value, one step deeper."""
    line, _ = convert.from_position(snapshot, place)
    if snapshot.line(line).strip() or line == 0:
        return []
    above = snapshot.line(line - 1)
    found, _ = marks(above)
    if not found or found[-1].key is None or above[found[-1].value :].split("#")[0].strip():
        return []
    column = found[-1].column + _STEP
    if len(snapshot.line(line)) == column:
        return []
    whole = convert.range_of(snapshot, (line, 0), (line, len(snapshot.line(line))))
    return [lsp.TextEdit(whole, " " * column)]


def _edits(snapshot: Snapshot, new: Sequence[str], first: int, last: int) -> list[lsp.TextEdit]:
    """One edit for the lines that differ, so that cursors and folds elsewhere stay."""
    old = snapshot.lines
    if list(old) == list(new):
        return []
    begin = first
    while begin < min(len(old), len(new), last) and old[begin] == new[begin]:
        begin += 1
    end_old, end_new = len(old), len(new)
    while end_old > begin and end_new > begin and old[end_old - 1] == new[end_new - 1]:
        end_old, end_new = end_old - 1, end_new - 1
    if end_old == len(old) or end_new == len(new):
        before = "\n" if begin and begin == len(old) else ""
        whole = convert.range_of(snapshot, (begin, 0), (len(old), 0))
        return [lsp.TextEdit(whole, before + "\n".join(new[begin:]))]
    text = "".join(f"{line}\n" for line in new[begin:end_new])
    return [lsp.TextEdit(convert.range_of(snapshot, (begin, 0), (end_old, 0)), text)]


def formatted(lines: Sequence[str], *, keep_lines: bool = False) -> list[str]:
    """The lines of a formatted document: fully where that keeps every value, else with less done."""
    for indented in (True, False):
        new = _reindented(lines) if indented else list(lines)
        new = _cleaned(new, keep_lines)
        if _same(lines, new):
            return new
    return list(lines)


def _same(old: Sequence[str], new: Sequence[str]) -> bool:
    """Whether two texts hold the same data, with the same comments."""
    if list(old) == list(new):
        return True
    first, second = load("a", "\n".join(old)), load("a", "\n".join(new))
    if first.diagnostics or second.diagnostics:
        return [d.message for d in first.diagnostics] == [d.message for d in second.diagnostics] and plain(
            first.root
        ) == plain(second.root)
    return plain(first.root) == plain(second.root) and _comments(old) == _comments(new)


def _comments(lines: Sequence[str]) -> list[str]:
    return [line.strip() for line in lines if line.lstrip().startswith("#")]


def _cleaned(lines: Sequence[str], keep_lines: bool) -> list[str]:
    new: list[str] = []
    scalar = -1
    for line in lines:
        if scalar >= 0 and (not line.strip() or indent(line) > scalar):
            new.append(line)
            continue
        scalar = -1
        line = line.rstrip(" \t")
        if not line and new and not new[-1].strip() and not keep_lines:
            continue
        new.append(line)
        found, _ = marks(line)
        if found and BLOCK_SCALAR.match(line[found[-1].value :]):
            scalar = found[-1].column
    if keep_lines:
        return new
    while len(new) > 1 and not new[-1].strip():
        new.pop()
    while new and not new[0].strip() and len(new) > 1:
        new.pop(0)
    return [*new, ""] if new and new[-1] else new


def _reindented(lines: Sequence[str]) -> list[str]:
    """Each block two columns deeper than what it belongs to; the text of a value moves with the line it
    begins in."""
    new: list[str] = []
    levels: list[
        tuple[int, int]
    ] = []  # the columns of the blocks around a line: as they are, as they will be
    within = -1  # the column of the key or item whose value goes on in the lines below; -1: none does
    shift = 0
    waiting: list[int] = []
    for number, line in enumerate(lines):
        depth = indent(line)
        if not line.strip():
            new.append(line)
        elif within >= 0 and (depth > within or line[depth] in "]}"):
            new.append(_moved(line, shift))
        elif blank(line):
            level = next((after for column, after in levels if column == depth), None)
            if level is None:
                waiting.append(number)
            new.append(line if level is None else " " * level + line.strip())
        else:
            while levels and levels[-1][0] > depth:
                levels.pop()
            if not levels or levels[-1][0] < depth:
                levels.append((depth, levels[-1][1] + _STEP if levels else 0))
            shift = levels[-1][1] - depth
            for comment in waiting:
                new[comment] = " " * levels[-1][1] + lines[comment].strip()
            waiting = []
            new.append(_moved(line, shift))
            found, content = marks(line)
            if content > depth:
                levels.append((content, content + shift))
            last = found[-1] if found else None
            ends = last is not None and bool(PROPERTIES.match(line[last.value :]))
            within = -1 if ends else last.column if last is not None else depth
    return new


def _moved(line: str, shift: int) -> str:
    return " " * shift + line if shift >= 0 else line[min(-shift, indent(line)) :]
