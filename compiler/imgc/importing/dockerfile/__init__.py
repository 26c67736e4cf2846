"""A Dockerfile: an image, and a node that runs what its containers would.

An image of the same content comes first. Where the keys of an image, in their order or under `layers`, say
exactly what the Dockerfile says, they do; else the image is built from the Dockerfile, with the reason beside it.
"""

from __future__ import annotations

import re
from pathlib import PurePath

from imgc.dockerfile.userfile import Instruction, UserFile, UserFileError, bases, read
from imgc.importing.dockerfile.arrange import arrange
from imgc.importing.dockerfile.context import context_of
from imgc.importing.dockerfile.running import Started, started
from imgc.importing.dockerfile.translate import Kept, comment_above, translate
from imgc.importing.draft import Block, Draft, Expression, Given
from imgc.importing.names import image_name, pipeline_name
from imgc.importing.settle import problems
from imgc.importing.source import Source, SourceError
from imgc.layers.env import looks_secret
from imgc.records import replace

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$([A-Za-z_][A-Za-z0-9_]*)")
_OWN_PLATFORM = {"$BUILDPLATFORM", "${BUILDPLATFORM}", "$TARGETPLATFORM", "${TARGETPLATFORM}"}
_DEFAULT = re.compile(r"[A-Za-z0-9._/@:-]+\Z")


def draft(source: Source) -> Draft:
    file = _read(source)
    context = replace(source, folder=context_of(file, source))
    try:
        made = _translated(file, source, context)
        if found := problems(made, source.target):
            raise Kept(found[0].message, source.span(file.stages[-1].instruction.line))
    except Kept as reason:
        made = _kept(file, source, context, reason)
    if context.folder != source.folder and not source.context:
        shown = context.local(".")
        made.warn(
            f"the build context is taken to be '{shown}', where the paths of COPY are; --context says another",
            source.start,
        )
    return made


def _read(source: Source) -> UserFile:
    try:
        file = read(source.text)
    except UserFileError as error:
        raise SourceError(source.span(error.line), f"this is no Dockerfile: {error}") from None
    if not file.stages:
        raise SourceError(source.start, "this is no Dockerfile: it has no FROM")
    return file


def _translated(file: UserFile, source: Source, context: Source) -> Draft:
    found = bases(file, {})
    stages = [len(found) - 1]
    while (below := found[stages[0]].stage) is not None:
        stages.insert(0, below)
    stage, base = file.stages[stages[0]], found[stages[0]].reference
    at = source.span(stage.instruction.line)
    if base is None:
        raise Kept(f"only a build knows what '{stage.reference}' is", at)
    made = Draft()
    made.head.set("name", pipeline_name(source.folder.absolute().name))
    image = made.images.block(_image_name(source), at)
    if comment := comment_above(stage.instruction.line, source):
        image.remark(comment)
    image.set("base", _base(file, stages[0], base, made), at)
    for index in stages:
        _platform(file.stages[index].instruction, image, source)
    translation = translate(file, stages, base, context)
    for name, span in translation.secrets.items():
        made.head.block("secrets").set(
            name, {"env": re.sub(r"[^A-Z0-9]", "_", f"SECRET_{name}".upper())}, span
        )
        made.warn(
            f"where this machine keeps the secret '{name}' is not in a Dockerfile: 'secrets' names a variable",
            span,
        )
    for what, why, span in translation.lost:
        made.lost(image, what, why, span)
    arrange(image, translation)
    if translation.copies_folders:
        _ignore_file(image, source, context)
    _node(made, started(file, source))
    return made


def _base(file: UserFile, stage: int, base: str, made: Draft) -> Given:
    """The base, with the build arguments of its name as parameters."""
    reference = file.stages[stage].reference
    defaults = {arg.name: arg.default for arg in file.args if arg.stage < 0}
    used = [one[1] or one[2] for one in _VARIABLE.finditer(reference)]
    if not used or any(not _DEFAULT.match(defaults.get(name) or "$") for name in used):
        return base
    for name in used:
        made.head.block("params").set(name, defaults[name] or "")
    return Expression(_VARIABLE.sub(lambda one: f"${{{{ params.{one[1] or one[2]} }}}}", reference))


def _platform(start: Instruction, image: Block, source: Source) -> None:
    at = source.span(start.line)
    for flag in start.flags:
        name, _, platform = flag.partition("=")
        if name == "--platform" and platform in _OWN_PLATFORM:
            continue  # without --platform of a build, all of them are the engine's own
        if name != "--platform" or "$" in platform:
            raise Kept(f"FROM {flag}", at)
        image.set("platforms", [platform], at)


def _ignore_file(image: Block, source: Source, context: Source) -> None:
    """The ignore file that a build of the Dockerfile would take. Its patterns begin in the build context, here in the
    folder of `copy_dir`, else of the pipeline file."""
    own = f"{PurePath(source.file).name}.dockerignore"
    is_own = (source.folder / own).is_file()
    if not is_own and not (context.folder / ".dockerignore").is_file():
        return
    here = context.local(".")
    if here not in (".", image.get("copy_dir")):
        reason = f"its ignore file is for '{here}', another folder than the pipeline file's"
        raise Kept(reason, source.start)
    if is_own:
        image.set("dockerignore", source.local(own))


def _kept(file: UserFile, source: Source, context: Source, reason: Kept) -> Draft:
    """The image as the Dockerfile builds it."""
    made = Draft()
    made.head.set("name", pipeline_name(source.folder.absolute().name))
    image = made.images.block(_image_name(source), source.span(file.stages[-1].instruction.line))
    image.remark(f"built from the Dockerfile: {reason}")
    made.warn(f"the Dockerfile is built as it is, its steps are no keys: {reason}", reason.span)
    given: dict[str, Given] = {}
    if source.file == "-":
        given["text"] = source.text
    else:
        given["path"] = source.local(PurePath(source.file).name)
    if source.file == "-" or context.folder != source.folder:
        given["context"] = context.local(".")
    if arguments := _arguments(file):
        given["args"] = arguments
    image.set("dockerfile", given["path"] if set(given) == {"path"} else given, reason.span)
    _node(made, started(file, source))
    return made


def _arguments(file: UserFile) -> dict[str, Given]:
    """The build arguments with the one default that each has, to be given others."""
    defaults: dict[str, set[str]] = {}
    for arg in file.args:
        if arg.default is not None:
            defaults.setdefault(arg.name, set()).add(arg.default)
    return {
        name: next(iter(found))
        for name, found in defaults.items()
        if len(found) == 1 and _DEFAULT.match(next(iter(found))) and not looks_secret(name)
    }


def _image_name(source: Source) -> str:
    """`app` for a Dockerfile, the rest of the name for others: Dockerfile.worker, web.Dockerfile."""
    words = PurePath(source.file).name.replace("-", ".").split(".")
    rest = [word for word in words if word.lower() not in ("dockerfile", "containerfile", "")]
    return image_name("-".join(rest)) if rest and source.file != "-" else "app"


def _node(made: Draft, command: Started | None) -> None:
    if command is None:
        made.pipeline.remark("what its containers run is said by its base; a node would be, say, `run: ls`")
        return
    made.pipeline.set("image", next(made.images.entries).key)
    made.pipeline.set("run", command.run, command.at, note=command.note)
