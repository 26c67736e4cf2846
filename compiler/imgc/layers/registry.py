"""Which module has which kind of layer, and the fixed order of format.md 3.2.

Modules are imported when a file has one of their keys: a cold compile of a small file loads little.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

from imgc.layers.kind import Kind

MODULES = {
    "env": "env",
    "system_packages": "system_packages",
    "apt_packages": "system_packages",
    "install_docker": "docker_client",
    "replicate_local_environment": "python.replicate",
    "uv_project": "python.uv_project",
    "poetry_project": "python.poetry_project",
    "requirements": "python.requirements",
    "pip_packages": "python.requirements",
    "conda": "python.conda",
    "npm_packages": "npm",
    "copy_dir": "code",
    "copy_repo": "code",
    "copy_url": "code",
    "code_bundle": "code_bundle",
    "copy": "copy",
    "local_project_install": "python.local_install",
    "commands": "commands",
    "workdir": "workdir",
    "user": "running",
}
"""Key -> module below `imgc.layers`, in the order of the format."""

EXPLICIT_ONLY = ("workdir", "user")
"""Layers only as items of `layers`; as keys of an image they say how it runs."""


def is_python(key: str) -> bool:
    """Whether a key's layers have to do with Python packages."""
    return MODULES.get(key, "").startswith("python.")


@cache
def kind(key: str) -> Kind:
    """The kind of layer that owns a key of MODULES."""
    module = import_module(f"imgc.layers.{MODULES[key]}")
    kinds: tuple[Kind, ...] = getattr(module, "KINDS", None) or (module.KIND,)
    return next(kind for kind in kinds if key in kind.keys)
