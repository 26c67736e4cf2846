"""What an edit rebuilds: the build cache holds up to the first step that changes, in the image and in its children."""

from __future__ import annotations

from collections.abc import Iterator

from imgc.instructions.types import (
    Cmd,
    Command,
    Copy,
    Entrypoint,
    From,
    Instruction,
    Label,
    Run,
    Stage,
    Workdir,
)
from imgc.layers.recipe import Source
from imgc.plan.explain.view import View
from imgc.records import dataclass
from imgc.resolve.image import ResolvedImage

_RUN_LATER = (Cmd, Entrypoint, Label)


@dataclass(frozen=True, slots=True)
class Rebuild:
    """An edit (of a key, or of files), how many of the image's `total` steps then run again, and from which line."""

    what: str
    yaml_line: int
    steps: int
    total: int
    line: int


def rebuilds(view: View, image: ResolvedImage) -> list[Rebuild]:
    """Each key and each copied path of an image, in the order of the Dockerfile."""
    if not image.stages or image.dockerfile is not None or image.skip_build:
        return []
    final = image.stages[-1]
    numbers = _numbers(final)
    total = max(numbers, default=0)
    entries = (entry for entry in view.maps[image.name].lines if entry.stage == final.name)
    lines = {entry.step: entry.line for entry in entries if entry.step}
    found: dict[tuple[str, int], Rebuild] = {}
    for what, yaml_line, index in sorted(_edits(image), key=lambda edit: edit[2]):
        instruction = final.steps[index].instruction
        # Steps count from the one that changes; what makes no step changes the next one that does.
        first = next((number for number in numbers[index:] if number), total + 1)
        if numbers[index] == 0:
            first = total + 1 if isinstance(instruction, _RUN_LATER) else first
        found.setdefault(
            (what, yaml_line), Rebuild(what, yaml_line, total + 1 - first, total, lines.get(first, 0))
        )
    return list(found.values())


def children(view: View, image: str) -> list[str]:
    """The images that stand on an image, and so are built again when it changes."""
    found: list[str] = []
    for name, other in view.resolved.images.items():
        if other.parent == image or other.parent in found:
            found.append(name)
    return found


def _numbers(stage: Stage) -> list[int]:
    """The number of each step of a stage as BuildKit counts; 0 for what makes none."""
    numbers, count = [], 0
    for step in stage.steps:
        counts = _counts(step.instruction)
        count += counts
        numbers.append(count if counts else 0)
    return numbers


def _counts(instruction: Instruction) -> bool:
    if isinstance(instruction, From):
        return instruction.reference != "scratch"
    return isinstance(instruction, Run | Command | Copy) or (
        isinstance(instruction, Workdir) and instruction.path != "/"
    )


def _edits(image: ResolvedImage) -> Iterator[tuple[str, int, int]]:
    """What can be edited, its YAML line, and the first step of the final stage that sees it."""
    final = image.stages[-1]
    helpers = {stage.name: stage for stage in image.stages[:-1]}
    fetched = {source.path: _said(source) for source in image.sources}
    for index, step in enumerate(final.steps):
        line = step.span.place.line if step.span else 0
        if step.span:
            yield step.key, line, index
        for path in _files(step.instruction):
            yield fetched.get(path) or f"a file in {path}", line, index
        for name in _stages(step.instruction):
            for inner in helpers[name].steps if name in helpers else ():
                if inner.span:
                    yield inner.key, inner.span.place.line, index


def _said(source: Source) -> str:
    """What changes in code from elsewhere."""
    match source.kind:
        case "repo":
            return "a commit of this repository"
        case "git":
            return f"a commit of {source.branch}"
        case _:
            return "a file in the bucket"


def _files(instruction: Instruction) -> Iterator[str]:
    if isinstance(instruction, Copy) and not instruction.stage:
        yield from ("the project" if path == "." else path for path in instruction.sources)
    for mount in instruction.mounts if isinstance(instruction, Run | Command) else ():
        options = dict(mount.options)
        if mount.kind == "bind" and "from" not in options and "source" in options:
            yield options["source"]


def _stages(instruction: Instruction) -> Iterator[str]:
    if isinstance(instruction, Copy) and instruction.stage:
        yield instruction.stage
    for mount in instruction.mounts if isinstance(instruction, Run | Command) else ():
        if "from" in (options := dict(mount.options)):
            yield options["from"]
