"""How a value becomes text in a Dockerfile: the one place where that is decided.

Two families of functions. A `…_problem` says in words why a value cannot be written (None when it can), so
that a layer reports it where the user wrote it. The others write it, and raise ValueError where the matching
`…_problem` would have found something.

What BuildKit does with the text, in this order: lines that end in a backslash are joined; each kind of
instruction splits its words in its own way; a small shell lexer takes quotes and backslashes away and
replaces `$NAME`. JSON forms skip that lexer, except in COPY.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from json.encoder import encode_basestring as _json_string
from pathlib import PurePosixPath
from typing import Final, TypeAlias

from imgc.patterns import lazy
from imgc.records import dataclass

DEFAULT_SHELL: Final = ("/bin/sh", "-ec")

MAX_LINE: Final = 65_000
"""Bytes in a line: BuildKit reads lines into a buffer of 64 KiB."""

_BARE = lazy(r"[A-Za-z0-9_./:@%+=,][A-Za-z0-9_./:@%+=,-]*")
_MOUNT_SAFE = lazy(r"[A-Za-z0-9._/@+=:~-]+")
_NAME = lazy(r"[A-Za-z_][A-Za-z0-9_.-]*")
_REFERENCE = lazy(r"(?:[A-Za-z0-9]|\[[A-Fa-f0-9:]+\])[A-Za-z0-9._/@:+-]*")
_STAGE = lazy(r"[a-z][a-z0-9._-]*")
_PORT = lazy(r"[0-9]{1,5}(-[0-9]{1,5})?(/(tcp|udp|sctp))?")
_SIGNAL = lazy(
    r"(?:SIG)?(?:ABRT|ALRM|BUS|CHLD|CLD|CONT|FPE|HUP|ILL|INT|IO|IOT|KILL|PIPE|POLL|PROF|PWR|QUIT|SEGV|STKFLT|STOP|SYS"
    r"|TERM|TRAP|TSTP|TTIN|TTOU|URG|USR1|USR2|VTALRM|WINCH|XCPU|XFSZ"
    r"|RTMIN(?:\+(?:[1-9]|1[0-5]))?|RTMAX(?:-(?:[1-9]|1[0-4]))?)|[1-9]|[1-5][0-9]|6[0-4]"
)
_CONTROL = lazy(r"[\x01-\x08\x0a-\x1f\x7f]")
_UNWRITABLE = lazy("[\0\ud800-\udfff]")

RESERVED_STAGES: Final = frozenset({"scratch", "context"})


# What cannot be written.


def problem(value: str) -> str | None:
    """Why no instruction at all can hold the value."""
    found = _UNWRITABLE.search(value)
    if found is None:
        return None
    if found[0] == "\0":
        return "holds a NUL character, which no program can be given"
    return f"holds half of a surrogate pair (U+{ord(found[0]):04X}), which is not a character"


def line_problem(value: str) -> str | None:
    """Why ENV, LABEL, ARG, WORKDIR, USER or a word of a generated RUN cannot hold the value."""
    if "\n" in value:
        return "holds a line break, which a Dockerfile cannot express here"
    # Only a value near the limit is worth the exact count (a character has at most 4 bytes, or is escaped).
    if len(value) > MAX_LINE // 8 and _longest_line(_double_quoted(value, "\\")) > MAX_LINE - 500:
        return _TOO_LONG
    return problem(value)


def env_problem(value: str, expand: bool = False) -> str | None:
    """`line_problem`, and a bad `${` where `${NAME}` is a variable."""
    if expand and isinstance(parts := env_parts(value), BadReference):
        return f"holds a bad reference: {parts.reason}"
    return line_problem(value)


def argv_problem(argv: Sequence[str]) -> str | None:
    """Why CMD, ENTRYPOINT, SHELL or HEALTHCHECK cannot hold the words."""
    if not argv:
        return "is empty"
    if found := next(filter(None, map(problem, argv)), None):
        return found
    return _TOO_LONG if _is_long(argv) and _longest_line(_json_array(argv)) > MAX_LINE else None


def command_problem(
    text: str, shell: Sequence[str] = DEFAULT_SHELL, in_force: Sequence[str] = ()
) -> str | None:
    """Why RUN cannot hold a user's command; see `user_command`."""
    if found := next(filter(None, map(problem, (*shell, text))), None):
        return found
    long = _is_long((*shell, text)) and _longest_line(_command_text(text, shell, in_force)) > MAX_LINE
    return _TOO_LONG if long else None


def name_problem(name: str) -> str | None:
    """Why ENV or ARG cannot set a variable of this name."""
    return _mismatch(_NAME, name, "is not a variable's name (letters, digits, '_', '.', '-'; no digit first)")


def label_key_problem(key: str) -> str | None:
    """Why LABEL cannot set this key."""
    if not key:
        return "is empty"
    if "=" in key:
        return "holds '=', which a Dockerfile cannot express in the key of a label"
    return line_problem(key)


def path_problem(path: str) -> str | None:
    """Why COPY cannot name this path."""
    if not path:
        return "is empty"
    if len(path) > 4096:
        return "is longer than a path can be (4,096 bytes)"
    if _CONTROL.search(path):  # Docker 20.10 asks for files in a header of HTTP, which cannot hold them
        return "holds a control character, which not every engine can copy"
    return problem(path)


def flag_problem(value: str) -> str | None:
    """Why `--mount=`, `--chown=` or `--from=` cannot hold the value: there is no quoting in them."""
    return _mismatch(
        _MOUNT_SAFE, value, "may only hold A-Z a-z 0-9 . _ / @ + = : ~ - (a Dockerfile cannot quote it)"
    )


def is_mount_safe(value: str) -> bool:
    """Whether `--mount=` can hold the value."""
    return _MOUNT_SAFE.fullmatch(value) is not None


def reference_problem(reference: str) -> str | None:
    """Why FROM cannot name this image: what a line can hold, not the whole grammar of references."""
    return _mismatch(_REFERENCE, reference, "is not an image reference")


def stage_problem(name: str) -> str | None:
    """Why a stage cannot have this name."""
    if name in RESERVED_STAGES:
        return "is a name that BuildKit keeps for itself"
    return _mismatch(_STAGE, name, "is not a stage's name (a-z 0-9 . _ -, a letter first)")


def port_problem(port: str) -> str | None:
    """Why EXPOSE cannot hold this port."""
    return _mismatch(_PORT, port, "is not a port (8080, 8000-8010, 53/udp)")


def signal_problem(signal: str) -> str | None:
    """Why STOPSIGNAL cannot hold this signal: a name with or without SIG, or a number, as Docker takes it."""
    return _mismatch(_SIGNAL, signal, "is not a signal (SIGTERM, 15)")


_TOO_LONG = f"has a line that is longer than one of a Dockerfile can be ({MAX_LINE:,} bytes)"


def _mismatch(pattern: re.Pattern[str], value: str, words: str) -> str | None:
    return None if pattern.fullmatch(value) else words


def _is_long(texts: Sequence[str]) -> bool:
    return sum(map(len, texts)) > MAX_LINE // 8


def _longest_line(text: str) -> int:
    return max(len(line.encode(errors="replace")) for line in text.split("\n"))


def _refuse(reason: str | None) -> None:
    if reason is not None:
        raise ValueError(f"the value {reason}")


def checked(value: str, reason: str | None) -> str:
    """The value as it is, where nothing can be quoted; ValueError with the reason where there is one."""
    _refuse(reason)
    return value


# ENV, LABEL, ARG, WORKDIR, USER.


def literal(value: str, escape: str = "\\") -> str:
    """A word that stands for exactly the value: bare where no character means anything, else in quotes.

    `escape` is the Dockerfile's escape character; only a user's own has another than the backslash.
    """
    if _BARE.fullmatch(value) and len(value) < MAX_LINE // 8:
        return value
    _refuse(line_problem(value))
    return _double_quoted(value, escape)


def env_value(value: str, expand: bool = False) -> str:
    """A value of ENV. With `expand`, `${NAME}` is a variable and `$$` a dollar sign."""
    if not expand or "$" not in value:
        return literal(value)
    parts = env_parts(value)
    if isinstance(parts, BadReference):
        raise ValueError(parts.reason)
    _refuse(line_problem(value))
    inside = (f"${{{p.name}}}" if isinstance(p, Variable) else _escaped(p.text, "\\") for p in parts)
    return _for_hadolint('"' + "".join(inside) + '"')


def _double_quoted(value: str, escape: str) -> str:
    return _for_hadolint(f'"{_escaped(value, escape)}"')


# hadolint (2.15) takes the quote in `\\"` for an escaped one. So backslashes before a quote stand outside the
# quotes, and in JSON the last of them is written as a number. To BuildKit it is all the same.
_BACKSLASHES_BEFORE_QUOTE = lazy(r'(?<!\\)((?:\\\\)+)(?=\\?")')
_BACKSLASH_BEFORE_QUOTE = lazy(r'(?<!\\)((?:\\\\)*)\\\\(?=\\?")')


def _for_hadolint(quoted: str) -> str:
    return _BACKSLASHES_BEFORE_QUOTE.sub(r'"\1"', quoted) if "\\\\" in quoted else quoted


def _escaped(value: str, escape: str) -> str:
    for character in (escape, '"', "$"):  # the escape character first, else it would escape its own escapes
        value = value.replace(character, escape + character)
    return value


# References to variables in the format's `env`.


@dataclass(frozen=True, slots=True)
class Literal:
    """Text that stands for itself; `$$` is already one dollar sign."""

    text: str


@dataclass(frozen=True, slots=True)
class Variable:
    """A reference to a variable, at offsets [start, end) of the value."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class BadReference:
    """A `${` at an offset of the value that does not begin a `${NAME}`, and why."""

    offset: int
    reason: str


EnvPart: TypeAlias = Literal | Variable

_DOLLAR = lazy(
    r"\$(?:(?P<dollar>\$)|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}|(?P<bad>\{[^}]*\}?)|(?P<bare>[A-Za-z_][A-Za-z0-9_]*))"
)


def env_parts(value: str) -> tuple[EnvPart, ...] | BadReference:
    """A value of `env` cut at its variables, or the first reference that is wrong."""
    parts: list[EnvPart] = []
    text: list[str] = []
    begin = 0
    for found in _DOLLAR.finditer(value):
        if found["bare"]:
            continue
        if found["bad"]:
            return BadReference(found.start(), _bad_reference(found[0]))
        text.append(value[begin : found.start()])
        begin = found.end()
        if found["dollar"]:
            text.append("$")
            continue
        if literal_text := "".join(text):
            parts.append(Literal(literal_text))
        text.clear()
        parts.append(Variable(found["name"], found.start(), found.end()))
    text.append(value[begin:])
    if literal_text := "".join(text):
        parts.append(Literal(literal_text))
    return tuple(parts)


def _bad_reference(text: str) -> str:
    if not text.endswith("}"):
        return "'${' has no '}'; a dollar sign is written '$$'"
    return f"'{text}' is not of the form '${{NAME}}'; a dollar sign is written '$$'"


def bare_variables(value: str) -> tuple[Variable, ...]:
    """Each `$NAME`: plain text to `env`, though `${NAME}` may have been meant."""
    found = (match for match in _DOLLAR.finditer(value) if match["bare"])
    return tuple(Variable(match["bare"], match.start(), match.end()) for match in found)


# JSON forms.


def exec_form(argv: Sequence[str]) -> str:
    """CMD, ENTRYPOINT, SHELL, HEALTHCHECK CMD and RUN as a JSON array."""
    _refuse(argv_problem(argv))
    return _json_array(argv)


def _json_array(argv: Sequence[str]) -> str:
    text = "[" + ", ".join([_script(word) if "\n" in word else _json_string(word) for word in argv]) + "]"
    return _BACKSLASH_BEFORE_QUOTE.sub(r"\1\\u005c", text) if "\\\\" in text else text


def _script(text: str) -> str:
    """A JSON string that shows a text of several lines as such.

    A backslash at the end of a line joins the next one to it, in a JSON string too, and indentation is kept.
    Only a line that begins with `#` has to stay on the line before: it would be a comment of the Dockerfile.
    """
    if "\n" not in text.strip("\n"):
        return _json_string(text)
    *lines, last = text.split("\n")
    pieces = [_json_string(line)[1:-1] + "\\n" for line in lines]
    if last:
        pieces.append(_json_string(last)[1:-1])
    lines = [piece if piece.lstrip().startswith("#") else "\\\n" + piece for piece in pieces]
    return '"' + "".join(lines) + '"'


# COPY.

_LEXER_SPECIAL = lazy(r"[\\$\"']")
_GLOB_SPECIAL = lazy(r"[*?\[\\^]")
_PATTERN_SPECIAL = lazy(r"[*?\[\\^$+(){}|]")
_ENDS_SPECIAL = lazy(r"(?:\A|(?<=\A\./))[!\s\ufeff]|\s(?=/*\Z)")
_READ_AS_OTHER = lazy(r"(?!\.{0,2}/)(?:\d*<<|github\.com/|.*:)", re.DOTALL)


def copy_words(sources: Sequence[str], destination: str) -> tuple[str, ...]:
    """The paths of a COPY, to be joined by blanks or broken lines: plain words where nothing in them means
    anything, else the JSON form. Sources are literal: no character in them is a wildcard.
    """
    for path in (*sources, destination):
        _refuse(path_problem(path))
    if not sources:
        raise ValueError("COPY needs a source")
    paths = (*map(_source, sources), _not_read_as_other(destination))
    if all(map(_BARE.fullmatch, paths)):
        return paths
    *first, last = [_json_string(_LEXER_SPECIAL.sub(r"\\\g<0>", path)) for path in paths]
    return ("[" + first[0] + ",", *(f"{path}," for path in first[1:]), f"{last}]")


def _source(path: str) -> str:
    """A pattern that three matchers of BuildKit take for exactly this path.

    The client selects what it sends with patternmatcher (a regular expression if there is anything special,
    with blanks at its ends cut off and a leading `!` inverting it); the builder finds it with filepath.Match
    if it sees an unescaped `*`, `?` or `[`, else by name; and its cache key matches the whole path with
    path.Match. A backslash alone escapes only in some of them. A class of one escaped character, `[\\*]`,
    makes all three match, and match literally.
    """
    if _BARE.fullmatch(path) or not (_GLOB_SPECIAL.search(path) or _ENDS_SPECIAL.search(path)):
        return _not_read_as_other(path)
    pattern = _PATTERN_SPECIAL.sub(r"[\\\g<0>]", path)
    return _not_read_as_other(_ENDS_SPECIAL.sub(r"[\g<0>]", pattern))


def _not_read_as_other(path: str) -> str:
    """`<<NAME` would be a here-document, `a:b` or `github.com/x` perhaps a URL, a leading BOM is dropped."""
    if _READ_AS_OTHER.match(path) or path.startswith("\ufeff"):
        return "./" + path
    return path


# RUN.


_SHELL_SAFE = lazy(r"[A-Za-z0-9_@%+=:,./-]+")


def quote(word: str) -> str:
    """`shlex.quote`, without loading shlex and compiling its larger regular expression."""
    return word if _SHELL_SAFE.fullmatch(word) else "'" + word.replace("'", "'\"'\"'") + "'"


def words(*argv: str) -> str:
    """Shell words for a clause of `Run`, each quoted."""
    for word in argv:
        _refuse(line_problem(word))
    return " ".join(map(quote, argv))


def user_command(text: str, shell: Sequence[str] = DEFAULT_SHELL, in_force: Sequence[str] = ()) -> str:
    """What stands behind RUN for a user's command: its text as it is, or the exec form with the shell.

    `in_force` is the argv of the SHELL instruction that holds there, () when there is none. The text is
    written as it is where it runs in that shell anyway and a Dockerfile cannot misread it.
    """
    _refuse(command_problem(text, shell, in_force))
    return _command_text(text, shell, in_force)


_JSON = json.JSONDecoder()
_SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh"})

_TRAP = lazy(
    r"[\x00-\x08\x0a-\x1f\x7f]"  # several lines, and characters that editors change
    r"|<<"  # perhaps a here-document of the Dockerfile
    r"|\A[-+]"  # a flag of RUN, or an option of the shell
    r"|\A\#"  # a comment, if mounts put it on a line of its own
    r"|\A\s|\s\Z"  # would be cut off
    r"|\\\Z"  # joins the next line
)


def _command_text(text: str, shell: Sequence[str], in_force: Sequence[str]) -> str:
    is_posix = bool(shell) and PurePosixPath(shell[0]).name in _SHELLS
    if tuple(shell) == (tuple(in_force) or DEFAULT_SHELL):
        # Blanks around a command mean nothing to a shell; YAML's `|` adds a line break.
        line = text.strip(" \t\n") if is_posix else text
        if line and not _TRAP.search(line) and not _is_json(line):
            return line
    if is_posix and text.startswith(("-", "+")):
        text = " " + text  # else `sh -ec TEXT` takes it for options of the shell
    return _json_array((*shell, text))


def _is_json(text: str) -> bool:
    """Whether a Dockerfile may take the text for an exec form. `[ -f x ] && y` is none.

    Docker 20.10 ignores what follows the array.
    """
    if not text.startswith("["):
        return False
    try:
        _JSON.raw_decode(text)
    except json.JSONDecodeError:
        return False
    except (ValueError, RecursionError):  # beyond Python's limits, perhaps not beyond Go's
        return True
    return True


# Comments, stage names.


def comment(text: str) -> str:
    """Text for a comment: what would end its line, or cannot be seen, is written as an escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def stage_name(image: str) -> str:
    """A name for the stage of an image: its own where BuildKit allows that."""
    return image if stage_problem(image) is None else f"image-{image}"
