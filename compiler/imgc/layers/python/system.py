"""Python and pip from the package managers of distributions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from imgc.instructions.types import Mount
from imgc.layers import managers
from imgc.layers.facts import BaseFacts
from imgc.records import dataclass

PYTHON: Mapping[str, tuple[str, ...]] = {"": ("python3",), "apt": ("python3", "python3-venv")}
"""Python with its venv module; "" is for all managers that are not named."""

PIP: Mapping[str, tuple[str, ...]] = {"": ("python3-pip",), "apk": ("py3-pip",)}
"""pip, which brings Python along."""


@dataclass(frozen=True, slots=True)
class SystemInstall:
    """Shell text that installs packages, in clauses that must all succeed, and the mounts it wants."""

    clauses: tuple[str, ...]
    mounts: tuple[Mount, ...] = ()

    def group(self, then: str) -> str:
        """The clauses and a further one as one command, a line each."""
        lines = [line for clause in self.clauses for line in f"{clause} &&".split("\n")]
        return "\n  ".join(["{", *lines, *f"{then}; }}".split("\n")])


def install(facts: BaseFacts, what: Literal["python", "pip"]) -> SystemInstall:
    """Installs Python, or pip, by the base's package manager; where that is unknown, the build looks."""
    packages = PYTHON if what == "python" else PIP
    if facts.manager:
        return SystemInstall(*managers.install(facts.manager, packages_of(packages, facts.manager)))
    return SystemInstall(managers.dispatch(packages))


def packages_of(packages: Mapping[str, tuple[str, ...]], manager: str) -> tuple[str, ...]:
    return packages.get(manager, packages[""])
