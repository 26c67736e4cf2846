"""Python and pip from the package managers of distributions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from imgc.instructions.types import Mount
from imgc.layers.facts import BaseFacts

PYTHON: dict[str, tuple[str, ...]] = {
    "apt": ("python3", "python3-venv"),
    "apk": ("python3",),
    "dnf": ("python3",),
    "microdnf": ("python3",),
    "yum": ("python3",),
    "zypper": ("python3",),
}
"""Python and its venv module."""

PIP: dict[str, tuple[str, ...]] = {
    "apt": ("python3-pip",),
    "apk": ("py3-pip",),
    "dnf": ("python3-pip",),
    "microdnf": ("python3-pip",),
    "yum": ("python3-pip",),
    "zypper": ("python3-pip",),
}
"""pip, which brings Python along."""

_COMMANDS = {
    "apt": ("apt-get update", "apt-get install -y --no-install-recommends {}"),
    "apk": ("apk add {}",),
    "dnf": ("dnf install -y {}",),
    "microdnf": ("microdnf install -y {}",),
    "yum": ("yum install -y {}",),
    "zypper": ("zypper --non-interactive install {}",),
}
_PROGRAMS = {"apt": "apt-get"}


@dataclass(frozen=True, slots=True)
class SystemInstall:
    """Shell clauses that install packages, and the mounts they want."""

    clauses: tuple[str, ...]
    mounts: tuple[Mount, ...] = ()


def install(facts: BaseFacts, what: Literal["python", "pip"]) -> SystemInstall:
    """Installs Python, or pip, by the base's package manager; where that is unknown, the build looks."""
    packages = PYTHON if what == "python" else PIP
    if facts.manager:
        return SystemInstall(_commands(facts.manager, packages))
    branches = [
        f"if command -v {_PROGRAMS.get(manager, manager)} >/dev/null; "
        f"then {' && '.join(_commands(manager, packages))}"
        for manager in _COMMANDS
    ]
    missing = "echo 'imgc: this base has no Python and no package manager that imgc knows' >&2; exit 1"
    return SystemInstall((f"{'; el'.join(branches)}; else {missing}; fi",))


def _commands(manager: str, packages: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(command.format(" ".join(packages[manager])) for command in _COMMANDS[manager])
