"""Where Python packages go in an image: into the base's own Python, or into a virtual environment.

Which one follows from what is known of the base (docs/decisions/0005-python-installs.md):

- its own Python may be installed into: that one;
- no Python, or one that its distribution manages (PEP 668): the distribution's Python from the system's
  package manager, and a virtual environment at /opt/venv, first on PATH;
- unknown: the build finds out, by the same rule;
- `python_version` beside a base: that Python, brought by uv, at /opt/venv.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from imgc.diagnostics import Span
from imgc.instructions.quoting import words
from imgc.instructions.types import Env
from imgc.layers.facts import BaseFacts
from imgc.layers.kind import Layer
from imgc.layers.python.kinds import installs_python
from imgc.layers.python.system import PYTHON, install
from imgc.layers.recipe import Recipe
from imgc.records import dataclass

VENV = "/opt/venv"
PYTHONS = "/opt/python"
"""Where uv puts the Pythons it brings."""

NOTE = "python"
"""The environment of a recipe, among its notes."""

_MAY_INSTALL = (
    "import os, sys, sysconfig as s; "
    'sys.exit(sys.prefix == sys.base_prefix and os.path.exists(s.get_path("stdlib") + "/EXTERNALLY-MANAGED"))'
)
"""Ends well where packages may go into this Python: one of a virtual environment, or unmanaged."""


@dataclass(frozen=True, slots=True)
class Environment:
    """kind: own (the base's Python), venv (VENV), found (the build finds out which of the two)
    python: its version where known
    image: the image that has made it; another than the one being written when it extends that"""

    kind: Literal["own", "venv", "found"]
    python: str | None = None
    image: str = ""

    @property
    def uv_target(self) -> str:
        """Words for `uv pip install`. VENV is found by VIRTUAL_ENV; `--system` passes by virtual environments
        on PATH, so where there may be one, the Python on PATH is named itself."""
        return {"own": "--system", "venv": "", "found": '--python "$(command -v python3)"'}[self.kind]

    @property
    def prefix(self) -> str:
        """The folder of the environment, as shell text."""
        return VENV if self.kind == "venv" else "\"$(python3 -c 'import sys; print(sys.prefix)')\""


def kind_of(facts: BaseFacts) -> Literal["own", "venv", "found"]:
    """What is known of the base before anything is installed."""
    if facts.python and facts.python_managed is False:
        return "own"
    if (facts.python == "" or facts.python_managed) and facts.manager:
        return "venv"
    return "found"


@dataclass(frozen=True, slots=True)
class SystemNeed:
    """System packages (by manager; "" is any other) that a layer needs: they join the image's others."""

    packages: tuple[tuple[str, tuple[str, ...]], ...]
    why: str
    key: str
    span: Span


def python_need(layers: Iterable[Layer], recipe: Recipe) -> SystemNeed | None:
    """What an image's Python layers need of the system's package manager.

    Nothing where the base (or the parent, or `python_version`) has a Python that takes packages, or the build
    finds out.
    """
    if recipe.notes.get(NOTE) or kind_of(recipe.facts) != "venv":
        return None
    layer = next(filter(installs_python, layers), None)
    return (
        SystemNeed(tuple(PYTHON.items()), f"Python for {layer.key}", layer.key, layer.span) if layer else None
    )


def python_of(recipe: Recipe) -> str | None:
    """The version of the Python that packages go to, where known."""
    known = recipe.notes.get(NOTE)
    return known.python if isinstance(known, Environment) else recipe.facts.python


def environment(recipe: Recipe, key: str, span: Span | None) -> Environment:
    """The environment of the image; the first layer that asks for it makes it."""
    known = recipe.notes.get(NOTE)
    if isinstance(known, Environment):
        return known
    facts = recipe.facts
    found = Environment(kind_of(facts), facts.python or None, recipe.name)
    if found.kind == "venv":
        note = "this base's Python is its distribution's" if facts.python else "this base has no Python"
        recipe.run(
            (f"python3 -m venv {VENV}",), key, span, note=f"{note}, so packages go into a virtual environment"
        )
        put_first(recipe, key, span)
    elif found.kind == "found":
        _find_out(recipe, key, span)
    recipe.notes[NOTE] = found
    return found


def put_first(recipe: Recipe, key: str, span: Span | None) -> None:
    """VENV first on PATH, as its `activate` would."""
    variables = (("VIRTUAL_ENV", VENV), ("PATH", f"{VENV}/bin:${{PATH}}"))
    recipe.add(Env(variables, expand=True), key, span)
    recipe.env.update(VIRTUAL_ENV=VENV, PATH=f"{VENV}/bin:{recipe.env.get('PATH', '${PATH}')}")


def _find_out(recipe: Recipe, key: str, span: Span | None) -> None:
    """A Python that takes packages is left as it is; else a virtual environment is made, if need be after
    installing Python. It sees the system's packages, so that what the base brought stays usable. Where it is
    not made, its place on PATH is harmless."""
    make = f"python3 -m venv --system-site-packages {VENV}"
    system = install(recipe.facts, "python")
    clause = (
        f"{words('python3', '-c', _MAY_INSTALL)} 2>/dev/null ||\n"
        f"{make} 2>/dev/null || {system.group(f'{make} --clear')}"
    )
    note = (
        "what Python this base has is unknown: its own where that takes packages, else a virtual environment"
    )
    recipe.run((clause,), key, span, system.mounts, note=note)
    recipe.add(Env((("PATH", f"{VENV}/bin:${{PATH}}"),), expand=True), key, span)
    recipe.env["PATH"] = f"{VENV}/bin:{recipe.env.get('PATH', '${PATH}')}"
