"""Reading `imgc.lock`.

version: 1
images:                        # by reference, as the pipeline file writes it
  python:3.12-slim: {digest: sha256:…, distro: debian, manager: apt, user: root, python: "3.12", shell: true}
environments:                  # replicate_local_environment, by image
  train: [numpy==1.26.4]
sources:                       # git sources, by URL and branch (`repo` for the pipeline's own repository)
  https://git.example/x@main: {commit: 8f3c…, clean: true, pushed: true}
"""

from __future__ import annotations

from typing import Any

from imgc.diagnostics import Diagnostic
from imgc.document.document import load
from imgc.document.nodes import Mapping, plain
from imgc.records import dataclass, field, names_of

FILE = "imgc.lock"


@dataclass(frozen=True, slots=True)
class LockedImage:
    """Facts about a base in a registry; None and "" where the lock says nothing."""

    digest: str = ""
    distro: str | None = None
    manager: str | None = None
    user: str | None = None
    python: str | None = None
    python_managed: bool | None = None
    shell: bool | None = None
    conda: str | None = None


@dataclass(frozen=True, slots=True)
class LockedSource:
    commit: str
    clean: bool = False
    pushed: bool = False


@dataclass(frozen=True, slots=True)
class Lock:
    images: dict[str, LockedImage] = field(default_factory=dict)
    environments: dict[str, tuple[str, ...]] = field(default_factory=dict)
    sources: dict[str, LockedSource] = field(default_factory=dict)


def read(text: str) -> tuple[Lock, list[Diagnostic]]:
    """A lock from its text; what is wrong with its YAML is said, what it does not hold is empty."""
    document = load(FILE, text)
    root = document.root
    images = {
        name: LockedImage(**_known(facts, LockedImage)) for name, facts in _section(root, "images").items()
    }
    sources = {
        name: LockedSource(**_known(facts, LockedSource))
        for name, facts in _section(root, "sources").items()
        if isinstance(facts, dict) and isinstance(facts.get("commit"), str)
    }
    environments = {
        name: tuple(str(item) for item in packages)
        for name, packages in _section(root, "environments").items()
        if isinstance(packages, list)
    }
    return Lock(images, environments, sources), document.diagnostics


def _section(root: Mapping, name: str) -> dict[str, object]:
    node = root.get(name)
    data = plain(node) if isinstance(node, Mapping) else {}
    return data if isinstance(data, dict) else {}


def _known(facts: object, of: type) -> dict[str, Any]:
    names = names_of(of)
    return {name: value for name, value in facts.items() if name in names} if isinstance(facts, dict) else {}
