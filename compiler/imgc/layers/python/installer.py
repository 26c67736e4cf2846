"""How Python packages get in: one RUN of uv or pip, whatever asks for them."""

from __future__ import annotations

from imgc.diagnostics import Span
from imgc.instructions.quoting import words
from imgc.instructions.types import Mount
from imgc.layers.kind import Written
from imgc.layers.python.clauses import laid_out
from imgc.layers.python.environment import environment, python_of
from imgc.layers.python.mounts import cache, secrets
from imgc.layers.python.options import Arguments, older_than, pip_arguments, uses_pip, uv_arguments
from imgc.layers.python.uv import moved_home, uv_command, uv_mounts
from imgc.layers.recipe import Recipe
from imgc.model.image import PipOptions, SecretUse
from imgc.records import dataclass

PIP_CACHE = "/root/.cache/pip"
UV_OLDEST = (3, 8)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a layer's installs go by, and what they are for (key and place)."""

    key: str
    span: Span
    pip: PipOptions
    secrets: tuple[SecretUse, ...] = ()

    @staticmethod
    def of(written: Written, pip: PipOptions | None = None) -> Settings:
        return Settings(written.key, written.span, pip or written.pip, written.secrets)


def emit_install(
    recipe: Recipe,
    settings: Settings,
    packages: tuple[str, ...],
    mounts: tuple[Mount, ...] = (),
    *,
    note: str = "",
) -> None:
    """Adds the RUN that installs `packages` (words: specs, paths, `-r FILE`) into the image's environment."""
    pip = settings.pip
    if uses_pip(pip, python_of(recipe)):
        emit_pip(recipe, settings, packages, mounts, note=note)
        return
    target = environment(recipe, settings.key, settings.span).uv_target
    arguments = uv_arguments(pip)
    text = " ".join(
        filter(None, ("pip install", target, words(*arguments.words, *pip.extra_args, *packages)))
    )
    run_uv(recipe, settings, text, arguments, mounts, note=note)


def emit_pip(
    recipe: Recipe,
    settings: Settings,
    packages: tuple[str, ...],
    mounts: tuple[Mount, ...] = (),
    *,
    note: str = "",
) -> None:
    """The same with pip."""
    environment(recipe, settings.key, settings.span)
    arguments = pip_arguments(settings.pip)
    build_secrets = secrets((*arguments.secrets, *settings.pip.secrets, *settings.secrets))
    variables = (*build_secrets.assignments, *arguments.assignments)
    if moved_home(recipe):
        variables = (*variables, f"PIP_CACHE_DIR={PIP_CACHE}")
    variables = (*variables, "python3 -m pip")
    clause = laid_out(variables, f"install {words(*arguments.words, *settings.pip.extra_args, *packages)}")
    mounts = (cache(PIP_CACHE), *mounts, *build_secrets.mounts)
    recipe.run((clause,), settings.key, settings.span, mounts, note)


def check_python(recipe: Recipe, settings: Settings) -> bool:
    """Whether uv can install for the image's Python; reports it where not."""
    python = python_of(recipe)
    too_old = older_than(python, UV_OLDEST)
    if too_old:
        recipe.error(
            "python-too-old",
            f"uv, which '{settings.key}' needs, supports Python 3.8 and newer; '{recipe.base}' has {python}",
            settings.span,
        )
    return not too_old


def run_uv(
    recipe: Recipe,
    settings: Settings,
    text: str,
    arguments: Arguments,
    mounts: tuple[Mount, ...] = (),
    *,
    variables: tuple[str, ...] = (),
    note: str = "",
) -> None:
    """Adds a RUN of `uv TEXT`; `variables` are assignments in shell text."""
    if not check_python(recipe, settings):
        return
    build_secrets = secrets((*arguments.secrets, *settings.pip.secrets, *settings.secrets))
    before = (*build_secrets.assignments, *arguments.assignments, *variables, uv_command(recipe))
    uv = uv_mounts(recipe, settings.key, settings.span)
    recipe.run(
        (laid_out(before, text),), settings.key, settings.span, (*uv, *mounts, *build_secrets.mounts), note
    )
