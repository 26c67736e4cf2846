"""`poetry_project`: Poetry turns its lock into a requirements file in a throw-away stage, and the image's
installer installs from that. So Poetry and what it needs are in no layer, and cannot clash with the image's
own packages, which they do when Poetry installs into the environment that it runs in."""

from __future__ import annotations

from imgc.diagnostics import Span
from imgc.document.nodes import Mapping
from imgc.instructions.quoting import words
from imgc.instructions.types import From, Run, Stage, Step
from imgc.layers.kind import Kind, Layer, Reading, Written
from imgc.layers.python.environment import environment, python_of
from imgc.layers.python.installer import check_python, emit_install
from imgc.layers.python.mounts import bind, cache
from imgc.layers.python.options import older_than, uses_pip
from imgc.layers.python.projects import POETRY, Project, read_project
from imgc.layers.python.uv import CACHE, FOLDER, as_root, stage_name, uv_mounts
from imgc.layers.recipe import Recipe
from imgc.records import dataclass

VERSIONS = {
    (3, 9): ("1.8.5", "1.8.0"),
    (3, 10): ("2.2.1", "1.9.0"),
    (4, 0): ("2.5.1", "1.10.1"),
}
"""Poetry and its export plugin, of format version 1, for Pythons older than the key."""

LIST = "/requirements.txt"

_WITH_VALUE = ("--with", "--without", "--only", "--extras", "-E")
_FLAGS = ("--all-extras", "--all-groups")
_ALREADY = ("--no-root", "--no-interaction", "-n", "--no-ansi", "--sync")
"""Arguments of `poetry install` that say what is the case here anyway."""


@dataclass(frozen=True, slots=True)
class PoetryProject:
    """The dependencies of the project."""

    project: Project

    @property
    def key(self) -> str:
        return self.project.settings.key

    @property
    def span(self) -> Span:
        return self.project.settings.span

    def emit(self, recipe: Recipe) -> None:
        project = self.project
        if not check_python(recipe, project.settings):
            return
        environment(recipe, self.key, self.span)  # before the stage: it decides what the stage has to bring
        stage = _export(recipe, project)
        mounts = (bind(LIST, "/tmp" + LIST, stage=stage), *project.local_mounts())
        packages = ("--no-deps", "-r", "/tmp" + LIST)  # the lock is complete: nothing is resolved anew
        emit_install(recipe, project.settings, packages, mounts, note="what the project needs, as locked")

    def installs(self) -> tuple[Layer, ...]:
        """What comes once the code is in."""
        return (PoetryProjectInstall(self.project),) if self.project.install else ()


@dataclass(frozen=True, slots=True)
class PoetryProjectInstall:
    """The project itself, not editable."""

    project: Project

    @property
    def key(self) -> str:
        return self.project.settings.key

    @property
    def span(self) -> Span:
        return self.project.settings.span

    def emit(self, recipe: Recipe) -> None:
        packages = ("--no-deps", self.project.place)
        emit_install(
            recipe, self.project.settings, packages, self.project.source_mounts(), note="the project itself"
        )


def read_poetry_project(written: Written, reading: Reading) -> PoetryProject | None:
    project = read_project(written, reading, POETRY)
    if project is None:
        return None
    if (argument := _foreign(project.arguments)) is not None:
        value = written.node.get("extra_args") if isinstance(written.node, Mapping) else None
        reading.error(
            "poetry-argument",
            f"'{argument}' has no meaning here: Poetry only lists the locked dependencies, and "
            f"{'pip' if uses_pip(project.settings.pip, None) else 'uv'} installs them",
            (value or written.node).span,
            label="--only, --with, --without, --extras, --all-extras and --all-groups can be given",
        )
        return None
    return PoetryProject(project)


def _foreign(arguments: tuple[str, ...]) -> str | None:
    """The first argument that does not choose groups or extras."""
    left = iter(arguments)
    for argument in left:
        name, equals, _ = argument.partition("=")
        if name in _WITH_VALUE:
            if not equals:
                next(left, None)
        elif argument not in _FLAGS and argument not in _ALREADY:
            return argument
    return None


def _export(recipe: Recipe, project: Project) -> str:
    """Adds the stage that makes the requirements file; returns its name."""
    settings = project.settings
    uv_mounts(recipe, settings.key, settings.span)  # for the stage of uv, where this one starts
    stage = stage_name(recipe, "poetry")
    stage += (
        f"-{sum(helper.name.startswith(stage) for helper in recipe.helpers) + 1}"
        if _taken(recipe, stage)
        else ""
    )
    poetry, plugin = next(
        versions for below, versions in VERSIONS.items() if _suits(python_of(recipe), below)
    )
    arguments = [argument for argument in project.arguments if argument not in _ALREADY]
    if project.mixed and uses_pip(settings.pip, python_of(recipe)):
        arguments.append("--without-hashes")  # pip wants all hashes or none
    export = words(
        f"{FOLDER}/bin/uv", "tool", "run", "--from", f"poetry=={poetry}",
        "--with", f"poetry-plugin-export=={plugin}", "poetry", "export",
        "--directory", project.place, "--output", LIST, *arguments,
    )  # fmt: skip
    clauses = [f"UV_LINK_MODE=copy UV_CACHE_DIR={CACHE} {export}"]
    if any(local.editable for local in project.locals):
        clauses.append(f"sed -i 's/^-e //' {LIST}")
    mounts = (cache(CACHE), *project.metadata_mounts(), *project.local_mounts())
    note = "for Poetry, which lists what it has locked and is not in the image"
    run = Step(Run(tuple(clauses), mounts), settings.key, settings.span, note)
    start = Step(From(stage_name(recipe, "uv"), stage), settings.key, settings.span, note)
    recipe.helpers.append(Stage(stage, (start, *as_root(recipe, (run,), settings.key, settings.span, note))))
    return stage


def _taken(recipe: Recipe, stage: str) -> bool:
    return any(helper.name == stage for helper in recipe.helpers)


def _suits(python: str | None, below: tuple[int, int]) -> bool:
    return older_than(python, below) if python else below == (4, 0)


KIND = Kind(("poetry_project",), 6, read_poetry_project)
