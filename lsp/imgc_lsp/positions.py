"""Columns of the protocol (UTF-8 bytes, UTF-16 units or code points, as agreed with the client) and of
Python.

A column past the end of its line means the end, as the protocol says; one in the middle of a character
means the character's start.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

Encoding: TypeAlias = Literal["utf-8", "utf-16", "utf-32"]


def to_column(line: str, units: int, encoding: Encoding) -> int:
    """The index in a line (without its end) of a protocol column."""
    if units <= 0:
        return 0
    if encoding == "utf-32" or line.isascii():
        return min(units, len(line))
    width = _utf8 if encoding == "utf-8" else _utf16
    passed = 0
    for index, character in enumerate(line):
        passed += width(character)
        if passed > units:
            return index
    return len(line)


def to_units(line: str, column: int, encoding: Encoding) -> int:
    """The protocol column of an index in a line."""
    column = max(0, min(column, len(line)))
    if encoding == "utf-32" or line.isascii():
        return column
    width = _utf8 if encoding == "utf-8" else _utf16
    return sum(map(width, line[:column]))


def _utf16(character: str) -> int:
    return 2 if ord(character) > 0xFFFF else 1


def _utf8(character: str) -> int:
    number = ord(character)
    return 1 if number < 0x80 else 2 if number < 0x800 else 3 if number < 0x10000 else 4
