"""A leaf as a container: its description for the engine, and what would make it root on the host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from imgc.records import dataclass, field
from imgc_engine.plan import Node
from imgc_engine.run import docker_args
from imgc_engine.run.naming import LABEL_ATTEMPT, LABEL_NODE, LABEL_PROJECT, LABEL_RUN

DOCKER_SOCKET = "/var/run/docker.sock"
LOG_CONFIG = {"Type": "json-file", "Config": {"max-size": "64m", "max-file": "2"}}
"""Our own log comes from the attached streams; Docker's is what a later session reads after a crash of
ours.
"""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What containers get from around the plan: the project, the engine's socket, the run's id."""

    project: Path
    socket: str
    run: str


@dataclass(frozen=True, slots=True)
class Given:
    """What an attempt gets beside its node's settings: memory in bytes, secrets as variables and as files,
    and what is below /pfs, as mounts of the engine's API with variables."""

    attempt: int
    mem: int | None
    secret_env: Mapping[str, str]
    secret_files: Mapping[str, Path]
    """Path in the container -> file on the host."""
    pfs: Sequence[Mapping[str, Any]] = ()
    pfs_env: Mapping[str, str] = field(default_factory=dict)


def description(node: Node, reference: str, around: Surroundings, given: Given) -> dict[str, Any]:
    """The body of the engine's /containers/create.

    ENTRYPOINT and CMD of the image are replaced. There is always an init: without it, PID 1 ignores
    signals, and stopping takes all of its grace. The container never removes itself: its exit code would be
    lost.
    """
    assert node.command is not None
    extra = docker_args.parse(node.docker_run_args, around.project)
    labels = {LABEL_RUN: around.run, LABEL_PROJECT: str(around.project)}
    labels |= {LABEL_NODE: node.path, LABEL_ATTEMPT: str(given.attempt)}
    config: dict[str, Any] = {
        "Image": reference,
        "Entrypoint": [node.command[0]],
        "Cmd": list(node.command[1:]),
        "Env": [f"{name}={value}" for name, value in variables(node, around, given).items()],
        "Labels": {**extra.labels, **labels},
        "AttachStdout": True,
        "AttachStderr": True,
        **extra.config,
    }
    if node.workdir is not None:
        config["WorkingDir"] = node.workdir
    if node.user is not None:
        config["User"] = node.user
    if node.stdin is not None:
        config |= {"OpenStdin": True, "StdinOnce": True, "AttachStdin": True}
    config["HostConfig"] = _host(node, around, given, extra)
    return config


def shared_description(node: Node, reference: str, around: Surroundings, given: Given) -> dict[str, Any]:
    """The same for a container that the leaf shares with others: without what is the command's alone."""
    config = description(node, reference, around, given)
    for key in ("Entrypoint", "Cmd", "Env", "WorkingDir", "User", "OpenStdin", "StdinOnce", "AttachStdin"):
        config.pop(key, None)
    config["Labels"][LABEL_NODE] = node.container.group or ""
    return config


def variables(node: Node, around: Surroundings, given: Given) -> dict[str, str]:
    """The environment that the command gets beside the image's."""
    extra = docker_args.parse(node.docker_run_args, around.project)
    return {**given.pfs_env, **node.env, **extra.env, **given.secret_env}


def _host(node: Node, around: Surroundings, given: Given, extra: docker_args.Extra) -> dict[str, Any]:
    mounts = [bind(host_path(mount.src, around.project), mount.dst, mount.read_only) for mount in node.mounts]
    mounts += [bind(str(file), target, True) for target, file in given.secret_files.items()]
    mounts += map(dict, given.pfs)
    if node.requires_docker:
        mounts.append(bind(around.socket, DOCKER_SOCKET, False))
    host: dict[str, Any] = {
        "Init": True,
        "LogConfig": LOG_CONFIG,
        **extra.host,
        "Mounts": [*mounts, *extra.host.get("Mounts", ())],
        "Binds": extra.binds,
    }
    if node.cpu is not None:
        host["NanoCpus"] = round(node.cpu * 1e9)
    if given.mem is not None:
        host |= {"Memory": given.mem, "MemorySwap": extra.host.get("MemorySwap", given.mem)}  # no swap
    if node.shm_size is not None:
        host["ShmSize"] = node.shm_size
    if node.network is not None:
        host["NetworkMode"] = node.network
    if node.gpu:
        host["DeviceRequests"] = [{"Count": node.gpu, "Capabilities": [["gpu"]]}]
    return host


def host_path(source: str, project: Path) -> str:
    """Where a mount's source is on this machine."""
    return str((project / Path(source).expanduser()).absolute())


def root_on_host(node: Node, project: Path, socket: str) -> list[str]:
    """What of the node makes its command root on the host, in words. NotExpressible."""
    extra = docker_args.parse(node.docker_run_args, project)
    sources = [*(host_path(mount.src, project) for mount in node.mounts), *docker_args.bind_sources(extra)]
    reasons = [
        f"the mount of {source}" for source in sources if _holds_socket(source, (socket, DOCKER_SOCKET))
    ]
    return [*(["requires_docker"] if node.requires_docker else []), *reasons, *extra.root]


def _holds_socket(source: str, sockets: Iterable[str]) -> bool:
    """Whether a folder or file of the host is, or has below it, an engine's socket."""
    resolved = Path(source).resolve()
    return any(
        Path(socket).is_relative_to(source) or Path(socket).resolve().is_relative_to(resolved)
        for socket in sockets
    )


def bind(source: str, target: str, read_only: bool) -> dict[str, Any]:
    return {"Type": "bind", "Source": source, "Target": target, "ReadOnly": read_only}
