"""An image in a registry: its digest, its configuration, its layers."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from imgc.model.reference import Reference
from imgc_engine.lookups.registry import Answer, Registry, RegistryError

INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}


@dataclass(frozen=True, slots=True)
class Layer:
    """`kind` is its media type, `size` that of the archive as it is sent, in bytes."""

    digest: str
    size: int
    kind: str


@dataclass(frozen=True, slots=True)
class RemoteImage:
    """`digest` is that of the index where there is one, so that it holds for every platform; configuration and
    layers are of one of them."""

    digest: str
    config: dict[str, Any]
    layers: tuple[Layer, ...]
    repository: str

    @property
    def scope(self) -> str:
        return f"repository:{self.repository}:pull"


def remote_image(registry: Registry, reference: Reference, platforms: Sequence[str] = ()) -> RemoteImage:
    """What a reference is in its registry now. `platforms` are those that it must have. RegistryError."""
    repository, scope = reference.repository, f"repository:{reference.repository}:pull"
    answer = _manifest(registry, repository, reference.digest or reference.tag or "latest")
    digest, manifest = _verified(answer, reference.digest), answer.json()
    if manifest.get("mediaType") in INDEXES or isinstance(manifest.get("manifests"), list):
        wanted = _of_platform(registry.name, manifest, platforms)
        answer = _manifest(registry, repository, wanted)
        _verified(answer, wanted)
        manifest = answer.json()
    config = _mapping(manifest.get("config")).get("digest")
    if not isinstance(config, str):
        raise RegistryError("answer", f"what {registry.name} has as {reference} is no image that Docker runs")
    answer = registry.get(f"{repository}/blobs/{config}", scope, "*/*")
    _verified(answer, config)
    data = answer.json()
    if platforms and not answer_fits(data, platforms):
        raise RegistryError("answer", f"{registry.name} has {reference} for {_platform(data)} alone")
    layers = manifest.get("layers")
    found = [_layer(_mapping(layer)) for layer in layers] if isinstance(layers, list) else []
    return RemoteImage(digest, data, tuple(layer for layer in found if layer), repository)


def answer_fits(config: dict[str, Any], platforms: Sequence[str]) -> bool:
    """Whether a configuration is of one of the platforms; one that says nothing fits all."""
    return not config.get("architecture") or any(_fits(_platform(config), wanted) for wanted in platforms)


def _manifest(registry: Registry, repository: str, name: str) -> Answer:
    accept = ", ".join((*INDEXES, *MANIFESTS))
    return registry.get(f"{repository}/manifests/{name}", f"repository:{repository}:pull", accept)


def _verified(answer: Answer, digest: str = "") -> str:
    """The digest of an answer, which must be that which was asked for."""
    algorithm = digest.partition(":")[0] or "sha256"
    found = f"{algorithm}:{hashlib.new(algorithm, answer.data).hexdigest()}"
    said = digest or answer.headers.get("Docker-Content-Digest", "")
    if said.startswith(f"{algorithm}:") and said != found:
        raise RegistryError("answer", f"what {answer.registry} sends is not what {said[:19]}… names")
    return found


def _of_platform(registry: str, index: dict[str, Any], platforms: Sequence[str]) -> str:
    """The digest of the manifest to look at: of the first platform that is wanted, else of this machine's, else
    the first. All that are wanted must be there."""
    there: dict[str, str] = {}
    for entry in index.get("manifests") or ():
        entry = _mapping(entry)
        name, digest = _platform(_mapping(entry.get("platform"))), entry.get("digest")
        if isinstance(digest, str) and "unknown" not in name:  # attestations
            there.setdefault(name, digest)
    for wanted in platforms:
        if not any(_fits(name, wanted) for name in there):
            raise RegistryError(
                "answer", f"{registry} has no {wanted} of this image: there are {', '.join(there) or 'none'}"
            )
    machine = platform.machine().lower()
    for wanted in (*platforms, f"linux/{_MACHINES.get(machine, machine)}", "linux"):
        for name, digest in there.items():
            if _fits(name, wanted):
                return digest
    raise RegistryError("answer", f"the index that {registry} has of this image names no manifest for Linux")


def _platform(data: dict[str, Any]) -> str:
    parts = (data.get("os") or "linux", data.get("architecture") or "unknown", data.get("variant"))
    return "/".join(str(part) for part in parts if part)


def _fits(name: str, wanted: str) -> bool:
    """`linux/arm64/v8` is a `linux/arm64`."""
    return (
        name == wanted
        or name.startswith(f"{wanted}/")
        or (wanted == "linux/arm64/v8" and name == "linux/arm64")
    )


def _layer(data: dict[str, Any]) -> Layer | None:
    digest, size = data.get("digest"), data.get("size")
    if not isinstance(digest, str) or not isinstance(size, int):
        return None
    return Layer(digest, size, str(data.get("mediaType") or ""))


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def local_config(image: dict[str, Any]) -> dict[str, Any]:
    """The configuration of an image as an engine describes it, in the form that registries have."""
    return {
        "os": image.get("Os"),
        "architecture": image.get("Architecture"),
        "config": _mapping(image.get("Config")),
    }
