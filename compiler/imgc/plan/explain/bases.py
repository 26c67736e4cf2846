"""What is known of an image's base, from where, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterator

from imgc.document.nodes import Mapping
from imgc.layers.facts import BaseFacts
from imgc.layers.registry import is_python
from imgc.lock.lock import FOLDER
from imgc.model.config import Config
from imgc.model.pipeline import text
from imgc.resolve.image import ResolvedImage

Fact = tuple[str, str]


def facts(image: ResolvedImage) -> Iterator[Fact]:
    """Name and sentence of each thing that is known or assumed."""
    known = image.facts
    if image.parent:
        yield "starts from", f"'{image.parent}' of this file, whose base is {image.base or 'unknown'}"
    else:
        yield "starts from", image.base or "the Dockerfile"
        if image.digest:
            yield "locked at", image.digest
    if image.skip_build:
        yield "build", "none: the image is used as it is (skip_build)"
        return
    yield "base facts", _facts(known)
    installs = [written.key for written in (*image.layers.fixed, *image.layers.explicit)]
    if any(key in ("system_packages", "apt_packages") for key in installs):
        yield "package manager", _manager(known, "apt_packages" in installs)
    if any(is_python(key) for key in installs):
        yield "Python installer", _installer(image)
    if lists := [path for path in image.named if path.startswith(f"{FOLDER}/")]:
        yield "Python packages", f"those of {', '.join(lists)}, with their hashes: the lock's"
    for source in (*image.sources, *image.downloads):
        if source.commit:
            yield "code", f"{source.url or 'the repository of this file'} at {source.commit[:12]}, as locked"
    if image.user or known.user != "root":
        yield "runs as", image.user or known.user


def settings(image: ResolvedImage, config: Config | None) -> Iterator[Fact]:
    """What imgc.toml changes in the image's Dockerfile."""
    if config is None:
        return
    name = text(image.node.get("ref"))
    if (setting := config.image_refs.get(name)) is not None and setting.value == image.base:
        yield "image_refs", f"{setting.place} says that '{name}' is {setting.value}"
    if image.dockerfile is None and not image.parent and image.base:
        fetched, mirror = config.mirrored(image.base)
        if mirror is not None:
            yield "mirror", f"{mirror.place} has it fetched as {fetched}"


def _facts(known: BaseFacts) -> str:
    if not known.source:
        return "none: root, with /bin/sh, is assumed; imgc lock or base_facts say what is true"
    parts = [known.distro or "a distribution that is not known"]
    if known.python:
        managed = " that its distribution manages" if known.python_managed else ""
        parts.append(f"Python {known.python}{managed}")
    elif known.python == "":
        parts.append("no Python")
    if known.conda:
        parts.append(known.conda)
    if known.shell is False:
        parts.append("no shell")
    if known.user != "root":
        parts.append(f"user {known.user}")
    return f"{', '.join(parts)} (from {known.source})"


def _manager(known: BaseFacts, asked: bool) -> str:
    if known.manager:
        return (
            f"{known.manager}, because {known.source} says that the base is {known.distro or 'of that kind'}"
        )
    if asked:
        return "apt, because apt_packages asks for it; nothing is known of the base"
    return "found by the build in /etc/os-release, because nothing is known of the base"


def _installer(image: ResolvedImage) -> str:
    pip = image.node.entry("pip")
    if pip is not None and isinstance(pip.value, Mapping) and (written := text(pip.value.get("installer"))):
        return f"{written}, because pip.installer says so"
    if any(stage.name == "uv" for stage in image.stages):
        return "uv, the default; it is mounted from a stage of its own and is in no layer of the image"
    return "chosen by the layer: see its lines below"


def code(image: ResolvedImage) -> list[tuple[str, str]]:
    """Code from elsewhere, and at which commit."""
    rows = []
    for title, sources in (("code", image.sources), ("code, at start", image.downloads)):
        for source in sources:
            where = " ".join(filter(None, (source.url or "this file's repository", source.branch)))
            if source.commit:
                rows.append((title, f"{where} at {source.commit[:12]} (from the lock)"))
            else:
                tag = ", and with it the tag," if title == "code" else ""
                rows.append((title, f"{where}: what it is then{tag} is found out by the commands that build"))
    return rows
