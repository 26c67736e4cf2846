"""The Docker engine that the user's environment points at, as `docker` itself would find it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import docker
import docker.context
import docker.errors
import docker.utils
import requests
import urllib3

from imgc.records import dataclass
from imgc_engine.failures import EngineError

TIMEOUT = 60.0  # seconds for one answer; streams have none
OLDEST_API = "1.40"  # Docker 19.03's, until the engine has said what it speaks
POOL = 64  # connections; more containers than this at once only reconnect more often

UNREACHABLE = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    urllib3.exceptions.HTTPError,
    ConnectionError,
    TimeoutError,
)
"""What a call raises when the engine is not there, hangs, or goes away while it answers."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What differs between engines. `cpus` and `memory` (bytes) are the engine's machine's."""

    version: str
    architecture: str
    cpus: int
    memory: int
    containerd_images: bool
    """The containerd image store: it holds images of several platforms."""
    podman: bool

    @property
    def platform(self) -> str:
        machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(self.architecture, self.architecture)
        return f"linux/{machine}"


_kept: dict[str, docker.APIClient] | None = None


@contextmanager
def one_client() -> Iterator[None]:
    """Inside, `connect` gives one client again and again, which knows the engine already: for `run --watch`."""
    global _kept
    _kept = {}
    try:
        yield
    finally:
        _kept = None


def connect(timeout: float = TIMEOUT) -> docker.APIClient:
    """A client of the engine that answers now. EngineError when none does."""
    settings = _settings()
    key = f"{settings} {timeout}"
    if _kept is None:
        return _connect(settings, timeout)
    if key not in _kept:
        _kept[key] = _connect(settings, timeout)
    return _kept[key]


def _connect(settings: dict[str, Any], timeout: float) -> docker.APIClient:
    try:
        client = docker.APIClient(version=OLDEST_API, timeout=timeout, num_pools=POOL, **settings)
        client._version = _api_version(client)
    except (docker.errors.DockerException, *UNREACHABLE) as error:
        where = settings.get("base_url") or "the default socket /var/run/docker.sock"
        raise EngineError(f"No Docker engine answers at {where}: {_reason(error)}") from None
    if is_local():
        client.trust_env = False  # no proxy leads to a socket, and looking for one is a third of each call
    return client


def _api_version(client: docker.APIClient) -> str:
    """By the engine's ping, which is quick; for `/version`, as the SDK asks, it starts four programs."""
    answer = client._get(client._url("/_ping", versioned_api=False))
    client._raise_for_status(answer)
    return str(answer.headers.get("Api-Version") or client.version(api_version=False)["ApiVersion"])


@lru_cache(maxsize=4)
def facts(client: docker.APIClient) -> Facts:
    """One question to the engine, once for each client. EngineError when it does not answer."""
    with engine_errors():
        info = client.info()
    status = dict(pair for pair in info.get("DriverStatus") or () if len(pair) == 2)
    return Facts(
        version=info.get("ServerVersion", ""),
        architecture=info.get("Architecture", ""),
        cpus=info.get("NCPU") or os.cpu_count() or 1,
        memory=info.get("MemTotal") or 0,
        containerd_images=str(status.get("driver-type", "")).startswith("io.containerd.snapshotter"),
        podman="BuildahVersion" in info,
    )


def socket_path() -> str:
    """The engine's socket on this machine; the usual place when the engine is elsewhere."""
    host = _settings().get("base_url") or ""
    path = host.removeprefix("unix://") if host.startswith("unix://") else "/var/run/docker.sock"
    return str(path)


def is_local() -> bool:
    """Whether the engine shares this machine's files, so that folders can be mounted."""
    host = _settings().get("base_url") or "unix://"
    return str(host).startswith(("unix://", "npipe://"))


@contextmanager
def engine_errors() -> Iterator[None]:
    """Whatever the SDK raises inside becomes an EngineError."""
    try:
        yield
    except docker.errors.APIError as error:
        raise EngineError(f"The engine answered: {explanation(error)}") from error
    except (docker.errors.DockerException, *UNREACHABLE) as error:
        raise EngineError(f"The engine does not answer: {_reason(error)}") from error


def explanation(error: docker.errors.APIError) -> str:
    """The engine's own words."""
    return str(error.explanation or error).strip().rstrip(".") + "."


def _settings() -> dict[str, Any]:
    """DOCKER_HOST and its TLS variables; else the context in use, which the SDK alone would not heed."""
    if os.environ.get("DOCKER_HOST"):
        settings: dict[str, Any] = docker.utils.kwargs_from_env()
        return settings | ({"use_ssh_client": True} if _is_ssh(settings) else {})
    try:
        context = docker.context.ContextAPI.get_context(os.environ.get("DOCKER_CONTEXT"))
    except (docker.errors.DockerException, OSError, ValueError, KeyError):
        return {}
    if context is None or not context.Host:
        return {}
    settings = {"base_url": context.Host}
    if context.TLSConfig:
        settings["tls"] = context.TLSConfig
    return settings | ({"use_ssh_client": True} if _is_ssh(settings) else {})


def _is_ssh(settings: dict[str, Any]) -> bool:
    return str(settings.get("base_url", "")).startswith("ssh://")


def _reason(error: BaseException) -> str:
    """The innermost cause, which is the one that says something (`Connection refused`)."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).rstrip(".") + "."
