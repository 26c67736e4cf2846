"""Images on the engine and in registries: is it there, fetch it, tag it, send it away."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import docker
import docker.auth
import docker.errors

from imgc.records import dataclass
from imgc_engine.connection import UNREACHABLE, engine_errors, explanation
from imgc_engine.failures import EngineError

REGISTRY_PATIENCE = 8.0  # seconds for the question whether an image is there; then it is built

Credentials = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Local:
    """An image on the engine. `user`, `workdir` and `labels` are as its configuration says."""

    id: str
    user: str
    workdir: str
    labels: Mapping[str, str]


class RegistryError(RuntimeError):
    """A registry refused or did not answer. The text is what the engine said."""


def local(client: docker.APIClient, reference: str) -> Local | None:
    """None when the engine does not have it. EngineError."""
    with engine_errors():
        try:
            found = client.inspect_image(reference)
        except docker.errors.ImageNotFound:
            return None
    config = found.get("Config") or {}
    return Local(
        found["Id"], config.get("User") or "", config.get("WorkingDir") or "/", config.get("Labels") or {}
    )


def is_remote(reference: str) -> bool:
    """Whether it names a registry: what does not would be looked for on Docker Hub, under anybody's name."""
    domain, slash, _ = reference.partition("/")
    return bool(slash) and ("." in domain or ":" in domain or domain == "localhost")


def in_registry(asking: docker.APIClient, reference: str, credentials: Credentials | None) -> bool:
    """Whether the registry has it, as far as it says so in time. `asking` is a client of little patience."""
    try:
        asking.inspect_distribution(reference, auth_config=credentials)
    except (docker.errors.DockerException, *UNREACHABLE):
        return False
    return True


def pull(client: docker.APIClient, reference: str, credentials: Credentials | None = None) -> None:
    """RegistryError when the registry does not give it; EngineError."""
    name, tag = _split(reference)
    with engine_errors():
        try:
            lines = client.pull(name, tag=tag, stream=True, decode=True, auth_config=credentials)
            _raise_error_of(lines)
        except docker.errors.APIError as error:
            raise RegistryError(explanation(error)) from None


def push(client: docker.APIClient, reference: str, credentials: Credentials | None = None) -> None:
    """RegistryError when the registry does not take it; EngineError."""
    name, tag = _split(reference)
    with engine_errors():
        try:
            lines = client.push(name, tag=tag, stream=True, decode=True, auth_config=credentials)
            _raise_error_of(lines)
        except docker.errors.APIError as error:
            raise RegistryError(explanation(error)) from None


def tag(client: docker.APIClient, source: str, reference: str) -> None:
    """Give the image a further reference. EngineError."""
    name, version = _split(reference)
    with engine_errors():
        client.tag(source, name, version)


def credentials_from(value: str, reference: str) -> Credentials:
    """A registry secret's value as credentials: `user:password`, a token, or a Docker config.json's text.

    EngineError when that has no entry for the reference's registry.
    """
    text = value.strip()
    if not text.startswith("{"):
        user, colon, password = text.partition(":")
        return {"username": user, "password": password} if colon else {"username": "token", "password": text}
    registry, _ = docker.auth.resolve_repository_name(_split(reference)[0])
    try:
        auths = docker.auth.AuthConfig.parse_auth(json.loads(text)["auths"], raise_on_error=True)
        entry: Credentials | None = docker.auth.AuthConfig({"auths": auths}).resolve_authconfig(registry)
    except (docker.errors.DockerException, ValueError, KeyError, TypeError):
        entry = None
    if not entry:
        raise EngineError(f"The registry secret holds no credentials for {registry}.")
    return entry


def _split(reference: str) -> tuple[str, str]:
    """Name, and digest or tag."""
    name, _, digest = reference.partition("@")
    head, slash, last = name.rpartition("/")
    base, colon, version = last.partition(":")
    return f"{head}{slash}{base}", digest or (version if colon else "latest")


def _raise_error_of(lines: Any) -> None:
    """A transfer that failed ends with a line that says so, not with a status."""
    for line in lines:
        if "error" in line:
            raise RegistryError(str(line["error"]).strip().rstrip(".") + ".")
