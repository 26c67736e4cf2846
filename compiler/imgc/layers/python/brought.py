"""`python_version` beside a base: that Python, brought by uv, whatever the base has itself."""

from __future__ import annotations

from imgc.diagnostics import Span
from imgc.instructions.quoting import words
from imgc.layers.python.environment import NOTE, PYTHONS, VENV, Environment, put_first
from imgc.layers.python.installer import Settings, run_uv
from imgc.layers.python.options import uv_arguments
from imgc.layers.recipe import Recipe
from imgc.records import replace


def emit_python_version(recipe: Recipe, version: str, key: str, span: Span) -> None:
    """Adds the RUN that makes VENV with a Python of that version; all later Python layers install there.

    Which patch release a version like "3.12" is follows from the version of uv. pip is there as well, for the
    user's own commands.
    """
    arguments = uv_arguments(
        replace(recipe.pip, pre=False)
    )  # what `pip` comes from; the seed is no pre-release
    replacing = ("--clear",) if recipe.notes.pop(NOTE, None) else ()  # a parent's environment
    text = words(
        "venv", "--managed-python", "--python", version, "--seed", *replacing, *arguments.words, VENV
    )
    settings = Settings(key, span, recipe.pip, recipe.secrets)
    variables = (f"UV_PYTHON_INSTALL_DIR={PYTHONS}",)
    run_uv(recipe, settings, text, arguments, variables=variables, note=f"Python {version}, first on PATH")
    put_first(recipe, key, span)
    recipe.notes[NOTE] = Environment("venv", version, recipe.name)
