"""Globs as Pachyderm 1.13 reads them (github.com/pachyderm/ohmyglob): those of `input`, and of `.pachignore`.

`*` is any text within a name, `**` any text, `?` a character, `[a-z]` and `[!a-z]` one of a class (with
`[[:alpha:]]` and the like), `{a,b}` one of these, a backslash takes a meaning away; and bash's extended globs:
`?(a|b)`, `*(a|b)`, `+(a|b)`, `@(a|b)` (also without its `@`), `!(a|b)`. The glob of an `input` is a path of its
repo; a line of `.pachignore` knows no separators, so `*` also stands for folders there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from imgc.patterns import lazy

SPECIAL = lazy(r"[*?\[\]{}()!@+^\\|]")

_CLASSES = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "ascii": "\\x00-\\x7f", "blank": "\\t ", "cntrl": "\\x00-\\x1f\\x7f",
    "digit": "0-9", "graph": "!-~", "lower": "a-z", "print": " -~", "punct": "!-/:-@\\[-`{-~",
    "space": "\\t\\n\\v\\f\\r ", "upper": "A-Z", "word": "0-9A-Za-z_", "xdigit": "0-9A-Fa-f",
}  # fmt: skip
_REPEATS = {"?": "?", "*": "*", "+": "+", "@": ""}

_END = "\0"
"""Stands where a `!(…)` ends: what follows it decides how far that looks."""
_EDGE = "\1"
"""Stands behind what bounds a `!(…)`: text and stars."""


class BadGlob(ValueError):
    """A glob that cannot be read. The text says why, to follow a colon."""


@lru_cache(maxsize=1024)
def compiled(glob: str, separator: str = "/") -> re.Pattern[str]:
    """A glob as an expression for `fullmatch`. `separator` is what `*` and `?` stop at. BadGlob."""
    if _END in glob or _EDGE in glob:
        raise BadGlob("it holds a control character")
    text = _Reader(glob, separator).pattern("")
    negation = text.find(f"{_END})")
    if negation >= 0:
        text = text.replace(_END, "" if _EDGE in text[negation:] else r"\Z")
    try:
        return re.compile(text.replace(_EDGE, ""), re.DOTALL)
    except (re.error, RecursionError) as error:
        raise BadGlob("a range in it makes no sense") from error


def ignored_by(text: str) -> Callable[[str], bool]:
    """Whether a `.pachignore` of that text leaves out a file, by its path below the source folder. BadGlob."""
    globs = [compiled(line, "") for line in text.splitlines() if line]
    return lambda path: any(glob.fullmatch(path) for glob in globs)


def first_problem(text: str) -> tuple[int, str] | None:
    """The first line of a `.pachignore` that cannot be read, counted from 1, and why."""
    for number, line in enumerate(text.splitlines(), 1):
        try:
            compiled(line, "")
        except BadGlob as error:
            return number, str(error)
    return None


class _Reader:
    """Reads a glob from left to right and writes an expression."""

    def __init__(self, glob: str, separator: str) -> None:
        self._glob, self._at = glob, 0
        self._single = f"[^{re.escape(separator)}]" if separator else "."

    def pattern(self, closing: str) -> str:
        """Up to the end, or up to a character of `closing`, which is left to the caller."""
        parts: list[str] = []
        while self._at < len(self._glob):
            if closing and self._glob[self._at] in closing:
                break
            parts.append(self._item())
        return "".join(parts)

    def _item(self) -> str:
        character = self._take()
        if character in "?*+@!^" and self._next() == "(":
            self._at += 1
            return self._group(character)
        match character:
            case "(":
                return self._group("@")
            case "{":
                return f"(?:{'|'.join(self._choices(',', '}'))})"
            case "[":
                return self._class()
            case "?":
                return self._single
            case "*" if self._next() == "*" and self._glob[self._at + 1 : self._at + 2] != "(":
                self._at += 1
                return f".*{_EDGE}"
            case "*":
                return f"{self._single}*{_EDGE}"
            case "\\":
                return re.escape(self._take()) + _EDGE if self._next() else ""
            case _:
                return re.escape(character) + _EDGE

    def _group(self, kind: str) -> str:
        choices = self._choices("|", ")")
        if kind in "!^":
            return f"(?:(?!(?:{f'{_END}|'.join(choices)}{_END})){self._single}*)"
        return f"(?:{'|'.join(choices)}){_REPEATS[kind]}"

    def _choices(self, separator: str, closing: str) -> list[str]:
        """What is in a group, behind its opening."""
        choices = [self.pattern(separator + closing)]
        while self._next() == separator:
            self._at += 1
            choices.append(self.pattern(separator + closing))
        if not self._next():
            raise BadGlob(f"a '{'{' if closing == '}' else '('}' lacks its '{closing}'")
        self._at += 1
        return choices

    def _class(self) -> str:
        negated = self._next() in ("!", "^")
        if negated:
            self._at += 1
        parts: list[str] = []
        while (character := self._next()) != "]":
            if not character:
                raise BadGlob("a '[' lacks its ']'")
            named = re.compile(r"\[:(\^?)([a-z]+):\]").match(self._glob, self._at)
            if named and named[2] in _CLASSES:
                self._at = named.end()
                negated ^= bool(named[1])
                parts.append(_CLASSES[named[2]])
                continue
            self._at += 1
            if character == "\\" and self._next():
                parts.append(re.escape(self._take()))
            else:
                parts.append(character if character == "-" else re.escape(character))
        self._at += 1
        if not parts:
            raise BadGlob("a '[]' holds nothing")
        return f"[{'^' if negated else ''}{''.join(parts)}]"

    def _take(self) -> str:
        self._at += 1
        return self._glob[self._at - 1]

    def _next(self) -> str:
        return self._glob[self._at : self._at + 1]
