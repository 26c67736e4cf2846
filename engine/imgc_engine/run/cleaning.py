"""Containers of runs, found by their labels, and taken away."""

from __future__ import annotations

import docker
import docker.errors

from imgc.records import dataclass
from imgc_engine.run.naming import LABEL_ATTEMPT, LABEL_NODE, LABEL_PROJECT, LABEL_RUN


@dataclass(frozen=True, slots=True)
class Found:
    """A container of a run. `state` is Docker's word: created, running, exited, …"""

    id: str
    run: str
    project: str
    node: str
    attempt: int
    state: str


def find(client: docker.APIClient, run: str | None = None) -> list[Found]:
    """The containers of a run, or of all. APIError, and what connections raise."""
    label = LABEL_RUN if run is None else f"{LABEL_RUN}={run}"
    return [
        Found(
            one["Id"],
            one["Labels"][LABEL_RUN],
            one["Labels"].get(LABEL_PROJECT, ""),
            one["Labels"].get(LABEL_NODE, ""),
            int(one["Labels"].get(LABEL_ATTEMPT, 0)),
            one["State"],
        )
        for one in client.containers(all=True, filters={"label": [label]})
    ]


def remove(client: docker.APIClient, container: str) -> None:
    """Remove a container, running or not, with its anonymous volumes. That it is gone already is no error."""
    try:
        client.remove_container(container, v=True, force=True)
    except docker.errors.NotFound:
        return
    except docker.errors.APIError as error:
        if error.status_code != 409:  # somebody else is removing it
            raise


def remove_all(client: docker.APIClient, run: str) -> int:
    """Remove all containers of a run; their number."""
    found = find(client, run)
    for container in found:
        remove(client, container.id)
    return len(found)
