"""`install_docker`: Docker's client, from Docker's own image (docs/decisions/0008-docker-client.md)."""

from __future__ import annotations

from typing import Final

from imgc.diagnostics import Span
from imgc.document.nodes import Scalar
from imgc.instructions.types import Copy
from imgc.layers.kind import Kind, Reading, Written
from imgc.layers.recipe import Recipe
from imgc.records import dataclass

IMAGE: Final = "docker:29.7.2-cli"
"""Of format version 1: another version is other bytes. It speaks with Docker Engine 20.10 and everything newer."""

FILES: Final = ("/usr/local/bin/docker", "/usr/local/libexec/docker/cli-plugins/docker-buildx")
"""The client, and what `docker build` is since Docker 23. Both are static, and found in the same places by every
client; so they run on any base, also on one without a shell."""


@dataclass(frozen=True, slots=True)
class DockerClient:
    key: str
    span: Span

    def emit(self, recipe: Recipe) -> None:
        notes = ("the client, which needs no library of the base", "what 'docker build' runs")
        for file, note in zip(FILES, notes, strict=True):
            recipe.add(Copy((file,), file, stage=IMAGE), self.key, self.span, note)


def read(written: Written, reading: Reading) -> DockerClient | None:  # noqa: ARG001
    if not isinstance(written.node, Scalar) or written.node.value is not True:
        return None
    return DockerClient(written.key, written.span)


KIND = Kind(("install_docker",), 4, read)
