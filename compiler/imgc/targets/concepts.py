"""What a plan can say: each concept with where a pipeline uses it. A target's table has a word on each.

A setting at its default is no use of it: `retry` once is no retry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from imgc.diagnostics import Span
from imgc.records import dataclass
from imgc.targets.subject import Data, Subject, is_group
from imgc.targets.target import Part

Find = Callable[[Subject], Iterator[Span]]


@dataclass(frozen=True, slots=True)
class Concept:
    """`name` is how tables and messages call it."""

    name: str
    part: Part
    find: Find


def _image(name: str, used: Callable[[Data], object], *keys: str) -> Concept:
    def find(subject: Subject) -> Iterator[Span]:
        for image, data in subject.images.items():
            if used(data):
                yield subject.image_span(image, *(keys or (name,)))

    return Concept(name, "image", find)


def _node(name: str, used: Callable[[Data], object], key: str = "") -> Concept:
    def find(subject: Subject) -> Iterator[Span]:
        for node in subject.nodes:
            if used(node):
                yield subject.node_span(node, key or name)

    return Concept(name, "node", find)


def _reuse(name: str, mode: str) -> Concept:
    def find(subject: Subject) -> Iterator[Span]:
        for node in subject.leaves:
            if node["container"]["mode"] == mode:
                yield subject.reuse_span(node)

    return Concept(name, "node", find)


def _set(key: str) -> Concept:
    return _node(key, lambda node: node[key])


def _built(key: str) -> Concept:
    return _image(f"build.{key}", lambda image: image["build"][key], "build", key)


def _secrets(name: str, kind: str) -> Concept:
    return _node(name, lambda node: any(use[kind] is not None for use in node["secrets"]), "secrets")


CONCEPTS: tuple[Concept, ...] = (
    _image("extends", lambda image: image["after"]),
    _image("images of equal content", lambda image: image["same_as"]),
    _image("skip_build", lambda image: image["skip_build"]),
    _image("platforms", lambda image: image["platforms"]),
    _image("build secrets", lambda image: image["secrets"], "secrets"),
    _image(
        "build secrets that are not required",
        lambda image: any(not secret["required"] for secret in image["secrets"]),
        "secrets",
    ),
    _image("ssh", lambda image: image["ssh"]),
    *map(_built, ("network", "no_cache", "pull", "shm_size", "cache_from", "cache_to", "options")),
    _image("reuse: false", lambda image: not image["reuse"], "reuse"),
    _image("registry_secret", lambda image: image["registry_secret"]),
    Concept("code from elsewhere", "image", lambda subject: _sources(subject, download=False)),
    Concept("source_files: download", "image", lambda subject: _sources(subject, download=True)),
    _image("builder", lambda image: image["builder"]),
    _node("serial", lambda node: node["kind"] == "serial"),
    _node("parallel", lambda node: node["kind"] == "parallel"),
    _set("needs"),
    _node("when: on_failure", lambda node: node["when"] == "on_failure", "when"),
    _node("when: always", lambda node: node["when"] == "always", "when"),
    _node("stop_on_error: false", lambda node: node["stop_on_error"] is False, "stop_on_error"),
    _node("suppress_errors", lambda node: node["suppress_errors"] and not is_group(node)),
    _node(
        "suppress_errors of a group",
        lambda node: node["suppress_errors"] and is_group(node),
        "suppress_errors",
    ),
    _set("accept_return_code"),
    _set("max_concurrent"),
    _node("retry", lambda node: node["retry"]["attempts"] > 1 and not is_group(node)),
    _node("retry of a group", lambda node: node["retry"]["attempts"] > 1 and is_group(node), "retry"),
    _node("max_time", lambda node: node["max_time"] and not is_group(node)),
    _node("max_time of a group", lambda node: node["max_time"] and is_group(node), "max_time"),
    _reuse("container_reuse: new", "group"),
    _reuse("container_reuse: pool", "pool"),
    _node("lazy", lambda node: node["kind"] == "lazy"),
    _node("call", lambda node: node["kind"] == "call"),
    _node("build pipelines", lambda node: node["kind"] == "build", "image"),
    _set("input"),
    _set("outputs"),
    _node("stdin", lambda node: node["stdin"] is not None),
    _node("env", lambda node: node["env"] and not is_group(node)),
    _secrets("secrets as variables", "env"),
    _secrets("secrets as files", "target"),
    *map(_set, ("workdir", "user", "cpu", "mem", "gpu", "shm_size", "network", "mounts")),
    *map(_set, ("requires_docker", "docker_run_args")),
)


def _sources(subject: Subject, download: bool) -> Iterator[Span]:
    for image in subject.resolved.images.values():
        yield from (source.span for source in (image.downloads if download else image.sources))
