"""Files that containers wrote as somebody else."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import docker
import docker.errors

from imgc_engine.connection import engine_errors
from imgc_engine.failures import EngineError


def take_over(client: docker.APIClient, reference: str, folder: Path) -> None:
    """Make all below a folder ours, by `chown` in a container of the image. Who is root needs none. EngineError."""
    us = os.getuid()
    if us == 0 or all(
        os.lstat(os.path.join(top, name)).st_uid == us  # noqa: PTH118
        for top, folders, files in os.walk(folder)
        for name in (*folders, *files)
    ):
        return
    config = {
        "Image": reference,
        "User": "0:0",
        "Entrypoint": ["chown"],
        "Cmd": ["-R", f"{us}:{os.getgid()}", "/pfs/out"],
        "HostConfig": {
            "NetworkMode": "none",
            "Mounts": [{"Type": "bind", "Source": str(folder), "Target": "/pfs/out", "ReadOnly": False}],
        },
    }
    with engine_errors():
        container = client.create_container_from_config(config)["Id"]
        try:
            client.start(container)
            code = client.wait(container)["StatusCode"]
        finally:
            with suppress(docker.errors.APIError):
                client.remove_container(container, v=True, force=True)
    if code != 0:
        raise EngineError(f"What a container wrote to {folder} belongs to another user, and chown failed.")
