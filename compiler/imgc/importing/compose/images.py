"""`build` and `image` of a service."""

from __future__ import annotations

import re

from imgc.importing.compose.values import ComposeFields
from imgc.importing.draft import Block, Draft, Expression, Given, like
from imgc.importing.names import image_name, secret_name
from imgc.importing.source import Source
from imgc.importing.yaml import Fields
from imgc.model.reference import DEFAULT_REGISTRY, InvalidReference, parse
from imgc.records import dataclass

_REMOTE = re.compile(r"[a-z][a-z0-9+.-]*://|git@|github\.com/", re.IGNORECASE)
_OPTIONS = {"network": "network", "no_cache": "no_cache", "pull": "pull", "shm_size": "shm_size"}


@dataclass(frozen=True, slots=True)
class Image:
    """The name of an image, and its Dockerfile beside the Compose file, as far as there is one: path and target."""

    name: str
    dockerfile: str = ""
    target: str = ""


def image_of(service: str, fields: ComposeFields, source: Source, made: Draft) -> Image | None:
    """The image of a service, put among the images of the draft."""
    reference = fields.text("image")
    if "build" in fields:
        name = image_name(service, made.images)
        image = Block()
        found = _build(name, fields, image, source)
        if found is None:
            return None
        made.images.set(name, image, fields.at("build"))
        if reference is not None:
            _called(image, reference, fields)
        if (platform := fields.text("platform")) is not None:
            image.set("platforms", [platform], fields.at("platform"))
        return found
    if reference is None:
        return None
    # Services of one image share its name.
    same = fields.values.images.get(reference)
    name = same or image_name(service, made.images)
    if (platform := fields.text("platform")) is not None:
        made.images.set(name, {"base": reference, "platforms": [platform]}, fields.at("image"))
    elif same is None:
        fields.values.images[reference] = name
        made.images.set(name, reference, fields.at("image"))
    return Image(name)


def _called(image: Block, reference: str, fields: ComposeFields) -> None:
    """The name that Compose gives what it builds."""
    try:
        parsed = parse(reference)
    except InvalidReference:
        fields.lost("image", "it is no reference")
        return
    if isinstance(reference, Expression):
        fields.lost(
            "image",
            "imgc makes the tag from the content; registry, repository and tag of the image set others",
        )
        return
    if parsed.registry != DEFAULT_REGISTRY:
        image.set("registry", parsed.registry, fields.at("image"))
    image.set("repository", parsed.repository.removeprefix("library/"), fields.at("image"))
    if parsed.tag:
        image.set("tag", parsed.tag, fields.at("image"))


def _build(name: str, fields: ComposeFields, image: Block, source: Source) -> Image | None:
    build = fields.inner("build", image)
    at = fields.at("build")
    context = fields.text("build") if build is None else build.text("context") or "."
    if context is None or _REMOTE.match(context):
        fields.lost("build", "the code is elsewhere: copy_url of an image fetches code")
        return None
    if build is None:
        image.set("dockerfile", like(f"{source.local(context)}/Dockerfile".removeprefix("./"), context), at)
        return Image(name, f"{context}/Dockerfile")
    given: dict[str, Given] = {}
    written = build.text("dockerfile") or "Dockerfile"
    inline = build.text("dockerfile_inline")
    if inline is not None:
        given["text"] = inline
    else:
        given["path"] = like(f"{source.local(context)}/{written}".removeprefix("./"), context, written)
    if inline is not None or "/" in written:
        given["context"] = like(source.local(context), context)
    arguments = [
        pair for pair in build.pairs("args") or () if pair[1] is not None or _said_empty(build, pair[0])
    ]
    if arguments:
        given["args"] = {key: value or "" for key, value in arguments}
    target = build.text("target")
    if target is not None:
        given["target"] = target
    image.set("dockerfile", given["path"] if set(given) == {"path"} else given, at)
    _rest_of_build(build, image)
    return Image(name, "" if inline is not None else f"{context}/{written}", target or "")


def _said_empty(build: Fields, name: str) -> bool:
    build.draft.lost(
        build.block,
        f"build.args.{name}",
        "its value is the environment's: write it, or use a param",
        build.at("args"),
    )
    return False


def _rest_of_build(build: ComposeFields, image: Block) -> None:
    if labels := build.pairs("labels"):
        image.set("labels", {key: value or "" for key, value in labels}, build.at("labels"))
    if platforms := build.texts("platforms"):
        image.set("platforms", platforms, build.at("platforms"))
    if ssh := build.texts("ssh"):
        image.set("ssh", [text.partition("=")[0] for text in ssh], build.at("ssh"))
    if secrets := build.scalars("secrets"):
        image.set("secrets", [secret_name(secret.text) for secret in secrets], build.at("secrets"))
    options = image.block("build")
    options.inline = True
    for key, ours in _OPTIONS.items():
        flag = build.flag(key)
        if flag is not None:
            options.set(ours, flag, build.at(key))
        elif (text := build.text(key)) is not None:
            options.set(ours, size(text) if key == "shm_size" else text, build.at(key))
    for key in ("cache_from", "cache_to"):
        if listed := build.texts(key):
            options.set(key, listed, build.at(key))
    if not any(options.entries):
        image.items = [item for item in image.items if getattr(item, "value", None) is not options]
    build.done()


def size(text: str) -> str:
    """A size as Docker writes it, whose units are powers of 1024: `1.5gb` is `1.5Gi`."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([bkmgt]?)(?:i?b)?", text.strip().lower())
    if found is None:
        return text
    unit = found[2].upper().removesuffix("B")
    return found[1] + (f"{unit}i" if unit else "")
