"""`imgc run --keep`: what a failed leaf left in its container stays, as an image that `imgc debug` starts from.

An image and not the container: the container has the values of secrets in its configuration and mounts of files
that are gone; and what a run leaves behind is then never a container.
"""

from __future__ import annotations

import os
import subprocess

import docker
import docker.errors

from imgc.records import dataclass
from imgc_engine.build.program import find_program
from imgc_engine.failures import EngineError
from imgc_engine.plan import Node
from imgc_engine.run.containers import Surroundings
from imgc_engine.run.naming import LABEL_ATTEMPT, LABEL_NODE, LABEL_PROJECT, LABEL_RUN

LABEL_KEPT = "imgc.kept"
REPOSITORY = "imgc-kept"


@dataclass(frozen=True, slots=True)
class Kept:
    """The state in which an attempt ended. `id` is the image's."""

    id: str
    run: str
    node: str
    attempt: int


def keep(client: docker.APIClient, container: str, node: Node, attempt: int, around: Surroundings) -> None:
    """Make the image, without the secrets that its variables hold. EngineError, APIError, and what connections
    raise."""
    labels = {LABEL_RUN: around.run, LABEL_PROJECT: str(around.project), LABEL_NODE: node.path}
    labels |= {LABEL_ATTEMPT: str(attempt), LABEL_KEPT: "1"}
    hidden = [f"{use.env}=" for use in node.secrets if use.env is not None]
    tag = container.removeprefix("imgc-")
    made = f"{tag}.part" if hidden else tag
    client.commit(container, REPOSITORY, made, conf={"Env": hidden, "Labels": labels})
    if hidden:
        try:
            _build_upon(f"{REPOSITORY}:{made}", f"{REPOSITORY}:{tag}")
        finally:
            client.remove_image(f"{REPOSITORY}:{made}")


def _build_upon(made: str, reference: str) -> None:
    """The same image without the record of the container it was made from, which has the secrets: Docker keeps
    that beside what it is told to keep, and only BuildKit leaves it behind. EngineError."""
    program = find_program()
    builder = ["--builder", "default"] if program.buildx else []
    done = subprocess.run(
        [program.path, "build", *builder, "--quiet", "--tag", reference, "-"],
        input=f"FROM {made}\nLABEL {LABEL_KEPT}=1\n".encode(),
        env={**os.environ, "DOCKER_BUILDKIT": "1"},
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise EngineError(done.stderr.decode(errors="replace").strip())


def kept(client: docker.APIClient, project: str) -> list[Kept]:
    """All of a project's. APIError, and what connections raise."""
    filters = {"label": [LABEL_KEPT, f"{LABEL_PROJECT}={project}"]}
    return [
        Kept(
            image["Id"],
            image["Labels"].get(LABEL_RUN, ""),
            image["Labels"].get(LABEL_NODE, ""),
            int(image["Labels"].get(LABEL_ATTEMPT, 0)),
        )
        for image in client.images(filters=filters)
    ]


def drop(client: docker.APIClient, state: Kept) -> None:
    """Remove it; that it is gone already is no error."""
    try:
        client.remove_image(state.id, force=True)
    except docker.errors.ImageNotFound:
        return
