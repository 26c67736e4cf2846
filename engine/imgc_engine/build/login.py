"""The registry secret of an image as a login of `docker` itself, which fetches the base while it builds."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker.auth

from imgc_engine.failures import EngineError
from imgc_engine.images import credentials_from
from imgc_engine.plan import Image
from imgc_engine.secrets import Secrets, private_folder, write_private

_HUB = "https://index.docker.io/v1/"
"""What Docker Hub is called in a config.json."""


@contextmanager
def logged_in(image: Image, secrets: Secrets) -> Iterator[dict[str, str]]:
    """Variables for `docker`, valid inside: its configuration is the user's own, with the image's login added.

    A secret that holds a user and a password is for the image's own registry, one that is a config.json for all that it
    names. SecretMissing, EngineError.
    """
    if image.registry_secret is None:
        yield {}
        return
    logins = _logins(secrets.text(image.registry_secret), image.reference)
    own = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    with private_folder() as folder:
        for path in own.iterdir() if own.is_dir() else ():
            if path.name != "config.json":  # plugins, contexts, builders
                (folder / path.name).symlink_to(path.absolute())
        config = _read(own / "config.json")
        # An empty helper: the login in the file counts, whatever keeps the user's others.
        config["credHelpers"] = {**config.get("credHelpers", {}), **dict.fromkeys(logins, "")}
        config["auths"] = {**config.get("auths", {}), **logins}
        write_private(folder / "config.json", json.dumps(config).encode())
        yield {"DOCKER_CONFIG": str(folder)}


def _logins(value: str, reference: str) -> dict[str, Mapping[str, str]]:
    """As `auths` of a config.json has them."""
    if value.strip().startswith("{"):
        try:
            auths = json.loads(value)["auths"]
        except (ValueError, KeyError, TypeError):
            raise EngineError("The registry secret is no config.json of Docker: it has no 'auths'.") from None
        return dict(auths)
    registry, _ = docker.auth.resolve_repository_name(reference.partition("@")[0])
    given = credentials_from(value, reference)
    return {_HUB if registry == docker.auth.INDEX_NAME else registry: dict(given)}


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
