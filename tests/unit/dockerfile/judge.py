"""What BuildKit makes of a Dockerfile, to hold our writing against.

The moby parser (PyPI `dockerfile`) cuts the text into instructions and words. What the builder does with the
words afterwards is written down here once more, from its source: the shell lexer (`process_word`), and the
three matchers that a COPY source goes through (`copied`). On purpose nothing of imgc is used.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

import dockerfile
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("IMGC_EXAMPLES", "2000"))

many = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)


# Strings that hurt.

FRAGMENTS = (
    '"', "'", "\\", "\\\\", "\\n", '\\"', "$", "$$", "${", "}", "${A}", "${A:-x}", "$PATH", "`",
    "<<", "<<EOF", "<<-E", "<<'E'", "EOF", "#", "\n#", "\n", "\r\n", "\r", "\\\n", "\\ \n",
    "\t", "\v", "\f", "\0", "\x1f", "\x7f", "\x85", "\xa0", "\u2028", "\u3000", "\ufeff", "\ud800", "é", "😀",
    " ", "  ", "--", "--mount=type=bind", "--from=x", "[", "]", "[]", '["a"]', '["a", 1]', "{}",
    "*", "?", "!", "^", "+", "(", ")", "|", ";", "&&", "=", "a=b", ",", ":", "/", "./", "../", ".", "-",
    "@", "%", "~", "a", "b", "0", "A", "RUN x", "FROM x", "# escape=`", "http://x", "git@a:b", "github.com/",
)  # fmt: skip

texts = st.one_of(
    st.lists(st.sampled_from(FRAGMENTS), max_size=8).map("".join),
    st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=3)), max_size=6).map("".join),
    st.text(max_size=20),
    st.from_regex(r"[A-Za-z0-9_./-]{1,12}", fullmatch=True),
)


# Parsing.


@dataclass(frozen=True)
class Parsed:
    """`value` is what the builder would use: see `_value`. Variables of ENV are empty there, and the words as
    they stand in `raw`."""

    keyword: str
    flags: tuple[str, ...]
    value: object
    lines: tuple[int, int]
    raw: tuple[str, ...]


def parse(text: str) -> list[Parsed]:
    found = []
    for command in dockerfile.parse_string(text):
        assert not command.heredocs, f"read as a here-document: {command.original!r}"
        keyword = command.cmd.upper()
        lines = (command.start_line, command.end_line)
        found.append(
            Parsed(keyword, tuple(command.flags), _value(keyword, command), lines, tuple(command.value))
        )
    return found


def _value(keyword: str, command: dockerfile.Command) -> object:
    words = tuple(command.value)
    if keyword in ("ENV", "LABEL"):
        return tuple((process_word(k), process_word(v)) for k, v in zip(words[::2], words[1::2], strict=True))
    if keyword == "ARG":
        pairs = [word.partition("=") for word in words]
        return tuple((name, process_word(value) if equals else None) for name, equals, value in pairs)
    if keyword in ("WORKDIR", "USER", "STOPSIGNAL"):
        (word,) = words
        return process_word(word)
    if keyword == "COPY":
        *sources, destination = map(process_word, words)
        return tuple(map(copied, sources)), destination.removeprefix("./")
    if keyword in ("FROM", "EXPOSE"):
        return tuple(map(process_word, words))
    assert keyword in ("RUN", "SHELL", "ENTRYPOINT", "CMD", "HEALTHCHECK"), keyword
    return words if command.json else " ".join(words)


def descriptions(text: str) -> list[tuple[str, str]]:
    """(name, first word of the comment above) of each FROM and ARG that has a comment: rule
    InvalidDefinitionDescription wants them equal. A blank line does not part them, an instruction does."""
    found = []
    comment = ""
    for line in text.split("\n"):
        if line.startswith("#"):
            comment = line[1:].strip()
        elif line.strip():
            words = line.split()
            if comment and words[0] in ("FROM", "ARG"):
                found.append((words[3 if words[0] == "FROM" else 1].partition("=")[0], comment.split(" ")[0]))
            comment = ""
    return found


# The shell lexer, as in frontend/dockerfile/shell/lex.go, with `\` as its escape character.


def process_word(word: str, env: Mapping[str, str] | None = None) -> str:
    result, rest = _process(word.removeprefix("\ufeff"), "", env or {})
    assert rest == ""
    return result


def _process(text: str, stop: str, env: Mapping[str, str]) -> tuple[str, str]:
    result = ""
    while text:
        first, rest = text[0], text[1:]
        if first == stop:
            return result, rest
        if first == "'":
            inside, quote, text = rest.partition("'")
            assert quote, "no closing '"
            result += inside
        elif first == '"':
            inside, text = _double_quoted(rest, env)
            result += inside
        elif first == "$":
            inside, text = _dollar(rest, env)
            result += inside
        elif first == "\\":
            result += rest[:1]
            text = rest[1:]
        else:
            result += first
            text = rest
    assert not stop, f"no closing {stop}"
    return result, ""


def _double_quoted(text: str, env: Mapping[str, str]) -> tuple[str, str]:
    result = ""
    while text:
        first, rest = text[0], text[1:]
        if first == '"':
            return result, rest
        if first == "$":
            inside, text = _dollar(rest, env)
            result += inside
        elif first == "\\" and rest[:1] in ('"', "$", "\\"):
            result += rest[:1]
            text = rest[1:]
        else:
            result += first
            text = rest
    raise AssertionError('no closing "')


def _dollar(text: str, env: Mapping[str, str]) -> tuple[str, str]:
    braced = re.match(r"\{(\w+)\}", text)
    if braced:
        return env.get(braced[1], ""), text[braced.end() :]
    assert not text.startswith("{"), f"a substitution that imgc never writes: ${text}"
    name = re.match(r"\d+|[@*#?$!0-]|\w+", text)
    return (env.get(name[0], ""), text[name.end() :]) if name else ("$", text)


# What a COPY source matches.


def copied(pattern: str) -> str:
    """The one path that a COPY source means; AssertionError if it may mean another or several.

    The three readers are: patternmatcher in the client (fsutil's FollowPaths), filepath.Match in the builder,
    and path.Match over the whole path in the cache key.
    """
    assert not re.match(r"\d*<<-?\s*[^<]*\Z", pattern), "a here-document"
    assert not re.match(r"https?://|git://|ssh://|[\w-]+@[\w.-]+:|github\.com/", pattern), "perhaps a URL"
    pattern = pattern.removeprefix("./") if pattern != "./" else "."
    is_pattern = any(_has_wildcard(part) for part in pattern.split("/"))
    path = _only_match(pattern) if is_pattern else pattern
    if is_pattern:
        first = next(i for i, part in enumerate(pattern.split("/")) if _has_wildcard(part))
        before = "/".join(pattern.split("/")[:first])
        assert _only_match(before) == before, "found by name and by pattern differently"
    if not path.startswith("/"):  # from the context
        assert _sent(pattern, path), "the client would not send it"
    return path


def _has_wildcard(part: str) -> bool:
    return re.match(r"(?s)(?:\\.|[^\\*?\[])*[*?\[]", part) is not None


def _only_match(pattern: str) -> str:
    """The path that filepath.Match accepts for a pattern of single characters."""
    path = ""
    while pattern:
        found = re.match(r"(?s)\[(?:\\(.)|([^\\^\]-]))\]|\\(.)|([^\\*?\[])", pattern)
        assert found, f"matches more than one path: {pattern!r}"
        path += next(filter(None, found.groups()))
        pattern = pattern[found.end() :]
    return path


def _sent(pattern: str, path: str) -> bool:
    """Whether patternmatcher (exact match, or its regular expression) lets the path through."""
    pattern = pattern.strip("/").strip()
    path = path.strip("/")
    assert not pattern.startswith("!"), "inverts the pattern"
    if not re.search(r"[*?\[\]\\]", pattern):
        return pattern == path
    expression, rest = "", pattern.removeprefix("\ufeff")
    while rest:
        first, rest = rest[0], rest[1:]
        if first == "*":
            expression += "[^/]*"
        elif first == "?":
            expression += "[^/]"
        elif first in ".+()|{}$":
            expression += "\\" + first
        elif first == "\\":
            expression += re.escape(rest[:1]) if rest[:1] not in "^*?[" else "\\" + rest[:1]
            rest = rest[1:]
        else:
            expression += first
    return re.fullmatch(expression, path) is not None
