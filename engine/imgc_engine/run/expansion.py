"""Leaves that become groups while the run goes on: what they turn into, kept with the run.

A leaf is started as any other. Where its attempt gives an `Expansion` (`messages.Ended`), the group in it
takes the leaf's place, by the same path; it is on the disk before it counts, and `--resume` finds it there.
When a group around it is tried again, it is the leaf once more.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from imgc.records import dataclass, field
from imgc_engine.plan import Image, Node
from imgc_engine.reading import plain, read
from imgc_engine.run.store import write_whole

FOLDER = "expanded"  # of a run

Compile = Callable[[Mapping[str, str], Path], tuple[Mapping[str, Any] | None, Sequence[str]]]
"""The compiler: takes what lazy nodes have printed, by their paths, and a folder for Dockerfiles.

Gives the plan of the whole pipeline with that in it; or None, and what is wrong as text to show: a sentence,
then excerpts.
"""


@dataclass(frozen=True, slots=True)
class Expansion:
    """What runs in a leaf's place: `nodes[0]` is a group of the leaf's path, the others are all below it, in
    tree order.

    `images` are those that the plan does not have, `compiled` is the folder of their Dockerfiles (in the
    run's folder), and `text` what it was made of.
    """

    nodes: tuple[Node, ...]
    images: Mapping[str, Image] = field(default_factory=dict)
    compiled: str = ""
    text: str = ""


class NotExpandable(RuntimeError):
    """Why a leaf cannot become a group, in a sentence; `lines` say more."""

    def __init__(self, message: str, lines: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.lines = lines


def keep(folder: Path, expansion: Expansion) -> str:
    """Write it to the run's folder; the name by which `load` finds it. OSError."""
    (folder / FOLDER).mkdir(exist_ok=True)
    number = sum(1 for _ in (folder / FOLDER).glob("*.json")) + 1
    write_whole(folder / FOLDER / f"{number}.json", json.dumps(plain(expansion)))
    return f"{number}.json"


def load(folder: Path, name: str) -> Expansion:
    return read(Expansion, json.loads((folder / FOLDER / name).read_text(encoding="utf-8")))


def grow(nodes: Sequence[Node], expansions: Mapping[str, Expansion]) -> tuple[Node, ...]:
    """The nodes, in tree order, with groups for the leaves that have expanded."""
    grown: list[Node] = []
    for node in nodes:
        expansion = None if node.is_group else expansions.get(node.path)
        if expansion is None:
            grown.append(node)
        else:
            grown += [expansion.nodes[0], *grow(expansion.nodes[1:], expansions)]
    return tuple(grown)
