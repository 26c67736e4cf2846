"""Credentials of registries from Docker's own configuration: stored ones, and those of credential helpers."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

_HELPER_SECONDS = 3.0
_HUB = "https://index.docker.io/v1/"


def credentials(registry: str) -> tuple[str, str] | None:
    """User and password for a registry (`docker.io`, `localhost:5000`); None where Docker knows none."""
    config = _config()
    names = [registry, f"https://{registry}", f"http://{registry}"]
    if registry in ("docker.io", "registry-1.docker.io"):
        names = [_HUB, *names]
    helpers = config.get("credHelpers", {})
    helper = next((helpers[name] for name in names if name in helpers), config.get("credsStore"))
    if isinstance(helper, str) and (found := _from_helper(helper, names[0])):
        return found
    for name, entry in config.get("auths", {}).items():
        if name.rstrip("/").removesuffix("/v1").removesuffix("/v2") in names or name in names:
            return _stored(entry)
    return None


def _config() -> dict[str, Any]:
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    try:
        data = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _stored(entry: Any) -> tuple[str, str] | None:
    try:
        user, _, password = base64.b64decode(entry["auth"]).decode("utf-8").partition(":")
    except (KeyError, TypeError, ValueError):
        return None
    return (user, password) if user else None


def _from_helper(helper: str, server: str) -> tuple[str, str] | None:
    """Asks `docker-credential-HELPER`, as Docker does."""
    if not helper.replace("-", "").replace("_", "").replace(".", "").isalnum():
        return None
    try:
        done = subprocess.run(
            [f"docker-credential-{helper}", "get"], input=server, capture_output=True, text=True,
            timeout=_HELPER_SECONDS, check=True,
        )  # fmt: skip
        data = json.loads(done.stdout)
        return str(data["Username"]), str(data["Secret"])
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError):
        return None
