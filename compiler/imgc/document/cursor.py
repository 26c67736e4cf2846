"""Where a position of a text is, by indentation and brackets alone: works in any half-typed document.

It reads upwards from the position only, and no parser takes part: what is broken elsewhere does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from imgc.document.flow import Scanner
from imgc.document.lines import BLOCK_SCALAR, PROPERTIES, Mark, blank, comment_start, indent, marks
from imgc.patterns import lazy
from imgc.records import dataclass, replace

Lines: TypeAlias = Sequence[str]
Path: TypeAlias = tuple[str | int, ...]
Where: TypeAlias = Literal["key", "value", "either", "text", "none"]
_SIBLINGS = 2000  # lines in each direction that are looked at for keys of the same mapping
_PREFIX = lazy(r"(?:[&!]\S*\s+)+")
_FLOW_WORD = lazy(r"[^,\[\]{}\n]*")


@dataclass(frozen=True, slots=True)
class Cursor:
    """A position. `where`: `key` (a key of the mapping at `path`), `value` (the scalar at `path`), `either`
    (what begins here may become both), `text` (in a block scalar or an open quote at `path`), `none`.

    `start` and `end` are the columns of the word at the position, `text` what of it stands before it;
    `column` is where keys of its mapping stand. `present` are the other keys of the mapping. `colon`: a `:`
    follows the word. `item`: a new item belongs here, behind a `- ` that is yet to be written; `dash`: one
    that stands here.
    """

    path: Path
    where: Where
    text: str = ""
    start: int = 0
    end: int = 0
    column: int = 0
    flow: bool = False
    quote: str = ""
    colon: bool = False
    item: bool = False
    dash: bool = False
    present: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Above:
    """What a position belongs to: the path, and the nearest mark with its line (-1 and None at the top)."""

    path: Path
    line: int = -1
    mark: Mark | None = None
    inside: bool = False
    """The position is within the mark's value, which is text or brackets and not a block mapping or list."""


def cursor_at(lines: Lines, line: int, column: int) -> Cursor:
    """The place of a 0-based position (code points)."""
    text = lines[line] if line < len(lines) else ""
    column = min(column, len(text))
    if not text.strip(" \t"):
        return _on_blank(lines, line, column)
    found, content = marks(text)
    dashes = [mark for mark in found if mark.key is None]
    key = found[-1] if found and found[-1].key is not None else None
    above = _climb(lines, line, dashes, content)
    if above.inside:
        return _inside(lines, above, line, column)
    nowhere = Cursor(above.path, "none", start=column, end=column)
    if column < indent(text) or comment_start(text) < column or (dashes and column <= dashes[-1].end):
        return nowhere
    if column < content:  # between a `- ` and what follows it
        return nowhere
    if key is None:
        cursor = _value(lines, line, column, content, above.path, True)
        if cursor.where != "either":
            return cursor
        top = above.line
        return replace(cursor, dash=bool(dashes), present=_present(lines, line, content, top, own=False))
    name = key.key or ""
    if column <= key.end:
        quote = text[key.column] if text[key.column] in "'\"" else ""
        present = _present(lines, line, key.column, above.line, own=False)
        return Cursor(
            above.path, "key", text[key.column + len(quote) : column], key.column, key.end, key.column,
            quote=quote, colon=True, dash=bool(dashes), present=present,
        )  # fmt: skip
    if text[column - 1] not in " \t" and column <= key.value:
        return Cursor((*above.path, name), "none", start=column, end=column)
    return replace(
        _value(lines, line, column, min(key.value, column), (*above.path, name), False), column=key.column
    )


def _climb(lines: Lines, line: int, dashes: Sequence[Mark], limit: int) -> _Above:
    """What stands above a position: `dashes` are those left of it in its own line, `limit` its column."""
    steps: list[str | int] = [0 for _ in dashes]
    nearest: tuple[int, Mark] | None = (line, dashes[-1]) if dashes else None
    inside: _Above | None = None
    inside_at = 0
    limit = dashes[0].column if dashes else limit
    of_item = bool(dashes)
    number = line - 1
    while number >= 0 and (limit > 0 or of_item):
        text = lines[number]
        depth = indent(text)
        if depth > limit or (depth == limit and not of_item) or blank(text):
            number -= 1
            continue
        found, _ = marks(text)
        for mark in reversed(found):
            if mark.column > limit or (mark.column == limit and not of_item):
                continue
            if mark.column == limit and mark.key is None:
                assert isinstance(steps[-1], int)
                steps[-1] += 1
                continue
            steps.append(0 if mark.key is None else mark.key)
            if _holds(lines, number, mark, mark is found[-1], line, nearest is None):
                inside, inside_at = _Above((), number, mark, True), len(steps) - 1
            nearest = nearest or (number, mark)
            limit, of_item = mark.column, mark.key is None
        number -= 1
    if inside is not None:
        return replace(inside, path=tuple(reversed(steps[inside_at:])))
    path = tuple(reversed(steps))
    return _Above(path, *nearest) if nearest else _Above(path)


def _holds(lines: Lines, number: int, mark: Mark, last: bool, line: int, nearest: bool) -> bool:
    """Whether the lines below a mark are its value's text: a block scalar, an open quote or bracket."""
    value = lines[number][mark.value :]
    if not last or PROPERTIES.match(value):
        return False
    if BLOCK_SCALAR.match(value):
        return True
    if value[0] in "'\"":
        return nearest or _closing(lines[number], mark.value) == len(lines[number])
    if value[0] in "[{":
        scanner = Scanner(lines)
        scanner.scan((number, mark.value), (line, 0))
        return nearest or bool(scanner.frames)
    return nearest


def _inside(lines: Lines, above: _Above, line: int, column: int) -> Cursor:
    """A position in the value of a mark that stands in an earlier line."""
    assert above.mark is not None
    value = lines[above.line][above.mark.value :]
    if value[0] in "[{":
        return _flow(lines, (above.line, above.mark.value), line, column, above.path)
    where: Where = "text" if BLOCK_SCALAR.match(value) or value[0] in "'\"" else "none"
    start = indent(lines[line]) if line < len(lines) else column
    return Cursor(
        above.path, where, lines[line][start:column] if line < len(lines) else "", min(start, column), column
    )


def _on_blank(lines: Lines, line: int, column: int) -> Cursor:
    above = _climb(lines, line, (), column)
    if above.inside:
        return _inside(lines, above, line, column)
    place = column if above.mark else 0
    first = _first_child(lines, above, line)
    if first is not None:
        number, depth = first
        if lines[number].startswith(("- ", "-\t"), depth) or lines[number][depth:] == "-":
            count = _items_above(lines, line, depth, above.line)
            return Cursor((*above.path, count), "either", "", column, column, depth, item=True)
        place = depth
    elif above.mark is not None and above.mark.key is None:
        place = max(column, above.mark.value)
    present = _present(lines, line, place, above.line, own=True)
    return Cursor(above.path, "either", "", column, column, place, present=present)


def _first_child(lines: Lines, above: _Above, line: int) -> tuple[int, int] | None:
    """Line and column of the first thing in what a position belongs to."""
    if above.mark is None:
        return None
    found, _ = marks(lines[above.line])
    if above.mark.key is None and found[-1].column > above.mark.column:
        follower = found[found.index(above.mark) + 1]
        return (above.line, follower.column) if follower.key is not None else None
    for number in range(above.line + 1, min(len(lines), max(line, above.line) + _SIBLINGS)):
        if blank(lines[number]):
            continue
        depth = indent(lines[number])
        return (number, depth) if depth > above.mark.column else None
    return None


def _items_above(lines: Lines, line: int, column: int, top: int) -> int:
    between = lines[top + 1 : line]
    return sum(1 for text in between if indent(text) == column and text.startswith("-", column))


def _present(lines: Lines, line: int, column: int, top: int, own: bool) -> tuple[str, ...]:
    """The keys at a column in the mapping around a line, which begins below (or behind an item in) line
    `top`."""
    found: list[str] = []
    for number in range(line - 1 if top != line else line, max(top, line - _SIBLINGS, 0) - 1, -1):
        depth = indent(lines[number])
        if depth > column or (number == line and not own) or blank(lines[number]):
            continue
        if depth < column and number > top:
            break
        found += [
            mark.key for mark in marks(lines[number])[0] if mark.column == column and mark.key is not None
        ]
    for number in range(line + 1, min(len(lines), line + _SIBLINGS)):
        depth = indent(lines[number])
        if depth > column or blank(lines[number]):
            continue
        first = marks(lines[number])[0][:1]
        if depth < column or (first and first[0].key is None):
            break
        found += [mark.key for mark in first if mark.key is not None]
    return tuple(found)


def _value(lines: Lines, line: int, column: int, start: int, path: Path, either: bool) -> Cursor:
    """A position in (or before) a value that begins in its line; `either`: a key may begin there too."""
    text = lines[line]
    prefix = _PREFIX.match(text, start)
    if prefix and prefix.end() <= column:
        start = prefix.end()
    first = text[start : start + 1]
    where: Where = "either" if either else "value"
    if first in ("[", "{"):
        return (
            _flow(lines, (line, start), line, column, path)
            if column > start
            else Cursor(path, "none", start=column, end=column)
        )
    if first and first in "'\"":
        closing = _closing(text, start)
        if column <= start or column > closing:
            return Cursor(path, "none", start=column, end=column)
        return Cursor(path, where, text[start + 1 : column], start + 1, closing, start, quote=first)
    if first and first in "|>&!":
        return Cursor(path, "none", start=column, end=column)
    end = max(column, start + len(text[start : comment_start(text)].rstrip()))
    return Cursor(path, where, text[start:column], start, end, start)


def _closing(text: str, start: int) -> int:
    """The column of the quote that closes the one at `start`; the end of the line when none does."""
    column = start + 1
    while column < len(text):
        if text[column] == "\\" and text[start] == '"':
            column += 1
        elif text[column] == text[start]:
            if text[start] == '"' or text[column + 1 : column + 2] != "'":
                return column
            column += 1
        column += 1
    return len(text)


def _flow(lines: Lines, start: tuple[int, int], line: int, column: int, path: Path) -> Cursor:
    scanner = Scanner(lines)
    scanner.scan(start, (line, column))
    nowhere = Cursor(path, "none", start=column, end=column, flow=True)
    if not scanner.frames or (comment_start(lines[line]) < column and not scanner.open_quote):
        return nowhere
    for frame in scanner.frames[:-1]:
        path = (*path, (frame.key or "") if frame.mapping else frame.index)
    frame = scanner.frames[-1]
    text = lines[line]
    token = frame.token
    if (token is not None and token[0] != line) or (frame.quote and not scanner.open_quote):
        return replace(nowhere, path=path)
    begin = token[1] + len(frame.quote) if token else column
    end = _closing(text, begin - 1) if frame.quote else begin + len(_FLOW_WORD.match(text, begin)[0].rstrip())  # type: ignore[index]
    key = frame.mapping and frame.key is None
    if key and not frame.quote and ":" in text[begin:end]:
        end = begin + text[begin:end].index(":")
    end = max(end, column)
    colon = key and text[end + len(frame.quote) :].lstrip().startswith(":")
    if not key:
        if frame.mapping and token is None and text[column - 1 : column] == ":":
            return replace(nowhere, path=(*path, frame.key or ""))
        path = (*path, (frame.key or "") if frame.mapping else frame.index)
    keys = tuple(frame.keys)
    if key:
        keys = (*keys, *(name for name in scanner.keys_after((line, column), _last(lines, start[0], line))))
        word = text[begin:end].strip()
        keys = tuple(name for name in keys if name and not (colon and name == word))
    where: Where = "key" if key else "value"
    return Cursor(
        path,
        where,
        text[begin:column],
        begin,
        end,
        column,
        flow=True,
        quote=frame.quote,
        colon=colon,
        present=keys,
    )


def _last(lines: Lines, opener: int, line: int) -> int:
    """The last line that can belong to a bracket: deeper than the line that opens it, or closing it."""
    depth = indent(lines[opener])
    for number in range(line + 1, min(len(lines), line + _SIBLINGS)):
        if (
            not blank(lines[number])
            and indent(lines[number]) <= depth
            and lines[number].lstrip()[0] not in "]}"
        ):
            return number - 1
    return min(len(lines) - 1, line + _SIBLINGS)
