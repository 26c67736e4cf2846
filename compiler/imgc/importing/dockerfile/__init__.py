"""A Dockerfile: an image, and a node that runs what its containers would."""

from __future__ import annotations

from pathlib import PurePath

from imgc.diagnostics import Span
from imgc.dockerfile.userfile import UserFile, UserFileError, read
from imgc.importing.dockerfile.running import Started, started
from imgc.importing.draft import Block, Draft
from imgc.importing.names import image_name, pipeline_name
from imgc.importing.source import Source, SourceError


def draft(source: Source) -> Draft:
    file = _read(source)
    made = Draft()
    made.head.set("name", pipeline_name(source.folder.name))
    name = _image_name(source)
    image = made.images.block(name, source.span(file.stages[-1].instruction.line))
    keep(image, source)
    _node(made, name, started(file, source))
    return made


def keep(image: Block, source: Source, reason: str = "", at: Span | None = None) -> None:
    """The image as the Dockerfile builds it."""
    if reason:
        image.remark(f"built from the Dockerfile itself: {reason}")
    if source.file == "-":
        image.set("dockerfile", {"text": source.text, "context": source.local(".")}, at)
    else:
        image.set("dockerfile", source.local(PurePath(source.file).name), at)


def _read(source: Source) -> UserFile:
    try:
        file = read(source.text)
    except UserFileError as error:
        raise SourceError(source.span(error.line), f"this is no Dockerfile: {error}") from None
    if not file.stages:
        raise SourceError(source.start, "this is no Dockerfile: it has no FROM")
    return file


def _image_name(source: Source) -> str:
    """`app` for a Dockerfile, the rest of the name for others: Dockerfile.worker, web.Dockerfile."""
    words = PurePath(source.file).name.replace("-", ".").split(".")
    rest = [word for word in words if word.lower() not in ("dockerfile", "containerfile", "")]
    return image_name("-".join(rest)) if rest and source.file != "-" else "app"


def _node(made: Draft, image: str, command: Started | None) -> None:
    if command is None:
        made.pipeline.remark("what its containers run is said by its base; a node would be, say, `run: ls`")
        return
    made.pipeline.set("image", image)
    made.pipeline.set("run", command.run, command.at, note=command.note)
