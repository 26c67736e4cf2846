"""What of a plan this engine does not honour: found before anything starts, said at its place in the YAML.

A rule is a function of one leaf that is going to run. Whatever is not implemented has its rule here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path

from imgc.records import dataclass
from imgc_engine.connection import Facts
from imgc_engine.failures import Refusal
from imgc_engine.plan import Node
from imgc_engine.run.containers import host_path, root_on_host
from imgc_engine.run.docker_args import NotExpressible
from imgc_engine.run.secret_files import targets
from imgc_engine.secrets import SecretMissing, Secrets

GRANT = "docker-socket"
LEAST_MEMORY = 6 << 20  # bytes: Docker's own limit
LEAST_CPU = 0.01


@dataclass(frozen=True, slots=True)
class Around:
    """What leaves are judged by. `allow` are the user's grants; `networks` those that the engine has; `lazy` is
    why nothing can be made of what nodes print, empty when it can."""

    facts: Facts
    project: Path
    socket: str
    local: bool
    allow: Collection[str]
    networks: Collection[str]
    secrets: Secrets
    lazy: str


Rule = Callable[[Node, Around], Iterator[tuple[str, str]]]
"""Gives pairs of the setting that is not honoured and a sentence."""


def refusals(nodes: Iterable[Node], around: Around) -> list[Refusal]:
    """All of them, in the order of the nodes. Groups have nothing that could not be honoured."""
    leaves = [node for node in nodes if not node.is_group]
    alone = [
        Refusal(node.place(setting), message)
        for node in leaves
        for rule in RULES
        for setting, message in rule(node, around)
    ]
    return [*alone, *_secrets_in_one_place(leaves)]


def _lazy(node: Node, around: Around) -> Iterator[tuple[str, str]]:
    if node.kind == "lazy" and around.lazy:
        yield "lazy", around.lazy


def _data(node: Node, around: Around) -> Iterator[tuple[str, str]]:
    wanted = {"input": node.input is not None, "outputs": bool(node.outputs), "image": node.kind == "build"}
    for setting, is_wanted in wanted.items():
        if is_wanted and not around.local:
            yield setting, "The engine is on another machine, and does not see the files of this one."


def _image(node: Node, _around: Around) -> Iterator[tuple[str, str]]:
    if node.image is None:
        yield "image", f"{node.path!r} has no image to run in."


def _resources(node: Node, around: Around) -> Iterator[tuple[str, str]]:
    if node.cpu is not None and node.cpu > around.facts.cpus:
        yield "cpu", f"It wants {node.cpu:g} CPUs, and the engine's machine has {around.facts.cpus}."
    if node.cpu is not None and node.cpu < LEAST_CPU:
        yield "cpu", f"Docker gives no less than {LEAST_CPU} of a CPU."
    if node.mem is not None and node.mem < LEAST_MEMORY:
        yield "mem", "Docker gives a container no less than 6 MiB of memory."


def _network(node: Node, around: Around) -> Iterator[tuple[str, str]]:
    name = node.network
    if name is None or name in ("none", "host", "default") or name.startswith("container:"):
        return
    if name not in around.networks:
        yield "network", f"The engine has no network {name!r}; `docker network create {name}` makes one."


def _mounts(node: Node, around: Around) -> Iterator[tuple[str, str]]:
    if node.mounts and not around.local:
        yield "mounts", "The engine is on another machine, and does not see the files of this one."
        return
    sources = {mount: Path(host_path(mount.src, around.project)) for mount in node.mounts}
    for mount, source in sources.items():
        if not source.exists():
            yield "mounts", f"There is no {mount.src!r} to mount."


def _secrets(node: Node, around: Around) -> Iterator[tuple[str, str]]:
    for use in node.secrets:
        try:
            around.secrets.text(use.name) if use.env else around.secrets.value(use.name)
        except SecretMissing as error:
            yield "secrets", str(error)
        if not use.env and not around.local:
            yield "secrets", "The engine is on another machine: there, a secret can only be a variable."


def _root(node: Node, around: Around) -> Iterator[tuple[str, str]]:
    try:
        reasons = root_on_host(node, around.project, around.socket)
    except NotExpressible as error:
        yield "docker_run_args", str(error)
        return
    if reasons and GRANT not in around.allow:
        if reasons[0] == "requires_docker":
            setting = "requires_docker"
        else:
            setting = "mounts" if reasons[0].startswith("the mount") and node.mounts else "docker_run_args"
        yield (
            setting,
            f"{' and '.join(reasons)} would make its command root on this machine: allow it for a run with "
            f"`--allow {GRANT}`, or for good in your imgc.toml.",
        )


def _sharing(node: Node, _around: Around) -> Iterator[tuple[str, str]]:
    if node.container.mode != "own" and node.mem and node.retry.mem_factor != 1:
        yield (
            "retry",
            "In a container that is shared, an attempt cannot have more memory than the one before.",
        )


def _secrets_in_one_place(leaves: Sequence[Node]) -> Iterator[Refusal]:
    """A container that is shared has one file in a place, for all."""
    first: dict[tuple[str, str], tuple[str, Node]] = {}
    for leaf in leaves:
        if leaf.container.group is None:
            continue
        for target, name in targets(leaf).items():
            other, holder = first.setdefault((leaf.container.group, target), (name, leaf))
            if other != name:
                yield Refusal(
                    leaf.place("secrets"),
                    f"{leaf.path!r} shares a container with {holder.path!r}, whose {target} is another secret.",
                )


RULES: tuple[Rule, ...] = (_lazy, _data, _image, _resources, _network, _mounts, _secrets, _root, _sharing)
