"""What the document compiles to, as far as it can be told without reading the files that images copy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import PurePath

from imgc.diagnostics import Span
from imgc.dockerfile.writer import Line, write
from imgc.instructions.types import From, Stage
from imgc.resolve.image import PARENT, ResolvedImage
from imgc_lsp.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """A Dockerfile's text, and for each instruction the key and place it comes from."""

    image: str
    text: str
    lines: tuple[Line, ...]

    @property
    def rows(self) -> list[str]:
        return self.text.split("\n")

    def excerpt(self, line: Line) -> str:
        return "\n".join(self.rows[line.line - 1 : line.end_line])


def dockerfile_of(snapshot: Snapshot, name: str) -> Dockerfile | None:
    """The Dockerfile of an image; None where the image is unknown, used as it is, or cannot be written
    yet."""
    image = snapshot.analysis.images.get(name) if snapshot.analysis is not None else None
    if image is None or image.skip_build:
        return None
    if image.dockerfile is not None:
        return Dockerfile(name, image.dockerfile.text, ())
    try:
        written = write(_named(image), image=name, file=PurePath(snapshot.document.file).name)
    except ValueError:
        return None
    return Dockerfile(name, written.text, written.lines)


def _named(image: ResolvedImage) -> tuple[Stage, ...]:
    """The stages, with the parent's name behind their FROM: its tag would need the content of its files."""
    if not image.parent:
        return image.stages
    return tuple(
        Stage(
            stage.name,
            tuple(
                replace(step, instruction=replace(step.instruction, reference=image.parent))
                if isinstance(step.instruction, From) and step.instruction.reference == PARENT
                else step
                for step in stage.steps
            ),
        )
        for stage in image.stages
    )


def image_at(snapshot: Snapshot, line: int) -> str | None:
    """The image that a line of the document belongs to: its own entry's, or that of the node around it."""
    analysis = snapshot.analysis
    if analysis is None:
        return None
    best: tuple[int, str] | None = None
    for name, image in analysis.images.items():
        start = min(image.span.start[0], image.node.span.start[0])
        if start <= line <= image.node.span.end[0] and (best is None or start > best[0]):
            best = start, name
    if best is not None:
        return best[1]
    around: tuple[int, str] | None = None
    for node in analysis.nodes.values():
        start = node.span.start[0]
        if (
            node.image
            and start <= line <= node.tree.value.span.end[0]
            and (around is None or start >= around[0])
        ):
            around = start, node.image
    return around[1] if around else None


def lines_of(dockerfile: Dockerfile, start: int, end: int) -> list[Line]:
    """The instructions that come from lines [start, end] of the document."""
    return [line for line in dockerfile.lines if line.span is not None and start <= line.span.start[0] <= end]


def inside(span: Span, line: int) -> bool:
    return span.start[0] <= line <= span.end[0]
