"""Words of Dockerfile instructions as texts and as values of `env`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from imgc.dockerfile.lexer import LexError, expand
from imgc.dockerfile.userfile import Instruction, words
from imgc.importing.names import literal_env

_MODIFIED = re.compile(r"\$\{[A-Za-z0-9_]*[^A-Za-z0-9_}]")
NOTHING: Mapping[str, str] = {}
_OPEN, _CLOSE = "\ue000", "\ue001"
_MARK = re.compile(f"({_OPEN}[A-Za-z_][A-Za-z0-9_]*{_CLOSE})")


class Unsayable(ValueError):
    """The keys of an image have no way to say this; the message says what."""


def text(word: str, escape: str, known: Mapping[str, str] = NOTHING) -> str:
    """A word without its quotes, with the variables that are known; others only a build could replace."""

    def value_of(name: str) -> str:
        if name not in known:
            raise LexError(f"the variable {name} is known to the build only")
        return known[name]

    try:
        return expand(word, value_of, escape)
    except LexError as error:
        raise Unsayable(f"'{word}' ({error})") from None


def value(word: str, escape: str) -> str:
    """A word as a value of `env`, where `${NAME}` is a variable too."""
    if _MODIFIED.search(word) or _OPEN in word or _CLOSE in word:
        raise Unsayable(f"'{word}', which replaces more than a variable")
    try:
        marked = expand(word, lambda name: f"{_OPEN}{name}{_CLOSE}", escape)
    except LexError as error:
        raise Unsayable(f"'{word}' ({error})") from None
    parts = _MARK.split(marked)
    if any(_OPEN in part for part in parts[::2]):
        raise Unsayable(f"'{word}', with a variable that is none of the environment")
    return "".join(
        f"${{{part[1:-1]}}}" if number % 2 else literal_env(part) for number, part in enumerate(parts)
    )


def pairs(instruction: Instruction, escape: str) -> list[tuple[str, str]]:
    """Names and values, as written, of ENV and LABEL: `A=b C=d`, or the old `A b c`."""
    found = [word for word, _, _ in words(instruction.arguments, escape)]
    if found and "=" not in found[0]:
        name, *rest = instruction.arguments.split(maxsplit=1)
        return [(name, rest[0] if rest else "")]
    split = [word.partition("=") for word in found]
    if any(not equals for _, equals, _ in split):
        raise Unsayable(f"{instruction.keyword} with a name that has no value")
    return [(name, rest) for name, _, rest in split]


def listed(instruction: Instruction, escape: str, known: Mapping[str, str] = NOTHING) -> list[str]:
    """The words of COPY, ADD and EXPOSE."""
    if instruction.is_json:
        found: list[str] = json.loads(instruction.arguments)
        return [text(word, escape, known) if "$" in word else word for word in found]
    return [text(word, escape, known) for word in instruction.arguments.split()]


def one_line(script: str) -> str:
    """A shell command with each run of blanks outside of quotes as one."""
    if "<<" in script or "\n" in script or "#" in script:
        return script
    result, quote, escaped = "", "", False
    for character in script:
        blank = character in " \t" and not quote and not escaped
        if blank and result.endswith(" "):
            continue
        result += " " if blank else character
        if escaped:
            escaped = False
        elif character == "\\" and quote != "'":
            escaped = True
        elif character == quote:
            quote = ""
        elif character in "'\"" and not quote:
            quote = character
    return result
