"""What the Python layers of an image say together. Imports none of their modules."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

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


@runtime_checkable
class Asking(Protocol):
    """A layer that asks for packages by name."""

    @property
    def specs(self) -> tuple[Spec, ...]: ...


@runtime_checkable
class Installing(Protocol):
    """A layer of which a part comes once the code is in."""

    def installs(self) -> tuple[Layer, ...]: ...


def installs_python(layer: Layer) -> bool:
    """Whether a layer installs into the image's Python."""
    return layer.key in INSTALLS and getattr(layer, "wants_python", True)


def project_install_layers(layers: Iterable[Layer]) -> tuple[Layer, ...]:
    """The layers that install the projects themselves: they come once the code is in (after `copy`)."""
    return tuple(install for layer in layers if isinstance(layer, Installing) for install in layer.installs())


def asked_for(layers: Iterable[Layer]) -> list[Spec]:
    """All requirements that the layers ask for by name, in order: for `conflicts.conflicts`."""
    return [spec for layer in layers if isinstance(layer, Asking) for spec in layer.specs]
