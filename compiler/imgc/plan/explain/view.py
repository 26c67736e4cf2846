"""What an explanation looks at: one analysis with its compiled outputs."""

from __future__ import annotations

from collections.abc import Mapping as Names
from typing import Any

from imgc.diagnostics import Span
from imgc.dockerfile.source_map import SourceMap, loads
from imgc.document.document import Document
from imgc.plan.compiled import Compiled
from imgc.records import dataclass
from imgc.resolve.resolved import Resolved
from imgc_schema import load


@dataclass(frozen=True, slots=True)
class View:
    """A pipeline without errors, as written (`document`), resolved and compiled; `maps` are the source maps of
    its Dockerfiles by image."""

    document: Document
    resolved: Resolved
    compiled: Compiled
    maps: dict[str, SourceMap]

    @property
    def images(self) -> Names[str, Any]:
        """The images of the plan."""
        images: dict[str, Any] = self.compiled.plan["images"]
        return images

    def source(self, line: int) -> str:
        """A line of the file (1-based), without what is around it."""
        lines = self.document.lines
        return lines[line - 1].strip() if 0 < line <= len(lines) else ""

    def at(self, span: Span) -> str:
        """A place as `pipeline.yaml:12`."""
        return f"{self.resolved.project.file}:{span.place.line}"


def view_of(document: Document, resolved: Resolved, compiled: Compiled) -> View:
    maps = {
        name: loads(compiled.files[f"images/{name}/Dockerfile.map.json"].decode("utf-8"))
        for name in compiled.dockerfiles
    }
    return View(document, resolved, compiled, maps)


def meaning(key: str, definition: str = "image") -> str:
    """The first sentence of what the schema says of a key; "" for what is no key."""
    properties = load("pipeline")["$defs"][definition]["properties"]
    text: str = properties.get(key, {}).get("description", "")
    return text.split(". ", 1)[0].rstrip(".").replace("`", "")
