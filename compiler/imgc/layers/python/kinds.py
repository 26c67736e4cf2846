"""What the Python layers of an image say together. Imports none of their modules."""

from __future__ import annotations

from collections.abc import Iterable

from imgc.layers.kind import Layer
from imgc.layers.python.specs import Spec

INSTALLS = frozenset(
    {
        "replicate_local_environment",
        "uv_project",
        "poetry_project",
        "requirements",
        "pip_packages",
        "local_project_install",
    }
)
"""The keys whose packages go into the image's Python, so that it must have one."""


def installs_python(layer: Layer) -> bool:
    """Whether a layer installs into the image's Python."""
    return layer.key in INSTALLS and getattr(layer, "wants_python", True)


def project_install_layers(layers: Iterable[Layer]) -> tuple[Layer, ...]:
    """The layers that install the projects themselves: they come once the code is in (after `copy`). A layer
    with such a part has `installs()`."""
    found: list[Layer] = []
    for layer in layers:
        found += getattr(layer, "installs", tuple)()
    return tuple(found)


def asked_for(layers: Iterable[Layer]) -> list[Spec]:
    """All requirements that the layers ask for by name, in order: for `conflicts.conflicts`. A layer that asks
    for some has `specs`."""
    found: list[Spec] = []
    for layer in layers:
        found += getattr(layer, "specs", ())
    return found
