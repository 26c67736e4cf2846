"""uv, in a throw-away stage: bind-mounted where it is used, in no layer of the image."""

from __future__ import annotations

from collections.abc import Iterable

from imgc.diagnostics import Span
from imgc.instructions.types import Env, Mount, Run, Step, User
from imgc.layers.python.clauses import laid_out
from imgc.layers.python.environment import NOTE, Environment, kind_of
from imgc.layers.python.mounts import bind, cache, secrets
from imgc.layers.python.options import pip_arguments
from imgc.layers.python.system import install
from imgc.layers.recipe import Recipe
from imgc.patterns import lazy

VERSION = "0.13.8"
"""Of format version 1: another version of uv may write other files."""

UV = "/tmp/uv"
CACHE = "/root/.cache/uv"
FOLDER = "/opt/uv"
NOTE_OF_STAGE = "for uv, which is only mounted in the installs below"

_OF_INSTALLERS = lazy(
    r"(?i)(pip|uv)_.*|(http|https|all|no)_proxy|ssl_cert_(file|dir)|requests_ca_bundle|curl_ca_bundle"
)
"""Variables of `env` that say how a package index is reached."""


def stage_name(recipe: Recipe, name: str) -> str:
    """The name of a throw-away stage, never the image's own."""
    return name if name != recipe.name else f"{name}-tool"


def uv_mounts(recipe: Recipe, key: str, span: Span | None) -> tuple[Mount, ...]:
    """The mounts of a RUN that uses uv: its cache, and uv itself at UV. Adds the stage that brings it."""
    stage = stage_name(recipe, "uv")
    recipe.stage(stage, _steps(recipe, key, span))
    return cache(CACHE), bind(f"{FOLDER}/bin/uv", UV, stage=stage)


def uv_command(recipe: Recipe) -> str:
    """`uv` as shell text. Its cache is a mount, so it cannot link from it; and a base may have moved HOME."""
    variables = "UV_LINK_MODE=copy"
    if moved_home(recipe):
        variables += f" UV_CACHE_DIR={CACHE}"
    return f"{variables} {UV}"


def moved_home(recipe: Recipe) -> bool:
    """Whether root's HOME may be another than /root, where the cache is mounted."""
    return recipe.facts.user not in ("root", "0") or not recipe.facts.source or "HOME" in recipe.env


def _steps(recipe: Recipe, key: str, span: Span | None) -> tuple[Step, ...]:
    """From the base, with the image's own pip options: uv comes from where its other packages come from."""
    steps: list[Step] = []
    if variables := tuple(
        (name, value) for name, value in recipe.env.items() if _OF_INSTALLERS.fullmatch(name)
    ):
        steps.append(Step(Env(variables, expand=True), "env"))
    pip = pip_arguments(recipe.pip)
    build_secrets = secrets((*pip.secrets, *recipe.pip.secrets, *recipe.secrets))
    command = (*build_secrets.assignments, *pip.assignments, "python3 -m pip")
    fetch = laid_out(command, f"install {' '.join((*pip.words, f'--target={FOLDER} uv=={VERSION}'))}")
    mounts = (cache("/root/.cache/pip"), *build_secrets.mounts)
    clauses: tuple[str, ...] = (fetch,)
    known = recipe.notes.get(NOTE)
    parents = isinstance(known, Environment) and known.kind == "venv" and known.image != recipe.name
    kind = "own" if parents else kind_of(recipe.facts)
    if kind != "own":
        system = install(recipe.facts, "pip")
        mounts = (*system.mounts, *mounts)
        clauses = (
            (*system.clauses, fetch) if kind == "venv" else (f"{fetch} || {system.group(_of_system(fetch))}",)
        )
    steps.append(Step(Run(clauses, mounts), key, span, NOTE_OF_STAGE))
    return as_root(recipe, steps, key, span, NOTE_OF_STAGE)


def as_root(
    recipe: Recipe, steps: Iterable[Step], key: str, span: Span | None, note: str
) -> tuple[Step, ...]:
    """Steps of a throw-away stage that need root: where the base's user is another, it is restored, as
    linters look for."""
    user = recipe.runs_as or recipe.facts.user
    if user.partition(":")[0] in ("root", "0"):
        return tuple(steps)
    ids = dict(recipe.facts.users or ()).get(user, user)
    return (Step(User("0"), key, span, note), *steps, Step(User(ids), key, span, note))


def _of_system(fetch: str) -> str:
    """By the pip that came with the package manager, whatever else is first on PATH."""
    return fetch.replace("python3 -m", "/usr/bin/python3 -m")
