"""The `pip` options that hold for an image or a layer."""

from __future__ import annotations

from imgc.document.nodes import Mapping
from imgc.layers.kind import Reading
from imgc.model.image import PipOptions


def pip_options(keys: Mapping, reading: Reading, around: PipOptions | None = None) -> PipOptions:
    """`pip` of a mapping over that of the image around it: what it says replaces, what it leaves out holds on."""
    node = keys.get("pip")
    if node is None:
        return around or PipOptions()
    from imgc.layers.python.options import read_pip  # few images have options

    return read_pip(node, reading, around)
