"""Credentials of registries from Docker's own configuration: stored ones, and those of credential helpers."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_HELPER_SECONDS = 10.0
_HUB = "https://index.docker.io/v1/"
_TOKEN_USER = "<token>"
"""What a helper gives as the user when the secret is an identity token."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """`token` is an identity token, which some registries give at a login in place of a password."""

    user: str = ""
    password: str = ""
    token: str = ""

    @property
    def basic(self) -> str:
        """The value of an Authorization header; "" where only a token is known."""
        if not self.user:
            return ""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


def credentials(registry: str) -> Credentials | None:
    """What Docker knows for a registry (`docker.io`, `localhost:5000`); None where it knows nothing."""
    config = docker_config()
    names = [registry, f"https://{registry}", f"http://{registry}"]
    if registry in ("docker.io", "registry-1.docker.io"):
        names = [_HUB, *names]
    helpers = _mapping(config.get("credHelpers"))
    helper = next((helpers[name] for name in names if name in helpers), config.get("credsStore"))
    if isinstance(helper, str) and (found := _from_helper(helper, names[0])):
        return found
    for name, entry in _mapping(config.get("auths")).items():
        plain = name.rstrip("/").removesuffix("/v1").removesuffix("/v2")
        if (name in names or plain in names) and (found := _stored(entry)):
            return found
    return None


def docker_config() -> dict[str, Any]:
    """Docker's configuration of this user; empty where there is none that can be read."""
    try:
        data = json.loads((config_folder() / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return _mapping(data)


def config_folder() -> Path:
    return Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _stored(entry: Any) -> Credentials | None:
    token = str(_mapping(entry).get("identitytoken") or "")
    try:
        user, _, password = base64.b64decode(entry["auth"]).decode("utf-8").rstrip("\0").partition(":")
    except (KeyError, TypeError, ValueError):
        user, password = "", ""
    return Credentials(user, password, token) if user or token else None


def _from_helper(helper: str, server: str) -> Credentials | None:
    """Asks `docker-credential-HELPER`, as Docker does."""
    if not helper.replace("-", "").replace("_", "").replace(".", "").isalnum():
        return None
    try:
        done = subprocess.run(
            [f"docker-credential-{helper}", "get"], input=server, capture_output=True, text=True,
            timeout=_HELPER_SECONDS, check=True,
        )  # fmt: skip
        data = json.loads(done.stdout)
        user, secret = str(data["Username"]), str(data["Secret"])
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError):
        return None
    return Credentials(token=secret) if user == _TOKEN_USER else Credentials(user, secret)
