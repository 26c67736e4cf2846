"""What a target is: a table of what it can say of a plan, and a pure function from a compiled pipeline to files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from imgc.diagnostics import Span
from imgc.records import dataclass
from imgc.targets.subject import Subject

Level = Literal["exact", "approximated", "refused"]
Part = Literal["image", "node"]


@dataclass(frozen=True, slots=True)
class Support:
    """How much of a concept a target keeps. `text` is a sentence: how it is approximated, or why it is refused."""

    level: Level
    text: str = ""


EXACT = Support("exact")


def approximated(how: str) -> Support:
    return Support("approximated", how)


def refused(why: str) -> Support:
    return Support("refused", why)


Say = Callable[[str, Support, Span], None]
"""Reports what only a value tells, beside the table: what is meant, how much of it holds, where it is written."""


@dataclass(frozen=True, slots=True)
class Target:
    """`parts` are those of a plan that the target is about; its `support` has every concept of these.

    `emit` gives files, path -> text, relative to the output folder. It is only asked where the table refuses nothing.
    """

    name: str
    parts: tuple[Part, ...]
    support: Mapping[str, Support]
    emit: Callable[[Subject, Say], dict[str, str]]
