"""The `build` of a service in a Compose file."""

from __future__ import annotations

import posixpath
from collections.abc import Callable

from imgc.targets.run_args import relative
from imgc.targets.subject import Data, Subject, content_label
from imgc.targets.target import Say, refused


def build(subject: Subject, name: str, image: Data, service: Callable[[str], str], say: Say) -> Data:
    """`service` gives the service of another image."""
    context, settings = image["context"], image["build"]
    parents = image["after"]
    made: Data = {
        "context": relative(posixpath.join(subject.project, context)),
        "dockerfile": posixpath.relpath(posixpath.join(subject.output, image["dockerfile"]), context),
        "additional_contexts": {
            subject.images[parent]["reference"]: f"service:{service(parent)}" for parent in parents
        },
        "tags": [other["reference"] for other in subject.images.values() if other["same_as"] == name],
        "platforms": image["platforms"],
        "secrets": [secret["id"] for secret in image["secrets"]],
        "ssh": image["ssh"],
        "network": settings["network"],
        "shm_size": settings["shm_size"],
        "no_cache": settings["no_cache"],
        "pull": settings["pull"],
        "cache_from": settings["cache_from"],
        "cache_to": settings["cache_to"],
        "labels": content_label(image),
    }
    for option, value in settings["options"].items():
        try:
            for one in value if isinstance(value, list) else [value]:
                OPTIONS[option](made, one)
        except (KeyError, ValueError):
            span = subject.image_span(name, "build", "options", option)
            say(f"build.options.{option}", refused("the build of a Compose file has nothing for it."), span)
    return {
        key: value
        for key, value in made.items()
        if value or (value is False and key in ("sbom", "provenance"))
    }


def _label(made: Data, value: object) -> None:
    name, _, text = str(value).partition("=")
    made.setdefault("labels", {})[name] = text


def _host(made: Data, value: object) -> None:
    made.setdefault("extra_hosts", []).append(str(value))


def _context(made: Data, value: object) -> None:
    name, _, text = str(value).partition("=")
    made.setdefault("additional_contexts", {})[name] = text


def _ulimit(made: Data, value: object) -> None:
    name, _, limits = str(value).partition("=")
    soft, colon, hard = limits.partition(":")
    limit = {"soft": int(soft), "hard": int(hard)} if colon else int(soft)
    made.setdefault("ulimits", {})[name] = limit


def _attest(key: str) -> Callable[[Data, object], None]:
    return lambda made, value: made.update({key: value if isinstance(value, bool) else str(value)})


OPTIONS: dict[str, Callable[[Data, object], None]] = {
    "label": _label,
    "add-host": _host,
    "build-context": _context,
    "ulimit": _ulimit,
    "sbom": _attest("sbom"),
    "provenance": _attest("provenance"),
    "allow": lambda made, value: made.setdefault("entitlements", []).append(str(value)),
}
