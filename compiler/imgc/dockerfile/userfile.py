"""Reading a Dockerfile that a user wrote, as BuildKit's parser cuts it: lines, instructions, stages.

No judge of what it reads: an unknown instruction is one too (`UserFile.unknown`). Texts that are handed back are the user's own,
byte for byte (line ends too), but for the words that are replaced.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping

from imgc.dockerfile.lexer import GO_SPACE, LexError, expand, split
from imgc.instructions.quoting import literal
from imgc.patterns import lazy
from imgc.records import dataclass, field

KEYWORDS = (
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER",
    "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
)  # fmt: skip


class UserFileError(ValueError):
    """The text is no Dockerfile; `line` is 1-based."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Instruction:
    """`text` is the instruction with its lines joined, `arguments` what stands behind keyword and flags.

    Lines are 1-based and include here-documents; `start` and `end` are offsets of those lines in the file.
    `stage` is the index of the stage, -1 before the first FROM.
    """

    keyword: str
    flags: tuple[str, ...]
    arguments: str
    text: str
    line: int
    end_line: int
    start: int
    end: int
    stage: int
    heredocs: tuple[str, ...] = ()
    place: _Joined = field(repr=False, compare=False, kw_only=True)
    offset: int = field(repr=False, compare=False, kw_only=True)
    """Where `arguments` begins in `text`."""

    @property
    def is_json(self) -> bool:
        """Whether BuildKit takes the arguments for an exec form."""
        return _is_json(self.arguments)


@dataclass(frozen=True, slots=True)
class UserStage:
    """`name` is lower case, "" where there is none; `reference` stands as it is written."""

    index: int
    name: str
    reference: str
    instruction: Instruction


@dataclass(frozen=True, slots=True)
class UserArg:
    """One declaration of a build argument. `default` is as written, None without one."""

    name: str
    default: str | None
    stage: int
    line: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Base:
    """What a FROM starts from: an image's `reference`, or an earlier stage (its index), or neither where
    only a build can tell (`${TARGETARCH}` in it, say). "scratch" is a reference."""

    reference: str | None
    stage: int | None
    written: str
    line: int


@dataclass(frozen=True, slots=True)
class UserFile:
    text: str
    escape: str
    instructions: tuple[Instruction, ...]
    syntax: str = ""
    """The image of the frontend that is to read it; "" for that of the engine."""

    @property
    def unknown(self) -> Instruction | None:
        """The first that Docker's own frontend would refuse by its keyword; None where another one reads it."""
        if self.syntax and "docker/dockerfile" not in self.syntax:
            return None
        return next((each for each in self.instructions if each.keyword not in KEYWORDS), None)

    @property
    def stages(self) -> tuple[UserStage, ...]:
        found = [instruction for instruction in self.instructions if instruction.keyword == "FROM"]
        return tuple(UserStage(i.stage, _stage_name(i), _BLANKS.split(i.arguments)[0], i) for i in found)

    @property
    def args(self) -> tuple[UserArg, ...]:
        return tuple(arg for i in self.instructions if i.keyword == "ARG" for arg in _args(i, self.escape))

    def stage(self, target: str) -> UserStage | None:
        """The stage of a name, else of an index. Of two with one name BuildKit takes the later."""
        stages = self.stages
        named = [stage for stage in stages if stage.name and stage.name == target.lower()]
        if named:
            return named[-1]
        if target.isascii() and target.isdigit() and int(target) < len(stages):
            return stages[int(target)]
        return None


def read(text: str) -> UserFile:
    """Cuts a Dockerfile into instructions; UserFileError where BuildKit could not."""
    reader = _Reader(text)
    instructions = tuple(reader.instructions())
    if not instructions:
        raise UserFileError(1, "the Dockerfile has no instructions")
    return UserFile(text, reader.escape, instructions, reader.syntax)


def apply_args(text: str, args: Mapping[str, str]) -> str:
    """Each ARG of a given name gets the value as its default, so that no --build-arg is needed.

    Names that the Dockerfile does not declare are passed over (see `UserFile.args`). ValueError for a value
    that ARG cannot hold (`quoting.line_problem`).
    """
    file = read(text)
    for arg in reversed(file.args):
        if arg.name in args:
            text = text[: arg.start] + f"{arg.name}={literal(args[arg.name], file.escape)}" + text[arg.end :]
    return text


def pin(text: str, args: Mapping[str, str], pinned: Mapping[str, str]) -> str:
    """Each FROM of a reference that is in `pinned` has what stands there for it."""
    file = read(text)
    for stage, base in reversed(tuple(zip(file.stages, bases(file, args), strict=True))):
        if base.reference is not None and base.reference in pinned:
            place, begin = stage.instruction.place, stage.instruction.offset
            start, last = place.offset(begin), place.offset(begin + len(stage.reference) - 1)
            text = text[:start] + pinned[base.reference] + text[last + 1 :]
    return text


def cut_after(text: str, target: str) -> str:
    """The Dockerfile without the stages behind the target, so that it is the one a plain build makes.

    LookupError when there is no such stage.
    """
    file = read(text)
    stage = file.stage(target)
    if stage is None:
        raise LookupError(target)
    if stage.index == len(file.stages) - 1:
        return text
    return text[: max(i.end for i in file.instructions if i.stage == stage.index)]


def bases(file: UserFile, args: Mapping[str, str]) -> tuple[Base, ...]:
    """What each FROM starts from, with the build args that are given."""
    known: dict[str, str] = {}
    found: list[Base] = []
    names: dict[str, int] = {}

    def value(name: str) -> str:
        if name not in known:
            raise LexError(f"{name} is not known before the build")
        return known[name]

    for arg in file.args:
        if arg.stage >= 0:
            continue
        if arg.name in args:
            known[arg.name] = args[arg.name]
        elif arg.default is not None and (default := _expanded(arg.default, value, file.escape)) is not None:
            known[arg.name] = default
        else:
            known.pop(arg.name, None)
    for stage in file.stages:
        reference = _expanded(stage.reference, value, file.escape) or None
        earlier = names.get((reference or "").lower())
        place = (stage.reference, stage.instruction.line)
        found.append(Base(reference, None, *place) if earlier is None else Base(None, earlier, *place))
        if stage.name:
            names[stage.name] = stage.index
    return tuple(found)


def makes_step(instruction: Instruction) -> bool:
    """Whether BuildKit counts it in `[stage n/m]`. Not so a FROM of another stage or of scratch (`bases`)."""
    if instruction.keyword == "WORKDIR":
        return instruction.arguments != "/"
    return instruction.keyword in ("FROM", "RUN", "COPY", "ADD")


def _expanded(word: str, value: Callable[[str], str], escape: str) -> str | None:
    try:
        return expand(word, value, escape)
    except LexError:
        return None


# Lines to instructions.

_DIRECTIVE = lazy(r"#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*\Z", re.ASCII)
_DIRECTIVES = ("syntax", "escape", "check")
_BLANKS = lazy(r"[\t\v\f\r ]+")
_HEREDOC = lazy(r"(\d*)<<(-?)\s*([^<]*)\Z", re.ASCII)
_ASCII_SPACE = "\t\n\v\f\r "  # flags are read byte by byte
_WITH_HEREDOC = ("ADD", "COPY", "RUN")


class _Joined:
    """A line made of several, and where each of its characters stands in the file."""

    def __init__(self) -> None:
        self.text = ""
        self._starts: list[int] = []
        self._offsets: list[int] = []

    def add(self, text: str, offset: int) -> None:
        if text:
            self._starts.append(len(self.text))
            self._offsets.append(offset)
            self.text += text

    def offset(self, index: int) -> int:
        part = bisect_right(self._starts, index) - 1
        return self._offsets[part] + index - self._starts[part]


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.escape = "\\"
        self.syntax = ""
        self._continued = _continuation("\\")
        self._directives: set[str] | None = set()  # seen so far; None once there can be no more
        self._line = 0
        self._at = 0

    def instructions(self) -> Iterator[Instruction]:
        stage = -1
        while self._at < len(self.text):
            start = self._at
            raw, offset = self._next_line()
            if self._line == 1 and raw.startswith("\ufeff"):
                raw, offset = raw[1:], offset + 1
            offset += len(raw) - len(raw.lstrip(GO_SPACE))
            raw = raw.lstrip(GO_SPACE)
            self._directive(raw)
            if raw.startswith("#"):
                continue
            part, more = self._cut(raw)
            if not part and not more:
                continue
            line = self._line
            joined = _Joined()
            joined.add(part, offset)
            while more and self._at < len(self.text):
                raw, offset = self._next_line()
                self._directive(raw)
                if raw.lstrip(GO_SPACE)[:1] in ("#", ""):
                    continue
                part, more = self._cut(raw)
                joined.add(part, offset)
            keyword, flags, begin = _split_command(joined.text, self.escape)
            arguments = joined.text[begin:].rstrip(GO_SPACE)
            heredocs = tuple(self._heredocs(keyword, arguments, joined.text, line))
            stage += keyword == "FROM"
            yield Instruction(
                keyword, flags, arguments, joined.text, line, self._line, start, self._at, stage, heredocs,
                place=joined, offset=begin,
            )  # fmt: skip

    def _next_line(self) -> tuple[str, int]:
        """The next line without its end, and its offset."""
        begin = self._at
        end = self.text.find("\n", begin)
        self._at = len(self.text) if end < 0 else end + 1
        self._line += 1
        return self.text[begin : self._at].rstrip("\r\n"), begin

    def _cut(self, line: str) -> tuple[str, bool]:
        """A line without the character that continues it, and whether it had one."""
        found = self._continued.search(line)
        return (line, False) if found is None else (line[: found.start()], True)

    def _directive(self, line: str) -> None:
        if self._directives is None:
            return
        found = _DIRECTIVE.match(line)
        name = found[1].lower() if found else ""
        if found is None or name not in _DIRECTIVES:
            self._directives = None
            return
        if name in self._directives:
            raise UserFileError(self._line, f"only one '{name}' directive can be used")
        self._directives.add(name)
        if name == "syntax":
            self.syntax = found[2]
        if name == "escape":
            if found[2] not in ("\\", "`"):
                raise UserFileError(self._line, f"invalid escape character '{found[2]}': it must be ` or \\")
            self.escape = found[2]
            self._continued = _continuation(self.escape)

    def _heredocs(self, keyword: str, arguments: str, text: str, line: int) -> Iterator[str]:
        if keyword == "ONBUILD":
            keyword, _, begin = _split_command(arguments, self.escape)
            arguments = arguments[begin:]
        if "<<" not in text or keyword not in _WITH_HEREDOC or _is_json(arguments):
            return
        try:
            names = heredoc_names(text)
        except LexError as error:
            raise UserFileError(line, f"bad name of a here-document: {error}") from None
        for name, chomp in names:
            while True:
                if self._at >= len(self.text):
                    raise UserFileError(line, f"the here-document '{name}' has no end")
                content, _ = self._next_line()
                if (content.lstrip("\t") if chomp else content) == name:
                    break
            yield name


def _continuation(escape: str) -> re.Pattern[str]:
    """An escape character at the end of a line, unless it is escaped itself."""
    character = re.escape(escape)
    return re.compile(rf"(?<!{character}){character}[ \t]*\Z")


def heredoc_names(line: str) -> list[tuple[str, bool]]:
    """The here-documents that BuildKit sees in the line of a RUN, COPY or ADD: name, and whether leading tabs
    are cut off (`<<-`). LexError for a name that it cannot read."""
    try:
        found = [match for word in split(line, raw=True) if (match := _HEREDOC.match(word)) and match[3]]
    except LexError:
        return []
    named = [(split(match[3], raw=False), match[2] == "-") for match in found]
    return [(words[0], chomp) for words, chomp in named if len(words) == 1]


# Inside an instruction.


def _split_command(text: str, escape: str) -> tuple[str, tuple[str, ...], int]:
    """Keyword (upper case), flags, and where the arguments begin."""
    begin = len(text) - len(text.lstrip(GO_SPACE))
    end = len(text.rstrip(GO_SPACE))
    blanks = _BLANKS.search(text, begin, end)
    if blanks is None:
        return text[begin:end].upper(), (), len(text)
    flags, at = _flags(text, blanks.end(), escape)
    return text[begin : blanks.start()].upper(), flags, at


def _flags(text: str, at: int, escape: str) -> tuple[tuple[str, ...], int]:
    """The leading words that begin with `--`, unquoted, and where what follows begins."""
    flags: list[str] = []
    end = len(text.rstrip(GO_SPACE))
    while True:
        while at < end and text[at] in _ASCII_SPACE:
            at += 1
        if not text.startswith("--", at, end):
            return tuple(flags), at
        word, quote = "", ""
        while at < end and (quote or text[at] not in _ASCII_SPACE):
            character = text[at]
            at += 1
            if character == quote:
                quote = ""
            elif not quote and character in "'\"":
                quote = character
            elif character == escape:
                word += text[at : min(at + 1, end)]
                at += 1
            else:
                word += character
        if word == "--":
            return tuple(flags), min(at, end)
        flags.append(word)


def _is_json(arguments: str) -> bool:
    if not arguments.startswith("["):
        return False
    try:
        words = json.loads(arguments)
    except (ValueError, RecursionError):
        return False
    return all(isinstance(word, str) for word in words)


def _stage_name(instruction: Instruction) -> str:
    words = _BLANKS.split(instruction.arguments)
    return words[2].lower() if len(words) == 3 and words[1].lower() == "as" else ""


def _args(instruction: Instruction, escape: str) -> Iterator[UserArg]:
    for word, begin, end in words(instruction.arguments, escape):
        name, equals, default = word.partition("=")
        start = instruction.place.offset(instruction.offset + begin)
        stop = instruction.place.offset(instruction.offset + end - 1) + 1
        yield UserArg(name, default if equals else None, instruction.stage, instruction.line, start, stop)


def words(text: str, escape: str) -> Iterator[tuple[str, int, int]]:
    """Words as ARG and ENV separate them, quotes and escapes kept, with their offsets."""
    at, size = 0, len(text)
    while True:
        while at < size and text[at] in GO_SPACE:
            at += 1
        if at >= size:
            return
        begin, quote = at, ""
        while at < size and (quote or text[at] not in GO_SPACE):
            character = text[at]
            if character == escape and quote != "'":
                at += 1
            elif character == quote:
                quote = ""
            elif not quote and character in "'\"":
                quote = character
            at += 1
        end = min(at, size)
        yield (
            text[begin : end - 1 if at > size else end],
            begin,
            end,
        )  # an escape character at the end is dropped
