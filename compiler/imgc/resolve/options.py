"""Options that go along with layers: `pip` and `secrets`."""

from __future__ import annotations

import shlex
from dataclasses import replace

from imgc.diagnostics import Span
from imgc.document.nodes import Mapping, Node, Scalar
from imgc.model.image import PipOptions, SecretUse
from imgc.model.pipeline import flag, items, text, texts


def secret_uses(node: Node | None) -> tuple[SecretUse, ...]:
    """`secrets` of an image, a layer, `pip` or a node: names, or mappings with `secret` and a place."""
    uses = []
    for item in items(node):
        if isinstance(item, Scalar) and isinstance(item.value, str):
            uses.append(SecretUse(item.text, item.span))
        elif isinstance(item, Mapping) and isinstance(name := item.get("secret"), Scalar):
            uses.append(
                SecretUse(
                    name.text, name.span,
                    env=text(item.get("env")), target=text(item.get("target")), required=flag(item.get("required"), True),
                )
            )  # fmt: skip
    return tuple(uses)


def pip_options(node: Node | None, around: PipOptions, span: Span | None = None) -> PipOptions:
    """`pip` of a layer over that of its image: what it says replaces, what it leaves out holds on."""
    if not isinstance(node, Mapping):
        return around
    options = replace(around, span=span or around.span)
    index = node.get("index_url")
    if isinstance(index, Mapping):
        options = replace(
            options,
            index_url=text(index.get("url")),
            index_username=text(index.get("username")),
            index_password=text(index.get("password")),
        )
    elif index is not None:
        options = replace(options, index_url=text(index), index_username="", index_password="")
    if node.get("extra_index_urls") is not None:
        options = replace(options, extra_index_urls=texts(node.get("extra_index_urls")))
    if node.get("pre") is not None:
        options = replace(options, pre=flag(node.get("pre")))
    if (extra := node.get("extra_args")) is not None:
        options = replace(options, extra_args=_arguments(extra))
    if node.get("installer") is not None:
        options = replace(options, installer=text(node.get("installer")))
    if node.get("secrets") is not None:
        options = replace(options, secrets=secret_uses(node.get("secrets")))
    return options


def _arguments(node: Node) -> tuple[str, ...]:
    if not isinstance(node, Scalar):
        return texts(node)
    try:
        return tuple(shlex.split(node.text))
    except ValueError:
        return (node.text,)
