"""What of each image a virtual environment can have: the data that `imgc run --engine process` works from.

The plan is for engines that build Dockerfiles; these are the keys behind them, as the file has them.
"""

from __future__ import annotations

from typing import Any

from imgc.layers.kind import Written
from imgc.model.image import PipOptions
from imgc.model.pipeline import items, text
from imgc.plan.nodes import place
from imgc.resolve.image import ResolvedImage
from imgc.resolve.resolved import Resolved

PIP_KEYS = ("pip_packages", "requirements")


def environments(resolved: Resolved) -> dict[str, Any]:
    """By image: `base`, `parent` (the image it extends), `python` (the version, "" where none is known), `env`,
    `keys` (every key that is written, or that a bundle or the stack brings, with its place) and `installs`, in
    order."""
    return {name: _image(image) for name, image in resolved.images.items()}


def _image(image: ResolvedImage) -> dict[str, Any]:
    layers = (*image.layers.fixed, *image.layers.explicit)
    keys = {entry.name: place(entry.key.span) for entry in image.node.entries}
    keys = {one.key: place(one.span) for one in layers} | keys
    managed = {"PATH", "VIRTUAL_ENV"} if "VIRTUAL_ENV" in image.env or not image.facts.python else set()
    return {
        "base": image.base,
        "parent": image.parent,
        "python": text(image.node.get("python_version")) or image.facts.python or "",
        "env": {name: value for name, value in image.env.items() if name not in managed},
        "keys": keys,
        "installs": [_install(one) for one in layers if one.key in PIP_KEYS],
    }


def _install(layer: Written) -> dict[str, Any]:
    node = layer.node
    values = [text(item) for item in items(node)] or ([text(node)] if text(node) else [])
    return {
        "key": layer.key,
        "place": place(layer.span),
        "values": values,
        "pip": _pip(layer.pip),
    }


def _pip(pip: PipOptions) -> dict[str, Any]:
    return {
        "index_url": pip.index_url,
        "index_username": pip.index_username,
        "index_password": pip.index_password,
        "extra_index_urls": list(pip.extra_index_urls),
        "pre": pip.pre,
        "extra_args": list(pip.extra_args),
        "installer": pip.installer,
    }
