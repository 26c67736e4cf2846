"""The run plan as the engine holds it: what `plan.schema.json` says, field by field (see there for meanings).

Paths are relative to the project (the pipeline file's directory), `dockerfile` to the folder of plan.json;
durations are seconds, sizes bytes. Nothing is checked here but the shape: the compiler made the plan.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal

from imgc.records import dataclass
from imgc_engine.reading import ReadError, read

VERSION = 1
SCHEMA = "https://imgc.dev/schema/plan-1.json"

Kind = Literal["serial", "parallel", "run", "call", "lazy", "build"]
When = Literal["on_success", "on_failure", "always"]
Cause = Literal["error", "oom", "timeout"]

__all__ = ["Image", "Node", "Place", "Plan", "ReadError", "load"]


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the YAML; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class BuildSecret:
    id: str
    required: bool


@dataclass(frozen=True, slots=True)
class BuildSettings:
    network: str | None
    no_cache: bool
    pull: bool
    shm_size: int | None
    cache_from: tuple[str, ...]
    cache_to: tuple[str, ...]
    options: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class CodeSource:
    kind: Literal["repo", "git", "s3"]
    url: str | None
    branch: str | None
    commit: str | None
    path: str
    target: str | None
    source_files: str
    place: Place


@dataclass(frozen=True, slots=True)
class Pip:
    arguments: tuple[str, ...]
    username: str | None
    password: str | None


@dataclass(frozen=True, slots=True)
class Builder:
    language: str | None
    image: str | None
    path: str
    place: Place
    secrets: tuple[BuildSecret, ...]
    pip: Pip | None


@dataclass(frozen=True, slots=True)
class Image:
    tag: str
    content: str | None
    reference: str
    source: Place
    base: str | None
    dockerfile: str | None
    context: str | None
    after: tuple[str, ...]
    args: Mapping[str, str]
    target: str | None
    same_as: str | None
    skip_build: bool
    reuse: bool
    platforms: tuple[str, ...]
    secrets: tuple[BuildSecret, ...]
    ssh: tuple[str, ...]
    registry_secret: str | None
    build: BuildSettings
    sources: tuple[CodeSource, ...]
    builder: Builder | None
    path_map: Mapping[str, str]
    workdir: str | None
    shell: tuple[str, ...]
    user: str | None


@dataclass(frozen=True, slots=True)
class RunSecret:
    name: str
    env: str | None
    target: str | None


@dataclass(frozen=True, slots=True)
class Mount:
    src: str
    dst: str
    read_only: bool


@dataclass(frozen=True, slots=True)
class Retry:
    attempts: int
    backoff: float
    on: tuple[Cause, ...]
    mem_factor: float


@dataclass(frozen=True, slots=True)
class Container:
    mode: Literal["own", "group", "pool"]
    group: str | None


@dataclass(frozen=True, slots=True)
class Call:
    file: str
    function: str
    args: object
    path: str


@dataclass(frozen=True, slots=True)
class Node:
    path: str
    name: str
    parent: str | None
    kind: Kind
    after: tuple[str, ...]
    needs: tuple[str, ...]
    source: Place
    title: str | None
    doc: str | None
    tags: tuple[str, ...]
    image: str | None
    command: tuple[str, ...] | None
    call: Call | None
    env: Mapping[str, str]
    secrets: tuple[RunSecret, ...]
    workdir: str | None
    user: str | None
    cpu: float | None
    mem: int | None
    gpu: int
    shm_size: int | None
    network: str | None
    mounts: tuple[Mount, ...]
    requires_docker: bool
    docker_run_args: tuple[str, ...]
    max_time: float | None
    retry: Retry
    skip: bool
    max_concurrent: int | None
    container: Container
    stop_on_error: bool
    suppress_errors: bool
    accept_return_code: tuple[int, ...]
    stdin: str | None
    when: When
    matrix: Mapping[str, str]
    input: Mapping[str, object] | None
    outputs: tuple[str, ...]
    places: Mapping[str, Place]

    @property
    def is_group(self) -> bool:
        return self.kind in ("serial", "parallel")

    def place(self, setting: str) -> Place:
        """Where the setting is written; the node itself when it is not."""
        return self.places.get(setting, self.source)


@dataclass(frozen=True, slots=True)
class SecretSource:
    env: str | None
    file: str | None


@dataclass(frozen=True, slots=True)
class Repo:
    path: str


@dataclass(frozen=True, slots=True)
class Plan:
    version: int
    name: str
    title: str | None
    doc: str | None
    tags: tuple[str, ...]
    file: str
    params: Mapping[str, object]
    secrets: Mapping[str, SecretSource]
    repos: Mapping[str, Repo]
    images: Mapping[str, Image]
    nodes: tuple[Node, ...]

    def node(self, path: str) -> Node:
        """KeyError when there is no such node."""
        for node in self.nodes:
            if node.path == path:
                return node
        raise KeyError(path)


def load(document: Mapping[str, Any]) -> Plan:
    """A plan from the object in plan.json. ReadError when it is not a plan, or of another version."""
    if document.get("version") != VERSION:
        raise ReadError(f"must be {VERSION}: this is a plan of another version of imgc", ".version")
    fields = {key: value for key, value in document.items() if key != "$schema"}
    secrets = fields.get("secrets")
    if isinstance(secrets, dict):  # the one place where the document leaves out what is not there
        fields["secrets"] = {
            name: {"env": None, "file": None, **source} if isinstance(source, dict) else source
            for name, source in secrets.items()
        }
    plan = read(Plan, fields)
    _check_names(plan)
    return plan


def digest(document: Mapping[str, Any]) -> str:
    """A hash of the plan's meaning: equal for equal documents, however they are written."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _check_names(plan: Plan) -> None:
    """What refers to a node or an image must find it: everything behind this point relies on it."""
    seen: set[str] = set()
    for name, image in plan.images.items():
        if unknown := [other for other in (*image.after, image.same_as) if other and other not in seen]:
            raise ReadError(f"names {unknown[0]!r}, which is no image before it", f".images.{name}")
        seen.add(name)
    paths = {node.path for node in plan.nodes}
    if len(paths) != len(plan.nodes):
        raise ReadError("holds two nodes of one path", ".nodes")
    groups: set[str] = set()
    for index, node in enumerate(plan.nodes):
        where = f".nodes[{index}]"
        if node.parent is None if index else node.parent is not None:
            raise ReadError("must be the first node and the only one without a parent", where)
        if node.parent is not None and node.parent not in groups:
            raise ReadError("must come after the group that is its parent", where)
        if unknown := [path for path in (*node.after, *node.needs) if path not in paths]:
            raise ReadError(f"waits for {unknown[0]!r}, which is no node", where)
        if node.image is not None and node.image not in plan.images:
            raise ReadError(f"runs in {node.image!r}, which is no image", where)
        if node.container.group is not None and node.container.group not in groups:
            raise ReadError("shares the container of what is no group before it", where)
        if node.is_group:
            groups.add(node.path)
        elif node.command is None:
            raise ReadError("has no command", where)
