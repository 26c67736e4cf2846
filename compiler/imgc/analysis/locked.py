"""What a file needs of imgc.lock, and what of it is missing, out of date, or not needed any more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from imgc.diagnostics import Diagnostic, Severity, Span
from imgc.lock.lock import Lock
from imgc.lock.lookups import Lookup, unused
from imgc.model.pipeline import Pipeline, texts
from imgc.records import replace
from imgc.resolve.image import ResolvedImage

_STARTS = ("base", "ref", "dockerfile", "uv_script", "python_version", "extends")
_SAID_WHERE_USED = ("environments", "packages")
"""Sections without whose entries an image cannot be compiled: its layers say what is wrong with them."""


def lookups_of(images: Iterable[ResolvedImage], pipeline: Pipeline) -> tuple[Lookup, ...]:
    """Everything that only `imgc lock` can find out, each thing once."""
    found: dict[tuple[str, str], Lookup] = {}
    for image in images:
        for lookup in (*_bases(image, pipeline), *image.lookups):
            if lookup.kind != "s3":  # what is in a bucket has no commit
                first = found.get((lookup.section, lookup.name), lookup)
                found[lookup.section, lookup.name] = replace(first, images=(*first.images, image.name))
    return tuple(found.values())


def _bases(image: ResolvedImage, pipeline: Pipeline) -> Iterator[Lookup]:
    platforms = texts(image.node.get("platforms")) or pipeline.platforms
    if image.dockerfile is not None:
        bases: tuple[str, ...] = image.dockerfile.bases
    else:
        bases = (image.base,) if image.base not in ("", "scratch") and not image.parent else ()
    for base in bases:
        yield Lookup("images", base, _start(image), platforms=platforms)
    builder = image.builder
    if builder is not None and not builder.own and builder.image not in ("", image.base):
        yield Lookup("images", builder.image, builder.span, platforms=platforms)


def _start(image: ResolvedImage) -> Span:
    """Where an image says what it stands on."""
    entry = next((entry for key in _STARTS if (entry := image.node.entry(key)) is not None), None)
    return entry.value.span if entry is not None else image.span


def check_lock(
    lookups: Iterable[Lookup], lock: Lock, locked: bool, alone: bool, report: Callable[[Diagnostic], None]
) -> None:
    """Reports what is not in the lock (an error with `locked`, else only where there is a lock), and what of it
    is not needed any more, where the lock is this file's `alone`."""
    for lookup in lookups:
        if lookup.name in lock.section(lookup.section) or lookup.section in _SAID_WHERE_USED:
            continue
        if locked:
            message = f"{lookup.what} is not in imgc.lock, and with --locked everything has to be"
            report(Diagnostic("not-locked", Severity.ERROR, message, lookup.span, "run 'imgc lock'"))
        elif lock.present:
            message = f"imgc.lock is out of date: {lookup.what} is not in it"
            report(Diagnostic("stale-lock", Severity.WARNING, message, lookup.span, "run 'imgc lock'"))
    for section, name in unused(lookups, lock) if alone else ():
        message = f"nothing in the pipeline file needs '{name}' any more"
        label = "'imgc lock' takes it out"
        report(Diagnostic("unused-lock", Severity.HINT, message, lock.places[section, name], label))
