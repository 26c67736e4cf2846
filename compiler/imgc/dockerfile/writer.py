"""Instructions to the text of a Dockerfile, as a person would lay it out, and where each of them stands."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from imgc.diagnostics import Span
from imgc.instructions import quoting
from imgc.instructions.types import (
    Arg,
    Cmd,
    Command,
    Copy,
    Entrypoint,
    Env,
    Expose,
    From,
    Healthcheck,
    Instruction,
    Label,
    Mount,
    Run,
    Shell,
    Stage,
    Step,
    StopSignal,
    User,
    Verbatim,
    Workdir,
)
from imgc.patterns import lazy
from imgc.records import dataclass

WIDTH: Final = 110
_INDENT: Final = "    "


@dataclass(frozen=True, slots=True)
class Line:
    """One instruction of the written file: its lines (1-based, without the comment above), and its origin.

    `step` is its number in its stage as BuildKit counts (the n of `[stage n/m]`), None where it has none.
    """

    line: int
    end_line: int
    stage: str
    instruction: str
    step: int | None
    key: str
    span: Span | None


@dataclass(frozen=True, slots=True)
class Written:
    """A Dockerfile. To be saved as it is: a user's own lines may end in CRLF."""

    text: str
    lines: tuple[Line, ...]


def write(stages: Sequence[Stage], *, image: str, file: str) -> Written:
    """The Dockerfile of an image. `file` is the YAML file's name in comments, relative to the project, so
    that the text is the same wherever the file lies and however it was named on the command line.

    ValueError for a value that its instruction cannot hold (see `imgc.instructions.quoting`).
    """
    writer = _Writer(image, file)
    for stage in stages:
        writer.stage(stage)
    return Written("".join(writer.parts), tuple(writer.lines))


class _Writer:
    def __init__(self, image: str, file: str) -> None:
        self.parts: list[str] = []
        self.lines: list[Line] = []
        self._image = quoting.comment(image)
        # A leading "=" could make a parser directive of `# escape =…`.
        self._file = quoting.comment(f"./{file}" if file.startswith("=") else file)
        self._shells: dict[str, tuple[str, ...]] = {}
        self._next = 1

    def stage(self, stage: Stage) -> None:
        if self.parts:
            self._add("\n")
        shell: tuple[str, ...] = ()
        count = 0
        described: object = None
        for step in stage.steps:
            instruction = step.instruction
            if isinstance(instruction, Verbatim):
                self._verbatim(instruction, step)
                continue
            if isinstance(instruction, From):
                shell = self._shells.get(instruction.reference, ())
                counts = instruction.reference != "scratch" and instruction.reference not in self._shells
            else:
                counts = isinstance(instruction, (Run, Command, Copy, Workdir)) and not _is_root(instruction)
            count += counts
            keyword, texts = _render(instruction, shell)
            origin = (step.key, step.span.start[0], step.note) if step.span else step.note or described
            if texts and origin and origin != described:
                self._add(self._comment(step))
                described = origin
            for text in texts:
                self._record(text, stage.name, keyword, count if counts else None, step)
            if isinstance(instruction, Shell):
                shell = instruction.argv
        self._shells[stage.name] = shell

    def _comment(self, step: Step) -> str:
        """`# etl: pipeline.yaml:12 pip_packages (why)`. Above what defines a name, FROM and ARG, BuildKit
        takes a comment for its description (and checks that), so it begins with that name and a blank."""
        instruction = step.instruction
        if isinstance(instruction, From):
            who = f"{instruction.stage} "
        elif isinstance(instruction, Arg):
            who = f"{instruction.name} "
        else:
            who = f"{self._image}: "
        note = quoting.comment(step.note)
        if step.span is None:
            return f"# {who}{note}\n"
        where = f"{self._file}:{step.span.start[0] + 1} {quoting.comment(step.key)}".rstrip()
        return f"# {who}{where} ({note})\n" if note else f"# {who}{where}\n"

    def _add(self, text: str) -> None:
        self.parts.append(text)
        self._next += text.count("\n")

    def _record(self, text: str, stage: str, keyword: str, step: int | None, origin: Step) -> None:
        if len(text) > quoting.MAX_LINE // 4 and any(
            len(x.encode()) > quoting.MAX_LINE for x in text.split("\n")
        ):
            raise ValueError(f"{keyword} has a line of more than {quoting.MAX_LINE:,} bytes")
        begin = self._next
        self._add(text + "\n")
        self.lines.append(Line(begin, self._next - 1, stage, keyword, step, origin.key, origin.span))

    def _verbatim(self, verbatim: Verbatim, origin: Step) -> None:
        """The user's own text, with no comment above it: it may begin with directives."""
        from imgc.dockerfile import userfile  # the reader of Dockerfiles, for images that have one

        file = userfile.read(verbatim.text)
        before = self._next - 1
        names = {stage.index: stage.name or f"stage-{stage.index}" for stage in file.stages}
        earlier = {
            base.line
            for base in userfile.bases(file, {})
            if base.stage is not None or base.reference == "scratch"
        }
        counts: dict[int, int] = {}
        for item in file.instructions:
            step = None
            if userfile.makes_step(item) and not (item.keyword == "FROM" and item.line in earlier):
                step = counts[item.stage] = counts.get(item.stage, 0) + 1
            place = (item.line + before, item.end_line + before)
            stage = names.get(item.stage, "")
            self.lines.append(Line(*place, stage, item.keyword, step, origin.key, origin.span))
        self._add(verbatim.text if verbatim.text.endswith("\n") else verbatim.text + "\n")


def _is_root(instruction: Instruction) -> bool:
    """`WORKDIR /` makes no step of the build: there is nothing to create."""
    return isinstance(instruction, Workdir) and posixpath.normpath(instruction.path) in ("/", "//")


# One instruction to its text. More than one only for ENV.


def _render(instruction: Instruction, shell: Sequence[str]) -> tuple[str, list[str]]:
    if isinstance(instruction, Command):
        text = quoting.user_command(instruction.text, instruction.shell, shell)
        return "RUN", [_run(instruction.mounts, text)]
    keyword, render = _RENDERERS[type(instruction)]
    return keyword, render(instruction)


def _from(instruction: From) -> list[str]:
    reference = quoting.checked(instruction.reference, quoting.reference_problem(instruction.reference))
    stage = quoting.checked(instruction.stage, quoting.stage_problem(instruction.stage))
    return [f"FROM {reference} AS {stage}"]


def _arg(instruction: Arg) -> list[str]:
    name = quoting.checked(instruction.name, quoting.name_problem(instruction.name))
    return [
        f"ARG {name}" if instruction.value is None else f"ARG {name}={quoting.literal(instruction.value)}"
    ]


def _env(instruction: Env) -> list[str]:
    """One ENV; several where a value refers to a variable of the same one, which would still be the old."""
    texts: list[str] = []
    pairs: list[str] = []
    names: set[str] = set()
    for name, value in instruction.variables:
        if instruction.expand and "${" in value and names:
            parts = quoting.env_parts(value)
            if not isinstance(parts, quoting.BadReference) and any(
                isinstance(part, quoting.Variable) and part.name in names for part in parts
            ):
                texts.append(_broken("ENV", pairs))
                pairs, names = [], set()
        quoting.checked(name, quoting.name_problem(name))
        pairs.append(f"{name}={quoting.env_value(value, instruction.expand)}")
        names.add(name)
    return [*texts, _broken("ENV", pairs)] if pairs else texts


def _label(instruction: Label) -> list[str]:
    pairs = []
    for key, value in instruction.labels:
        quoting.checked(key, quoting.label_key_problem(key))
        pairs.append(f"{quoting.literal(key)}={quoting.literal(value)}")
    return [_broken("LABEL", pairs)] if pairs else []


def _broken(keyword: str, pairs: Sequence[str]) -> str:
    return f"{keyword} " + f" \\\n{_INDENT}".join(pairs)


def _generated_run(instruction: Run) -> list[str]:
    if not instruction.clauses or _READ_AS_OTHER.match(instruction.clauses[0]):
        raise ValueError(f"not the clauses of a RUN: {instruction.clauses!r}")
    for clause in instruction.clauses:
        for line in clause.split("\n"):
            if _BAD_LINE.search(line) or quoting.line_problem(line):
                raise ValueError(f"not a clause of a RUN: {clause!r}")
        if "<<" in clause:
            from imgc.dockerfile.userfile import heredoc_names

            if heredoc_names(clause):
                raise ValueError(f"read as a here-document: {clause!r}")
    body = " && \\\n".join(_laid_out(clause) for clause in instruction.clauses)
    return [_run(instruction.mounts, body.removeprefix(_INDENT), len(instruction.clauses) > 1)]


# Errors of a layer: a flag or an exec form at the beginning; lines that would be comments, empty, or joined.
_READ_AS_OTHER = lazy(r"\s*(?:--|\[\s*[\"\]])")
_BAD_LINE = lazy(r"\A\s*(?:#|\Z)|\s\Z|\\\Z")


def _run(mounts: Sequence[Mount], body: str, on_its_own: bool = False) -> str:
    """Mounts stand one a line, unless there is but one and it fits beside the first line of the body."""
    flags = [_mount(mount) for mount in mounts]
    if len(flags) <= 1 and not (flags and on_its_own):
        text = " ".join(["RUN", *flags, body])
        if not flags or len(text.partition("\n")[0]) <= WIDTH:
            return text
    return "RUN " + f" \\\n{_INDENT}".join([*flags, body])


def _mount(mount: Mount) -> str:
    options = [f"type={mount.kind}"]
    for name, value in mount.options:
        quoting.checked(value, quoting.flag_problem(value))
        options.append(f"{name}={value}")
    return "--mount=" + ",".join(options)


def _copy(instruction: Copy) -> list[str]:
    parts = ["COPY"]
    for flag, value in (("--from", instruction.stage), ("--chown", instruction.chown)):
        if value:
            parts.append(f"{flag}={quoting.checked(value, quoting.flag_problem(value))}")
    parts += quoting.copy_words(instruction.sources, instruction.destination)
    line = " ".join(parts)
    return [line if len(line) <= WIDTH or len(parts) <= 3 else f" \\\n{_INDENT}".join(parts)]


def _workdir(instruction: Workdir) -> list[str]:
    return [f"WORKDIR {quoting.literal(instruction.path)}"]


def _user(instruction: User) -> list[str]:
    return [f"USER {quoting.literal(instruction.name)}"]


def _expose(instruction: Expose) -> list[str]:
    ports = [quoting.checked(port, quoting.port_problem(port)) for port in instruction.ports]
    return [f"EXPOSE {' '.join(ports)}"] if ports else []


def _healthcheck(instruction: Healthcheck) -> list[str]:
    parts = ["HEALTHCHECK"]
    for name, value in instruction.options:
        parts.append(f"--{name.replace('_', '-')}={quoting.checked(value, quoting.flag_problem(value))}")
    return [" ".join([*parts, "CMD", quoting.exec_form(instruction.command)])]


def _stop_signal(instruction: StopSignal) -> list[str]:
    return [f"STOPSIGNAL {quoting.checked(instruction.signal, quoting.signal_problem(instruction.signal))}"]


def _shell(instruction: Shell) -> list[str]:
    return [f"SHELL {quoting.exec_form(instruction.argv)}"]


def _exec(keyword: str) -> Callable[[Entrypoint | Cmd], list[str]]:
    """An empty ENTRYPOINT or CMD takes away that of the base."""
    return lambda instruction: [
        f"{keyword} {quoting.exec_form(instruction.argv) if instruction.argv else '[]'}"
    ]


_RENDERERS: Final[dict[type, tuple[str, Callable[[Any], list[str]]]]] = {
    From: ("FROM", _from),
    Arg: ("ARG", _arg),
    Env: ("ENV", _env),
    Label: ("LABEL", _label),
    Run: ("RUN", _generated_run),
    Copy: ("COPY", _copy),
    Workdir: ("WORKDIR", _workdir),
    User: ("USER", _user),
    Expose: ("EXPOSE", _expose),
    Healthcheck: ("HEALTHCHECK", _healthcheck),
    StopSignal: ("STOPSIGNAL", _stop_signal),
    Shell: ("SHELL", _shell),
    Entrypoint: ("ENTRYPOINT", _exec("ENTRYPOINT")),
    Cmd: ("CMD", _exec("CMD")),
}


# Long clauses.

_WORD = lazy(r"""(?:[^\s'"\\`]|\\[^\n]|'[^']*'|"(?:[^"\\`$]|\\.|\$(?!\())*")+""")
_ARGUMENT = lazy(r"[A-Za-z0-9_@%+=:,./~^-]+|'[^']*'")
_OPTIONS_WITH_VALUE = frozenset(
    {"-r", "-c", "-p", "-t", "-n", "-f", "-i", "--requirement", "--constraint", "--python", "--prefix",
     "--target", "--index-url", "--extra-index-url", "--channel", "--name", "--root"}
)  # fmt: skip


def _laid_out(clause: str) -> str:
    """A clause with its indent. One that has lines of its own (`case … esac`) keeps them."""
    if "\n" not in clause:
        return _wrapped(clause, _INDENT)
    return " \\\n".join(_INDENT + line for line in clause.split("\n"))


def _wrapped(clause: str, indent: str) -> str:
    """A clause with its indent; if it is too long, the arguments at its end stand one a line.

    A Dockerfile joins the lines before the shell sees them, so breaking at a blank outside quotes is safe.
    Text whose quotes are not plain to see (`$(…)` inside quotes, backticks) stays as it is.
    """
    line = indent + clause
    if len(line) <= WIDTH - len(" && \\"):
        return line
    words = _WORD.findall(clause)
    if " ".join(words) != clause:
        return line
    head, tail = _head_and_tail(words)
    if len(tail) > 1 and len(indent) + len(" ".join(head)) <= WIDTH:
        return f" \\\n{indent}{_INDENT}".join([indent + " ".join(head), *tail])
    return f" \\\n{indent}{_INDENT}".join(_filled(words, indent))


def _head_and_tail(words: list[str]) -> tuple[list[str], list[str]]:
    """The words up to the last option (with its value), and the plain arguments behind it."""
    begin = len(words)
    while begin and _ARGUMENT.fullmatch(words[begin - 1]) and not words[begin - 1].startswith("-"):
        begin -= 1
    if begin and words[begin - 1] in _OPTIONS_WITH_VALUE:
        begin += 1
    begin = max(begin, 1)
    return words[:begin], words[begin:]


def _filled(words: list[str], indent: str) -> Iterator[str]:
    """Lines as full as they can be; the caller indents those behind the first. None begins with `#`: it
    would be a comment."""
    line, room = indent + words[0], WIDTH - len(" \\")
    for word in words[1:]:
        if len(line) + 1 + len(word) > room and not word.startswith("#"):
            yield line
            line, room = word, WIDTH - len(indent) - len(_INDENT) - len(" \\")
        else:
            line += " " + word
    yield line
