"""`local_project_install`: a command of the user's that installs the code that is in."""

from __future__ import annotations

import posixpath

from imgc.diagnostics import Span
from imgc.document.nodes import Scalar
from imgc.instructions.quoting import DEFAULT_SHELL, command_problem
from imgc.instructions.types import Command
from imgc.layers.kind import Kind, Reading, Written
from imgc.layers.python.environment import environment, python_of
from imgc.layers.python.installer import PIP_CACHE, UV_OLDEST, Settings
from imgc.layers.python.mounts import bind, cache
from imgc.layers.python.options import older_than, pip_variables, uv_variables
from imgc.layers.python.uv import CACHE, FOLDER, stage_name, uv_mounts
from imgc.layers.recipe import Recipe
from imgc.layers.secrets import exports
from imgc.layers.secrets import mounts as secret_mounts
from imgc.patterns import lazy
from imgc.records import dataclass

SHELLS = ("sh", "bash", "dash", "ash", "ksh", "zsh", "busybox")
"""Those that `export` variables."""

UV_ON_PATH = "/tmp/uv-bin"

_USES_PYTHON = lazy(r"\b(?:python|pip|uv|poetry|pdm|hatch|flit)(?:[0-9.]*|x)\b")
_USES_UV = lazy(r"(?:^|[\s;&|(])uvx?(?=\s)")


@dataclass(frozen=True, slots=True)
class LocalInstall:
    """The command, run where packages go: pip and uv are there, with the image's options and secrets."""

    settings: Settings
    text: str

    @property
    def key(self) -> str:
        return self.settings.key

    @property
    def span(self) -> Span:
        return self.settings.span

    @property
    def wants_python(self) -> bool:
        """`make install` may install anything; no Python is brought for its sake."""
        return bool(_USES_PYTHON.search(self.text))

    def emit(self, recipe: Recipe) -> None:
        settings, pip = self.settings, self.settings.pip
        kind = environment(recipe, settings.key, settings.span).kind if self.wants_python else ""
        with_uv = bool(_USES_UV.search(self.text)) and not older_than(python_of(recipe), UV_OLDEST)
        arguments = uv_variables(pip) if with_uv else pip_variables(pip)
        variables = [*arguments.assignments]
        mounts = [cache(PIP_CACHE)] if self.wants_python else []
        if with_uv:
            uv_mounts(recipe, settings.key, settings.span)
            mounts = [cache(CACHE), bind(f"{FOLDER}/bin", UV_ON_PATH, stage=stage_name(recipe, "uv"))]
            variables += [f'PATH="{UV_ON_PATH}:$PATH"', "UV_LINK_MODE=copy"]
            if kind == "own":
                variables.append("UV_SYSTEM_PYTHON=1")
            elif kind == "found":
                variables.append('UV_PYTHON="$(command -v python3)"')
        uses = (*arguments.secrets, *pip.secrets, *settings.secrets)
        before = exports(uses) + "".join(f"export {variable}\n" for variable in variables)
        if recipe.facts.shell is False:
            recipe.error(
                "base-without-shell",
                f"the base '{recipe.base}' has no shell, so nothing can be run in it",
                settings.span,
            )
            return
        recipe.become("root")  # packages go where root's are
        is_posix = posixpath.basename(recipe.shell[0]) in SHELLS
        shell = recipe.shell if is_posix or not before else DEFAULT_SHELL
        given = (*mounts, *secret_mounts(uses))
        recipe.add(Command(before + self.text, given, shell), settings.key, settings.span)


def read_local_install(written: Written, reading: Reading) -> LocalInstall | None:
    if not isinstance(written.node, Scalar) or not isinstance(written.node.value, str):
        return None
    if reason := command_problem(written.node.value):
        reading.error("bad-command", f"the command {reason}", written.node.span)
        return None
    return LocalInstall(Settings.of(written), written.node.value.strip())


KIND = Kind(("local_project_install",), 14, read_local_install)
