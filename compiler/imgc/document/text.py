"""Texts as lines. YAML 1.2 and editors know three line ends, `\\r\\n`, `\\n` and `\\r`; Python's splitlines knows eleven."""

from __future__ import annotations

import re

from imgc.patterns import lazy

_LINE = lazy(r"\r\n|\n|\r")
_UNPRINTABLE = lazy("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_UNPRINTABLE_ASCII = lazy("[^\t\n\r\x20-\x7e]")  # compiled in a fraction of the time of all Unicode
_BREAKS = "\x85\u2028\u2029"
"""What libyaml (YAML 1.1) takes for line ends, and YAML 1.2 does not."""
_STAND_INS = "\ue085\ue028\ue029"
_HIDE = str.maketrans(_BREAKS, _STAND_INS)
_SHOW = str.maketrans(_STAND_INS, _BREAKS)


def split_lines(text: str) -> list[str]:
    """The lines without their ends; a text that ends in a line end has an empty last line."""
    return _LINE.split(text) if "\r" in text else text.split("\n")


def unprintable(line: str) -> list[tuple[int, str]]:
    """Column and character of everything that YAML does not allow in a text."""
    return [(match.start(), match[0]) for match in _unprintable_in(line).finditer(line)]


def without_unprintable(line: str) -> str:
    return _unprintable_in(line).sub("\ufffd", line)


def _unprintable_in(text: str) -> re.Pattern[str]:
    return _UNPRINTABLE_ASCII if text.isascii() else _UNPRINTABLE


def is_plain(text: str) -> bool:
    """Whether every character is one that YAML allows and takes for what it is; most texts are."""
    return not (_unprintable_in(text).search(text) or has_foreign_breaks(text))


def has_foreign_breaks(text: str) -> bool:
    return any(character in text for character in _BREAKS)


def hide_breaks(text: str) -> str:
    return text.translate(_HIDE)


def show_breaks(text: str) -> str:
    return text.translate(_SHOW)
