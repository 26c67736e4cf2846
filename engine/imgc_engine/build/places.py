"""Where in the YAML a failed step of a build comes from, by the map beside the Dockerfile."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from imgc.dockerfile.source_map import MapLine, SourceMap, loads
from imgc_engine.plan import Image, Place

_METADATA = re.compile(r"\[internal\] load metadata for (\S+)")
_LINE = re.compile(
    r"(?:dockerfile parse error on line|dockerfile parse error line|^[^\s:]*Dockerfile:) ?(\d+)"
)


def place_of(image: Image, dockerfile: Path, step: str, message: Iterable[str]) -> Place:
    """The place of the step (a vertex name), else of the line that Docker names at last; else the image's.

    Missing or damaged maps, and steps that imgc adds itself, lead to the image too.
    """
    try:
        found = loads(Path(f"{dockerfile}.map.json").read_text(encoding="utf-8"))
        entry = found.find(step) or _base(found, dockerfile, step) or _named(found, message)
    except (OSError, ValueError):
        return image.source
    if entry is None or entry.file is None or entry.yaml_line is None or entry.yaml_column is None:
        return image.source
    return Place(entry.file, entry.yaml_line, entry.yaml_column)


def _base(found: SourceMap, dockerfile: Path, step: str) -> MapLine | None:
    """The FROM (or COPY --from) whose image could not be had: BuildKit asks for it in a step of its own."""
    asked = _METADATA.fullmatch(step)
    if asked is None:
        return None
    lines = dockerfile.read_text(encoding="utf-8").splitlines()
    names = {asked[1], asked[1].removeprefix("docker.io/"), asked[1].removeprefix("docker.io/library/")}
    names |= {name.removesuffix(":latest") for name in names}
    for entry in found.lines:
        words = set(re.split(r"[\s,=]+", " ".join(lines[entry.line - 1 : entry.end_line])))
        if words & names:
            return entry
    return None


def _named(found: SourceMap, message: Iterable[str]) -> MapLine | None:
    """Docker of later years says `Dockerfile:7`; all say where they could not parse it."""
    for text in message:
        if line := _LINE.search(text):
            return found.at(int(line[1]))
    return None
