"""The instructions a layer is turned into, before any text is written.

A value in here is always the value itself, never quoted text: quoting happens once, when the
Dockerfile is written (`imgc.instructions.quoting`). The only exception is `Run.clauses`, shell text
that layers make of fixed words and of words quoted by `quoting.words`.
"""

from __future__ import annotations

from typing import TypeAlias

from imgc.diagnostics import Span
from imgc.records import dataclass


@dataclass(frozen=True, slots=True)
class Mount:
    """A `RUN --mount`: kind is cache, bind, secret or ssh; options in the order they are written.

    Values hold only `[A-Za-z0-9._/@+=:~-]` (BuildKit has no quoting here): the layer sees to that.
    """

    kind: str
    options: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class From:
    """Begins a stage. `reference` is an image or an earlier stage."""

    reference: str
    stage: str


@dataclass(frozen=True, slots=True)
class Arg:
    name: str
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Env:
    """Variables, one instruction. In values `${NAME}` is a variable and `$$` a dollar sign, as in
    `env` of the format, where `expand`; else every character stands for itself."""

    variables: tuple[tuple[str, str], ...]
    expand: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """A generated step: shell clauses that all must succeed, written one a line, joined by `&&`. A line break in
    a clause is one of the layout only: the shell sees a blank there."""

    clauses: tuple[str, ...]
    mounts: tuple[Mount, ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """A user's own shell text, any text at all; `shell` is the image's shell as an argv prefix."""

    text: str
    mounts: tuple[Mount, ...] = ()
    shell: tuple[str, ...] = ("/bin/sh", "-ec")


@dataclass(frozen=True, slots=True)
class Copy:
    """COPY of context paths (relative, no leading `./`), or of absolute paths of another stage."""

    sources: tuple[str, ...]
    destination: str
    chown: str = ""
    stage: str = ""


@dataclass(frozen=True, slots=True)
class Workdir:
    path: str


@dataclass(frozen=True, slots=True)
class User:
    name: str


@dataclass(frozen=True, slots=True)
class Label:
    labels: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Expose:
    ports: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Healthcheck:
    """`options` as written, e.g. (("interval", "30s"),)."""

    command: tuple[str, ...]
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class StopSignal:
    signal: str


@dataclass(frozen=True, slots=True)
class Shell:
    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entrypoint:
    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cmd:
    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verbatim:
    """Lines of a user's own Dockerfile, as they are."""

    text: str


Instruction: TypeAlias = (
    From | Arg | Env | Run | Command | Copy | Workdir | User | Label | Expose
    | Healthcheck | StopSignal | Shell | Entrypoint | Cmd | Verbatim
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """An instruction with the key it comes from: the key's name as the user sees it, its place
    (None for what the format itself adds), and a line that says why it is there."""

    instruction: Instruction
    key: str = ""
    span: Span | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Stage:
    """A FROM and what follows it. `of` is the image it belongs to, named in comments."""

    name: str
    steps: tuple[Step, ...]
