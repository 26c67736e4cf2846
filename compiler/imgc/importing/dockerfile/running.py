"""What a container of a Dockerfile's image runs: ENTRYPOINT and CMD."""

from __future__ import annotations

import json
import re

from imgc.diagnostics import Span
from imgc.dockerfile.userfile import Instruction, UserFile, bases
from imgc.importing.source import Source
from imgc.records import dataclass

_SHELL = ("/bin/sh", "-c")
_SEVERAL = re.compile(r"[;\n(){}`]|(?<!&)&(?!&)")
"""What makes a difference to `sh -e`, as which the text of a node is run."""


@dataclass(frozen=True, slots=True)
class Started:
    """`run` of a node that runs the same, and why it is that."""

    run: str | list[str]
    at: Span
    note: str


def started(file: UserFile, source: Source) -> Started | None:
    """What the last stage says, or a stage that it begins from; None where neither says anything."""
    stages = bases(file, {})
    index: int | None = len(stages) - 1
    entrypoint: Instruction | None = None
    cmd: Instruction | None = None
    while index is not None:
        own = [one for one in file.instructions if one.stage == index]
        entrypoint = entrypoint or _last(own, "ENTRYPOINT")
        # An ENTRYPOINT takes the CMD away that the stage below it has.
        cmd = cmd or _last(own, "CMD")
        if entrypoint is not None and entrypoint.stage == index:
            break
        index = stages[index].stage
    return _started(entrypoint, cmd, _shell(file), source)


def _shell(file: UserFile) -> tuple[str, ...]:
    said = [one for one in file.instructions if one.keyword == "SHELL" and one.is_json]
    return tuple(json.loads(said[-1].arguments)) if said else _SHELL


def _last(instructions: list[Instruction], keyword: str) -> Instruction | None:
    found = [one for one in instructions if one.keyword == keyword and one.arguments]
    return found[-1] if found else None


def _started(
    entrypoint: Instruction | None, cmd: Instruction | None, shell: tuple[str, ...], source: Source
) -> Started | None:
    said = [one for one in (entrypoint, cmd) if one is not None]
    if not said:
        return None
    note = "from " + " and ".join(one.keyword for one in said)
    at = source.span(said[0].line, said[0].end_line)
    first = said[0]
    if not first.is_json or (first is entrypoint and cmd is None):
        return Started(_run(first, shell), at, f"from {first.keyword}") if _argv(first, shell) else None
    words = [word for one in said for word in _argv(one, shell)]
    return Started(words, at, note) if words else None


def _argv(instruction: Instruction, shell: tuple[str, ...]) -> list[str]:
    if instruction.is_json:
        words: list[str] = json.loads(instruction.arguments)
        return words
    return [*shell, instruction.arguments]


def _run(instruction: Instruction, shell: tuple[str, ...]) -> str | list[str]:
    """Text where `sh -e` runs it alike, else the words."""
    if instruction.is_json or shell != _SHELL or _SEVERAL.search(instruction.arguments):
        return _argv(instruction, shell)
    return instruction.arguments


def entrypoint_of(file: UserFile) -> list[str]:
    """The words that a container of the last stage begins with; none where the Dockerfile says nothing."""
    stages = bases(file, {})
    index: int | None = len(stages) - 1
    while index is not None:
        found = _last([one for one in file.instructions if one.stage == index], "ENTRYPOINT")
        if found is not None:
            return _argv(found, _shell(file))
        index = stages[index].stage
    return []
