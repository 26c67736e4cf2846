"""One pattern of a .dockerignore as moby/patternmatcher reads it (Docker 23 and newer).

Moby turns a pattern into a plain comparison or into a Go regular expression, and what Docker does with odd
patterns follows from that translation and not from any description of it: `**x` is a suffix, `a**` a prefix,
`[^a]` also matches `/`, `\\d` is a digit, and `|`, `^` and `{2}` reach the expression unescaped where the
pattern also has a wildcard. So the same is done here.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Literal

from imgc.context import goregexp
from imgc.patterns import lazy
from imgc.records import dataclass

Kind = Literal["exact", "prefix", "suffix", "regexp"]

SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
"""What Go trims; Python's own strip() takes more."""

MEANT = lazy(r"[*?\[\]\\^{}|()+]")
"""What some release of Docker gives a meaning of its own (20.10 does not escape `+` either)."""

MANY_STARS = 3
"""With more of them, backtracking over a long path can take for ever."""


class BadPattern(ValueError):
    """A pattern that Docker refuses: the build would fail."""

    def __init__(self, pattern: str, reason: str) -> None:
        super().__init__(f"Docker does not accept the pattern '{pattern}': {reason}.")
        self.pattern = pattern
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Glob:
    """`text` is the path, the prefix or the suffix that is compared, or a regular expression of Python's.

    search: the expression may match anywhere (an unescaped `|` cuts it off from its anchors)
    head: what every path that matches begins with
    slashes: how many `/` such a path has at most; None if any number
    matches: in place of the expression, where that could backtrack for ever
    """

    kind: Kind
    text: str
    search: bool = False
    head: str = ""
    slashes: int | None = None
    matches: Callable[[str], bool] | None = None


def clean(path: str) -> str:
    """The shortest form of a path, as Go's filepath.Clean."""
    short = posixpath.normpath(path)
    return short[1:] if short.startswith("//") else short


def literal(path: str) -> str:
    """A pattern that matches exactly this path, in every release of Docker."""
    text = MEANT.sub(lambda found: f"\\{found[0]}", path).replace("\n", "?")
    if text.startswith(("#", "!")):
        text = f"\\{text}"
    if text and text[0] in SPACE:
        text = f"[{text[0]}]{text[1:]}"
    if text and text[-1] in SPACE:
        text = f"{text[:-1]}[{text[-1]}]"
    return text


@lru_cache(maxsize=8192)
def compiled(pattern: str) -> Glob:
    """A cleaned pattern, without its `!`. Raises BadPattern."""
    _check(pattern)
    kind, source, stars = _moby(pattern)
    if kind == "exact":
        return Glob(kind, pattern, head=pattern, slashes=pattern.count("/"))
    if kind == "prefix":
        return Glob(kind, pattern[:-2], head=pattern[:-2])
    if kind == "suffix":
        return Glob(kind, pattern[2:])
    try:
        tokens = goregexp.tokens(source)
        text = goregexp.python(tokens)
    except goregexp.BadExpression as error:
        raise BadPattern(pattern, str(error)) from error
    if not all(token.ranges or token is goregexp.FOLDERS for token in tokens):
        return Glob(kind, text, search=True)
    head = re.split(r"[*?\[\\]", pattern, maxsplit=1)[0]
    matches = goregexp.all_at_once(tokens) if stars > MANY_STARS else None
    return Glob(kind, text, head=head, slashes=_slashes(tokens), matches=matches)


def _slashes(tokens: list[goregexp.Token]) -> int | None:
    slashes = [token for token in tokens if token is goregexp.FOLDERS or token.takes(ord("/"))]
    return None if any(token is goregexp.FOLDERS or token.loop for token in slashes) else len(slashes)


def _check(pattern: str) -> None:
    """What Go's filepath.Match refuses."""
    at, end = 0, len(pattern)

    def member(at: int) -> int:
        if pattern[at : at + 1] in ("-", "]"):
            raise BadPattern(pattern, f"a '{pattern[at]}' inside of '[]' needs a backslash before it")
        at += 2 if pattern.startswith("\\", at) else 1
        if at >= end:
            raise BadPattern(pattern, "a '[' lacks its ']'")
        return at

    while at < end:
        if pattern[at] == "\\":
            at += 2
            if at > end:
                raise BadPattern(pattern, "it ends in a backslash")
        elif pattern[at] == "[":
            at += 2 if pattern.startswith("^", at + 1) else 1
            first = True
            while first or pattern[at] != "]":
                first = False
                at = member(at)
                if pattern[at] == "-":
                    at = member(at + 1)
            at += 1
        else:
            at += 1


def _moby(pattern: str) -> tuple[Kind, str, int]:
    """How moby compares the pattern, its Go expression without the anchors, and how many stars that has."""
    kind: Kind = "exact"
    parts: list[str] = []
    at, stars = 0, 0
    while at < len(pattern):
        first = at == 0
        character = pattern[at]
        at += 1
        if character == "*" and pattern.startswith("*", at):
            at += 2 if pattern.startswith("/", at + 1) else 1
            if at == len(pattern):
                if kind == "exact":
                    kind = "prefix"
                else:
                    kind = "regexp"
                    parts.append(".*")
                    stars += 1
            else:
                kind = "regexp"
                if parts[-1:] != [goregexp.ANY_FOLDERS]:  # twice is the same as once
                    parts.append(goregexp.ANY_FOLDERS)
                    stars += 1
            if first:
                kind = "suffix"
        elif character == "*":
            parts.append("[^/]*")
            stars += 1
            kind = "regexp"
        elif character == "?":
            parts.append("[^/]")
            kind = "regexp"
        elif character in ".+()$":
            parts.append(f"\\{character}")
        elif character == "\\":
            parts.append(pattern[at - 1 : at + 1])
            at += 1
            kind = "regexp"
        else:
            parts.append(character)
            if character in "[]":
                kind = "regexp"
    return kind, "".join(parts), stars
