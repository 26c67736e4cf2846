"""An image with all that holds of it but its tag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgc.diagnostics import Span
from imgc.document.nodes import Mapping
from imgc.instructions.types import Stage
from imgc.layers.facts import BaseFacts
from imgc.layers.recipe import Source
from imgc.lock.lookups import Lookup
from imgc.model.image import PipOptions
from imgc.model.reference import with_digest
from imgc.records import dataclass, field
from imgc.resolve.layering import Layers

if TYPE_CHECKING:
    from imgc.resolve.dockerfile_start import UserDockerfile

PARENT = "parent"
"""What stands behind FROM until the parent image has its tag."""


@dataclass(frozen=True, slots=True)
class Builder:
    """The builder of a build pipeline: `image` is a reference, or a name where `own`, or empty for the image itself;
    `path` is its source."""

    language: str
    image: str
    own: bool
    path: str
    span: Span
    digest: str = ""
    pip: PipOptions | None = None
    """For the official builder of Python."""
    secrets: tuple[tuple[str, bool], ...] = ()
    """Build secrets by name, and whether they are required."""

    @property
    def pinned(self) -> str:
        """The reference with the lock's digest."""
        return with_digest(self.image, self.digest)


@dataclass(slots=True)
class ResolvedImage:
    """An image with everything but its tag.

    `stages` are those of its Dockerfile, the last one the image; `dockerfile` is set instead when the user's
    own Dockerfile is the image. `parent` is the image of this file it stands on. Paths are relative to the
    pipeline's directory; `context` is the build context.
    """

    name: str
    span: Span
    node: Mapping
    base: str
    facts: BaseFacts
    inline: bool = False
    skip_build: bool = False
    parent: str = ""
    stages: tuple[Stage, ...] = ()
    dockerfile: UserDockerfile | None = None
    digest: str = ""
    context: str = "."
    paths: tuple[str, ...] = ()
    """What the Dockerfile copies or mounts; `named` is the part of it that is mounted by name."""
    named: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    """Patterns of what `copy` leaves out, relative to the pipeline's directory."""
    source_root: str = "."
    sources: tuple[Source, ...] = ()
    downloads: tuple[Source, ...] = ()
    """Code that a container fetches when it starts."""
    lookups: tuple[Lookup, ...] = ()
    """What only `imgc lock` can find out about its layers."""
    source_files: str = "download_or_include"
    secrets: tuple[tuple[str, bool], ...] = ()
    """Build secrets by name, and whether they are required."""
    ssh: tuple[str, ...] = ()
    path_map: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    workdir: str = ""
    user: str = ""
    shell: tuple[str, ...] = ("/bin/sh", "-ec")
    builder: Builder | None = None
    layers: Layers = field(default_factory=lambda: Layers((), ()))
    running: Mapping | None = None
    notes: dict[str, object] = field(default_factory=dict)
    has_docker: bool = False

    @property
    def pinned_base(self) -> str:
        """The base with the lock's digest."""
        return with_digest(self.base, self.digest)
