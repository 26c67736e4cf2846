"""The layers of an image in order: its keys in the order of the format, bundles and stack joined in, then `layers`."""

from __future__ import annotations

from collections.abc import Sequence as Many

from imgc.diagnostics import Span
from imgc.document.nodes import Entry, Mapping, Node, Scalar, Sequence
from imgc.layers.kind import Reading, Written
from imgc.layers.registry import EXPLICIT_ONLY, MODULES
from imgc.model.image import Image, PipOptions, SecretUse
from imgc.model.pipeline import Pipeline, Requirements, flag, items
from imgc.model.secrets import secret_uses
from imgc.records import dataclass
from imgc.resolve.options import pip_options

GROUPED = ("system_packages", "apt_packages", "pip_packages")
"""What bundles and the stack hold."""

SECRETS_OF_IMAGE = frozenset({
    "commands", "local_project_install", "uv_project", "poetry_project", "requirements", "pip_packages", "conda",
    "npm_packages", "replicate_local_environment", "uv_script",
})  # fmt: skip
"""Layers that get the secrets of their image: commands and language installs."""


@dataclass(frozen=True, slots=True)
class Layers:
    """The layers of an image as written. `fixed` are in the order of the format, `explicit` those of `layers`."""

    fixed: tuple[Written, ...]
    explicit: tuple[Written, ...]


def collect(image: Image, pipeline: Pipeline, stack: bool, reading: Reading) -> Layers:
    """Collects the layers of an image. `stack`: whether the document's stack belongs to it."""
    pip = pip_options(image.node, reading)
    secrets = secret_uses(image.node.get("secrets"))
    groups = _bundles(image.node.entry("bundles"), pipeline)
    if stack and pipeline.stack is not None and flag(image.node.get("install_stack"), True):
        groups.append(pipeline.stack)
    fixed = _fixed(image.node, groups, pip, secrets)
    explicit: list[Written] = []
    for item in items(image.node.get("layers")):
        if isinstance(item, Mapping):
            explicit += _item(item, pip, secrets, pipeline, reading)
    return Layers(tuple(fixed), tuple(explicit))


def _fixed(
    node: Mapping, groups: Many[Requirements], pip: PipOptions, secrets: tuple[SecretUse, ...]
) -> list[Written]:
    written: list[Written] = []
    for key in MODULES:
        entry = node.entry(key)
        if key in GROUPED:
            joined = _join(key, entry, groups)
            if joined is not None:
                span, value = joined
                written.append(Written(key, span, value, pip, _secrets(key, (), secrets), node))
        elif entry is not None and key not in EXPLICIT_ONLY:
            written.append(Written(key, entry.key.span, entry.value, pip, _secrets(key, (), secrets), node))
    return written


def _join(key: str, entry: Entry | None, groups: Many[Requirements]) -> tuple[Span, Node] | None:
    """The items of a key and of the groups as one list; its place is the key's, else the first group's."""
    found: list[Node] = list(items(entry.value)) if entry else []
    span = entry.key.span if entry else None
    for group in groups:
        inner = group.node.entry(key)
        if inner is not None:
            found += items(inner.value)
            span = span or inner.key.span
    if span is None:
        return None
    return span, Sequence(tuple(found), entry.value.span if entry else span)


def _item(
    item: Mapping, pip: PipOptions, secrets: tuple[SecretUse, ...], pipeline: Pipeline, reading: Reading
) -> list[Written]:
    """One item of `layers`: a layer key with its own `pip` and `secrets`."""
    entry = next((entry for entry in item.entries if entry.name in MODULES or entry.name == "bundles"), None)
    if entry is None:
        return []
    options = pip_options(item, reading, pip)
    own = secret_uses(item.get("secrets"))
    if entry.name != "bundles":
        return [
            Written(
                entry.name, entry.key.span, entry.value, options, _secrets(entry.name, own, secrets), item
            )
        ]
    groups = _bundles(entry, pipeline)
    joined = [(key, found) for key in GROUPED if (found := _join(key, None, groups))]
    return [
        Written(key, span, value, options, _secrets(key, own, secrets), item) for key, (span, value) in joined
    ]


def _secrets(key: str, own: tuple[SecretUse, ...], image: tuple[SecretUse, ...]) -> tuple[SecretUse, ...]:
    """A layer's own secrets, and its image's where it gets them; a name given in both is the layer's."""
    if key not in SECRETS_OF_IMAGE:
        return own
    names = {use.name for use in own}
    return (*own, *(use for use in image if use.name not in names))


def _bundles(entry: Entry | None, pipeline: Pipeline) -> list[Requirements]:
    found: list[Requirements] = []
    for item in items(entry.value) if entry else ():
        if not isinstance(item, Scalar) or not isinstance(item.value, str):
            continue
        bundle = pipeline.bundles.get(item.text)
        if bundle is not None:
            found.append(bundle)
    return found
