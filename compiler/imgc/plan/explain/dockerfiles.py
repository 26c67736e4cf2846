"""The Dockerfile of an image, line by line: the YAML that made each instruction, and why it is there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from imgc.dockerfile.source_map import MapLine
from imgc.plan.explain.view import View, meaning
from imgc.records import dataclass

_NOTE = re.compile(r"# .*?\((?P<note>.*)\)\s*\Z")
_ADDED = {
    "LABEL": "added by imgc: what follows from the content of the image, for registries",
    "USER": "added by imgc: the steps below need this user",
    "WORKDIR": "added by imgc: where the code goes",
    "ENV": "added by imgc: what the steps below need",
}


@dataclass(frozen=True, slots=True)
class Explained:
    """One instruction. `text` are its lines; `key` and `yaml_line` where it comes from ("" and 0: added by imgc)."""

    image: str
    entry: MapLine
    text: tuple[str, ...]
    key: str
    yaml_line: int
    why: str


def explain_dockerfile(view: View, image: str) -> Iterator[Explained]:
    """The instructions of an image's Dockerfile, in order."""
    lines = view.compiled.dockerfiles[image].splitlines()
    note = ""
    origin: tuple[str, int | None] = ("", None)
    for entry in view.maps[image].lines:
        above = lines[entry.line - 2] if entry.line > 1 else ""
        if above.startswith("#"):
            match = _NOTE.match(above)
            note = match["note"] if match else ""
        elif origin != (entry.key, entry.yaml_line):
            note = ""
        origin = entry.key, entry.yaml_line
        text = tuple(lines[entry.line - 1 : entry.end_line])
        yield Explained(image, entry, text, entry.key, entry.yaml_line or 0, _why(entry, note))


def _why(entry: MapLine, note: str) -> str:
    if entry.yaml_line is None:
        return note or _ADDED.get(entry.instruction, "added by imgc: it is needed by the steps around it")
    if entry.key == "dockerfile":
        return "a line of your own Dockerfile"
    sentence = meaning(entry.key)
    return f"{sentence}; {note}" if note and sentence else note or sentence


def from_yaml_line(view: View, first: int, last: int) -> list[Explained]:
    """The instructions, in all Dockerfiles, that come from some lines of the file."""
    return [
        explained
        for image in view.compiled.dockerfiles
        for explained in explain_dockerfile(view, image)
        if first <= explained.yaml_line <= last
    ]
