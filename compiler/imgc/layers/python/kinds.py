"""The kinds of layers that install Python packages, and what they say to the rest of the compiler."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from imgc.layers.kind import Kind, Layer
from imgc.layers.python import conda, requirements
from imgc.layers.python.local_install import read_local_install
from imgc.layers.python.poetry_project import PoetryProject, read_poetry_project
from imgc.layers.python.replicate import read_replicate
from imgc.layers.python.specs import Spec
from imgc.layers.python.uv_project import UvProject, read_uv_project

KINDS = (
    Kind(("replicate_local_environment",), 5, read_replicate),
    Kind(("uv_project",), 6, read_uv_project),
    Kind(("poetry_project",), 6, read_poetry_project),
    *requirements.KINDS,
    *conda.KINDS,
    Kind(("local_project_install",), 14, read_local_install),
)

INSTALLS = frozenset(key for kind in KINDS for key in kind.keys) - {"conda"}
"""The keys of layers that need a Python in the base, or bring one."""


def installs_python(layers: Iterable[Layer]) -> bool:
    """Whether any of the layers installs into the image's Python."""
    return any(layer.key in INSTALLS for layer in layers)


def project_install_layers(layers: Iterable[Layer]) -> tuple[Layer, ...]:
    """The layers that install the projects themselves: they come once the code is in (after `copy`)."""
    return tuple(
        install
        for layer in layers
        if isinstance(layer, UvProject | PoetryProject)
        for install in layer.installs()
    )


def asked_for(layers: Sequence[Layer]) -> list[Spec]:
    """All requirements that the layers ask for by name, in order: for `conflicts`."""
    return [
        spec
        for layer in layers
        if isinstance(layer, requirements.PipPackages | requirements.Requirements | conda.Conda)
        for spec in layer.specs
    ]
