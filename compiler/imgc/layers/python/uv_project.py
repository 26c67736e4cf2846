"""`uv_project`: `uv sync` of a locked project: what it needs before the code, the project itself after it.

`uv sync` and not an export to pip's format: it goes by the lock alone, with each package's own index, sources
and hashes. It may write into any environment that UV_PROJECT_ENVIRONMENT names, also the base's own.
"""

from __future__ import annotations

from imgc.diagnostics import Span
from imgc.instructions.quoting import words
from imgc.instructions.types import Mount
from imgc.layers.kind import Kind, Layer, Reading, Written
from imgc.layers.python.environment import environment, python_of
from imgc.layers.python.installer import check_python, run_uv
from imgc.layers.python.options import uv_arguments
from imgc.layers.python.projects import UV, Project, read_project
from imgc.layers.recipe import Recipe
from imgc.records import dataclass


@dataclass(frozen=True, slots=True)
class UvProject:
    """The dependencies of the project."""

    project: Project

    @property
    def key(self) -> str:
        return self.project.settings.key

    @property
    def span(self) -> Span:
        return self.project.settings.span

    def emit(self, recipe: Recipe) -> None:
        mounts = (*self.project.metadata_mounts(), *self.project.local_mounts())
        _sync(recipe, self.project, ("--no-install-project",), mounts, "what the project needs, as locked")

    def installs(self) -> tuple[Layer, ...]:
        """What comes once the code is in."""
        return (UvProjectInstall(self.project),) if self.project.install else ()


@dataclass(frozen=True, slots=True)
class UvProjectInstall:
    """The project itself, not editable."""

    project: Project

    @property
    def key(self) -> str:
        return self.project.settings.key

    @property
    def span(self) -> Span:
        return self.project.settings.span

    def emit(self, recipe: Recipe) -> None:
        _sync(recipe, self.project, (), self.project.source_mounts(), "the project itself")


def read_uv_project(written: Written, reading: Reading) -> UvProject | None:
    project = read_project(written, reading, UV)
    return UvProject(project) if project else None


def _supports(requires: str, python: str | None) -> bool:
    """Whether a Python known to be there may be one that the project is for; of "3.11" any patch release."""
    if not requires or not python:
        return True
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    versions = (f"{python}.0", f"{python}.99") if python.count(".") < 2 else (python,)
    try:
        return any(SpecifierSet(requires).contains(version) for version in versions)
    except InvalidSpecifier:
        return True  # uv says what is wrong with it


def _sync(
    recipe: Recipe, project: Project, flags: tuple[str, ...], mounts: tuple[Mount, ...], note: str
) -> None:
    """`--inexact` keeps what other layers have installed. Default groups (development) stay out of an image
    unless `extra_args` asks for a group; only a Python that is there is used."""
    if not check_python(recipe, project.settings):
        return
    prefix = environment(recipe, project.settings.key, project.settings.span).prefix
    if not _supports(project.requires_python, python_of(recipe)):
        recipe.error(
            "requires-python",
            f"the project needs Python {project.requires_python}; '{recipe.base}' has {python_of(recipe)}",
            project.settings.span,
        )
        return
    arguments = uv_arguments(project.settings.pip)
    text = words(
        "sync", "--project", project.place, "--frozen", "--inexact", "--no-editable", "--no-default-groups",
        "--no-python-downloads", *flags, *arguments.words, *project.arguments,
    )  # fmt: skip
    variables = (f"UV_PROJECT_ENVIRONMENT={prefix}",)
    run_uv(recipe, project.settings, text, arguments, mounts, variables=variables, note=note)


KIND = Kind(("uv_project",), 6, read_uv_project)
