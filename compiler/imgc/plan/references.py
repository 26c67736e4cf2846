"""What built images are called: `[registry/]PIPELINE/IMAGE:TAG`, unless the image says otherwise."""

from __future__ import annotations

from imgc.model.pipeline import Pipeline, text
from imgc.resolve.image import ResolvedImage
from imgc.resolve.names import path_component

DOCKERFILE_SUFFIX = "__dockerfile"


def reference(image: ResolvedImage, pipeline: Pipeline, tag: str) -> str:
    """The full reference of an image with a tag.

    `repository` is the whole path below the registry; with `name` too, the name comes last in it. `name` alone
    stands for `PIPELINE/IMAGE`.
    """
    name, repository = text(image.node.get("name")), text(image.node.get("repository"))
    suffix = DOCKERFILE_SUFFIX if image.name.endswith(DOCKERFILE_SUFFIX) else ""
    path = "/".join(part for part in (repository, name) if part) + suffix
    if not (name or repository):
        path = f"{path_component(pipeline.name)}/{image.name}"
    registry = text(image.node.get("registry")) or pipeline.registry
    return f"{registry.rstrip('/')}/{path}:{tag}" if registry else f"{path}:{tag}"
