"""What runs left on the engine, taken away after the fact."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import docker.errors

from imgc_engine.connection import UNREACHABLE, connect
from imgc_engine.data import code
from imgc_engine.failures import EngineError
from imgc_engine.run.cleaning import find, remove, remove_all
from imgc_engine.run.keeping import drop, kept


def tidy(project: Path, data: Path, leave: Collection[str]) -> tuple[int, int]:
    """Remove the containers and the kept states of a project's runs, but for those in `leave` and those
    that build code (`data` is the folder for it); their numbers. EngineError."""
    client = connect()
    try:
        containers = [
            one
            for one in find(client)
            if one.project == str(project) and one.run not in leave and not code.is_building(data, one.run)
        ]
        for container in containers:
            remove(client, container.id)
        states = [state for state in kept(client, str(project)) if state.run not in leave]
        for state in states:
            drop(client, state)
    except (docker.errors.APIError, *UNREACHABLE) as error:
        raise EngineError(f"The engine did not remove the containers: {error}") from error
    return len(containers), len(states)


def remove_containers(run: str) -> None:
    """EngineError."""
    try:
        remove_all(connect(), run)
    except (docker.errors.APIError, *UNREACHABLE) as error:
        raise EngineError(f"The engine did not remove the containers of {run}: {error}") from error
