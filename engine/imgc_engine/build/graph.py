"""Which images have to be built, tagged or pulled, and what each of them waits for."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cached_property
from typing import Literal

import docker

from imgc.records import dataclass
from imgc_engine import images
from imgc_engine.build.command import CONTENT_LABEL, Flags, has_content_tag
from imgc_engine.connection import connect
from imgc_engine.events import ImageState
from imgc_engine.failures import EngineError
from imgc_engine.plan import Image, Plan
from imgc_engine.secrets import SecretMissing, Secrets


@dataclass(frozen=True, slots=True)
class Task:
    """Work on one image, once the images of `after` are there. A build may be no more than a further tag."""

    kind: Literal["build", "tag", "pull"]
    after: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Work:
    """What there is to do: states of images that need nothing, and tasks for the others, parents first."""

    there: Mapping[str, ImageState]
    todo: Mapping[str, Task]


@dataclass(frozen=True, slots=True)
class Builds:
    """What is to be built of a plan. With `local`, as for a run, what is only in a registry is pulled."""

    plan: Plan
    names: tuple[str, ...]
    client: docker.APIClient
    secrets: Secrets
    flags: Flags
    local: bool


def decide(builds: Builds) -> Work:
    """Look at what engine and registries have. EngineError."""
    there: dict[str, ImageState] = {}
    todo: dict[str, Task] = {}
    registries = _Registries(builds)

    def visit(name: str) -> None:
        if name in there or name in todo:
            return
        image = builds.plan.images[name]
        state = _found(name, image, builds, registries)
        if state is not None and (state != "in registry" or not builds.local):
            there[name] = state
            return
        if state == "in registry" or image.skip_build:
            todo[name] = Task("pull")
            return
        before = (image.same_as,) if image.same_as else image.after
        for other in before:
            visit(other)
        todo[name] = Task("tag" if image.same_as else "build", frozenset(before) & todo.keys())

    for name in builds.names:
        visit(name)
    return Work(there, todo)


class _Registries:
    """Asks registries what they have, and one that does not answer not again."""

    def __init__(self, builds: Builds) -> None:
        self._builds = builds
        self._silent: set[str] = set()

    def have(self, image: Image) -> bool:
        domain = image.reference.partition("/")[0]
        if not images.is_remote(image.reference) or domain in self._silent:
            return False
        asking, begin = self._asking, time.monotonic()
        found = images.in_registry(asking, image.reference, credentials_of(image, self._builds.secrets))
        if time.monotonic() - begin > images.REGISTRY_PATIENCE / 2:
            self._silent.add(domain)
        return found

    @cached_property
    def _asking(self) -> docker.APIClient:
        """A client of little patience."""
        return connect(images.REGISTRY_PATIENCE)


def _found(name: str, image: Image, builds: Builds, registries: _Registries) -> ImageState | None:
    """What the image is without any work on it; None when there is work."""
    if image.skip_build:
        missing = builds.local and images.local(builds.client, image.reference) is None
        return None if missing else "as it is"
    if not image.reuse or (builds.flags.no_cache and name in builds.names):
        return None
    here = images.local(builds.client, image.reference)
    if has_content_tag(image):
        if here is not None:
            return "exists"
        return "in registry" if registries.have(image) else None
    return "exists" if here and here.labels.get(CONTENT_LABEL) == image.content else None


def credentials_of(image: Image, secrets: Secrets) -> images.Credentials | None:
    """The image's registry secret as credentials; None when it has none. EngineError."""
    if image.registry_secret is None:
        return None
    try:
        return images.credentials_from(secrets.text(image.registry_secret), image.reference)
    except SecretMissing as error:
        raise EngineError(str(error)) from None
