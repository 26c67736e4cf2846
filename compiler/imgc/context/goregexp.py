"""The Go regular expressions that moby makes of patterns, read as Go reads them.

Only what can come out of a pattern is known: characters, classes, `.`, `*`, `{2,3}`, `|`, `^`, and the group
`(.*/)?`. What Go refuses raises BadExpression.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from imgc.patterns import lazy
from imgc.records import dataclass

Ranges = tuple[tuple[int, int], ...]
"""Code points, both ends included."""

REPEAT = lazy(r"\{(0|[1-9]\d{0,7})(,(0|[1-9]\d{0,7})?)?\}", re.ASCII)
LARGEST_REPEAT = 1000
ANY_FOLDERS = "(.*/)?"
PERL: dict[str, Ranges] = {
    "d": ((48, 57),),
    "s": ((9, 10), (12, 13), (32, 32)),
    "w": ((48, 57), (65, 90), (95, 95), (97, 122)),
}
POSIX: dict[str, Ranges] = {
    "alnum": ((48, 57), (65, 90), (97, 122)),
    "alpha": ((65, 90), (97, 122)),
    "ascii": ((0, 127),),
    "blank": ((9, 9), (32, 32)),
    "cntrl": ((0, 31), (127, 127)),
    "digit": ((48, 57),),
    "graph": ((33, 126),),
    "lower": ((97, 122),),
    "print": ((32, 126),),
    "punct": ((33, 47), (58, 64), (91, 96), (123, 126)),
    "space": ((9, 13), (32, 32)),
    "upper": ((65, 90),),
    "word": ((48, 57), (65, 90), (95, 95), (97, 122)),
    "xdigit": ((48, 57), (65, 70), (97, 102)),
}
ESCAPES = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
ASSERTIONS = {"A": r"(?:\A)", "z": r"(?:\Z)", "b": r"(?:\b)", "B": r"(?:\B)"}
NEWLINE: Ranges = ((10, 10),)


class BadExpression(ValueError):
    """Go would not compile it. The text is the second half of a sentence."""


@dataclass(frozen=True, slots=True)
class Token:
    """`python` is the token in Python's syntax. One that stands for a character has the `ranges` it is in
    (or not in: `negated`); `loop` is set where there may be none or many of them."""

    python: str
    ranges: Ranges | None = None
    negated: bool = False
    loop: bool = False

    def takes(self, point: int) -> bool:
        return any(low <= point <= high for low, high in self.ranges or ()) != self.negated


FOLDERS = Token("(?:.*/)?")


def tokens(source: str) -> list[Token]:
    """The expression without its anchors."""
    found: list[Token] = []
    at = 0
    while at < len(source):
        character = source[at]
        if source.startswith(ANY_FOLDERS, at):
            found.append(FOLDERS)
            at += len(ANY_FOLDERS)
            continue
        if character == "[":
            ranges, negated, at = _class(source, at)
            found.append(Token(_set(ranges, negated), ranges, negated))
            continue
        if character == "{" and (repeat := REPEAT.match(source, at)):
            if any(int(number) > LARGEST_REPEAT for number in repeat[0].strip("{}").split(",") if number):
                raise BadExpression(f"'{repeat[0]}' repeats too often")
            found.append(Token(repeat[0]))
            at = repeat.end()
            continue
        at += 1
        if character == "\\":
            found.append(_escape(source[at]))
            at += 1
        elif character == "*":
            last = found.pop()
            found.append(Token(f"{last.python}*", last.ranges, last.negated, loop=True))
        elif character == ".":
            found.append(Token(".", NEWLINE, negated=True))
        elif character == "^":
            found.append(Token(ASSERTIONS["A"]))
        elif character == "|":
            found.append(Token("|"))
        else:
            found.append(Token(re.escape(character), ((ord(character), ord(character)),)))
    return found


def python(found: Sequence[Token]) -> str:
    """The expression, anchored, in Python's syntax; for `re` with re.ASCII."""
    text = rf"(?:\A){''.join(token.python for token in found)}\Z"
    try:
        re.compile(text, re.ASCII)
    except (re.error, OverflowError) as error:
        raise BadExpression(f"it makes no regular expression ({error})") from error
    return text


def all_at_once(found: Sequence[Token]) -> Callable[[str], bool]:
    """A matcher whose time grows with the length of the path only: all ways through the expression at once,
    where `re` would try one after the other. For tokens that are characters, loops and folders."""
    states: list[Token] = []
    for token in found:
        # Any folders: either none, or anything (the second state) and then a slash.
        states += (token, Token("", NEWLINE, negated=True, loop=True)) if token is FOLDERS else (token,)
    final = len(states)

    def reached(state: int, into: set[int]) -> None:
        into.add(state)
        while state < final:
            token = states[state]
            if token is FOLDERS:
                into.add(state + 1)
                state += 2
            elif token.loop and not (state and states[state - 1] is FOLDERS):
                state += 1
            else:
                return
            into.add(state)

    def matches(path: str) -> bool:
        now: set[int] = set()
        reached(0, now)
        for character in path:
            point = ord(character)
            after: set[int] = set()
            for state in now:
                if state == final or states[state] is FOLDERS or not states[state].takes(point):
                    continue
                if not states[state].loop:
                    reached(state + 1, after)
                elif state and states[state - 1] is FOLDERS:
                    after.add(state)
                    if character == "/":
                        reached(state + 1, after)
                else:
                    reached(state, after)
            now = after
        return final in now

    return matches


def _escape(character: str) -> Token:
    if character in ASSERTIONS:
        return Token(ASSERTIONS[character])
    ranges = _perl(character)
    if ranges is None:
        point = ord(_escaped(character))
        return Token(re.escape(chr(point)), ((point, point),))
    return Token(_set(ranges, False), ranges)


def _escaped(character: str) -> str:
    """The character that a backslash and this one stand for."""
    if character in ESCAPES:
        return ESCAPES[character]
    if character.isalnum() or not character.isascii():
        raise BadExpression(f"'\\{character}' has no meaning")
    return character


def _class(source: str, at: int) -> tuple[Ranges, bool, int]:
    """The class that begins at `[`: its ranges, whether it is negated, and where it ends."""
    at += 1
    negated = source.startswith("^", at)
    at += negated
    ranges: list[tuple[int, int]] = []
    first = True
    while first or not source.startswith("]", at):
        first = False
        if source.startswith("[:", at) and (end := source.find(":]", at + 2)) >= 0:
            ranges += _posix(source[at + 2 : end])
            at = end + 2
            continue
        if source.startswith("\\", at) and (perl := _perl(source[at + 1 : at + 2])) is not None:
            ranges += perl
            at += 2
            continue
        low, at = _member(source, at)
        high = low
        if source.startswith("-", at) and source[at + 1 : at + 2] not in ("]", ""):
            high, at = _member(source, at + 1)
        if high < low:
            raise BadExpression(f"the range '{chr(low)}-{chr(high)}' is backwards")
        ranges.append((low, high))
    return tuple(ranges), negated, at + 1


def _member(source: str, at: int) -> tuple[int, int]:
    if source.startswith("\\", at) and at + 1 < len(source):
        return ord(_escaped(source[at + 1])), at + 2
    if at >= len(source):
        raise BadExpression("a '[' lacks its ']'")
    return ord(source[at]), at + 1


def _perl(character: str) -> Ranges | None:
    found = PERL.get(character.lower())
    return found if found is None or character.islower() else _complement(found)


def _posix(name: str) -> Ranges:
    found = POSIX.get(name.removeprefix("^"))
    if found is None:
        raise BadExpression(f"'[:{name}:]' is no class")
    return _complement(found) if name.startswith("^") else found


def _complement(ranges: Ranges) -> Ranges:
    edges = [-1, *(edge for pair in ranges for edge in pair), 0x110000]
    gaps = ((edges[i] + 1, edges[i + 1] - 1) for i in range(0, len(edges), 2))
    return tuple((low, high) for low, high in gaps if low <= high)


def _set(ranges: Ranges, negated: bool) -> str:
    members = "".join(
        re.escape(chr(low)) if low == high else f"{re.escape(chr(low))}-{re.escape(chr(high))}"
        for low, high in ranges
    )
    return f"[{'^' if negated else ''}{members}]"
