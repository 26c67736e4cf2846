"""`--print`: the node's container as a command of `docker run`, to be read, changed, and run by hand.

Nothing is asked of an engine, and no secret's value is read: the command takes them from where they are.
"""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from imgc_engine.api import STATE
from imgc_engine.debug.leaves import leaf_of
from imgc_engine.debug.live import with_local_files
from imgc_engine.debug.shell import described
from imgc_engine.failures import Refusal, Refused
from imgc_engine.plan import Node, Plan, RunSecret, SecretSource, load
from imgc_engine.run.containers import DOCKER_SOCKET, host_path
from imgc_engine.run.docker_args import NotExpressible, absolute
from imgc_engine.run.recall import grown
from imgc_engine.run.secret_files import FOLDER
from imgc_engine.run.selection import UnknownNode

__all__ = ["Refused", "UnknownNode", "command_of", "docker_run"]

ANY_SHELL = "command -v bash >/dev/null && exec bash || exec sh"
SECRETS = "imgc_secrets"  # variable of the printed script: the folder for secret files


def command_of(document: Mapping[str, Any], project: Path, path: str, *, live: bool) -> tuple[str, str]:
    """The command for a node, and a line that says how to run the node's own in it. UnknownNode, Refused."""
    plan = grown(load(document), project / STATE, "")
    node = leaf_of(plan.nodes, path)[0]
    if live:
        node = with_local_files(node, plan, project)
    if node.image is None:
        raise Refused((Refusal(node.source, f"{node.path!r} has no image to run in."),))
    if node.input is not None or node.outputs or plan.images[node.image].builder is not None:
        message = "What it has below /pfs is prepared when it starts: leave out --print."
        raise Refused((Refusal(node.source, message),))
    try:
        command = docker_run(node, plan, project)
    except NotExpressible as error:
        raise Refused((Refusal(node.place("docker_run_args"), str(error)),)) from None
    return command, f"in the shell, the command of {node.path or '/'} is: {described(node)}"


def docker_run(node: Node, plan: Plan, project: Path) -> str:
    """The command; with lines around it where secrets have to be files."""
    assert node.image is not None
    lines = [
        "docker run --rm -it --init",
        *_options(node, project),
        *(f"--env {use.env}" for use in node.secrets if use.env is not None),
        *(_secret_mount(use) for use in _as_files(node)),
        *map(shlex.quote, absolute(node.docker_run_args, project)),
        f"--entrypoint /bin/sh {shlex.quote(plan.images[node.image].reference)} -c {shlex.quote(ANY_SHELL)}",
    ]
    variables = [
        f"{use.env}={_value(plan.secrets[use.name], project)}"
        for use in node.secrets
        if use.env is not None and plan.secrets[use.name].env != use.env
    ]
    command = " \\\n  ".join([" ".join([*variables, lines[0]]), *lines[1:]])
    return "\n".join([*_before(node, plan.secrets, project), command, *_after(node)]) + "\n"


def _options(node: Node, project: Path) -> Iterator[str]:
    if node.workdir is not None:
        yield f"--workdir {shlex.quote(node.workdir)}"
    if node.user is not None:
        yield f"--user {shlex.quote(node.user)}"
    for name, value in node.env.items():
        yield f"--env {shlex.quote(f'{name}={value}')}"
    if node.cpu is not None:
        yield f"--cpus {node.cpu:.9g}"
    if node.mem is not None:
        yield f"--memory {node.mem} --memory-swap {node.mem}"
    if node.gpu:
        yield f"--gpus {node.gpu}"
    if node.shm_size is not None:
        yield f"--shm-size {node.shm_size}"
    if node.network is not None:
        yield f"--network {shlex.quote(node.network)}"
    for mount in node.mounts:
        yield _bind(host_path(mount.src, project), mount.dst, mount.read_only)
    if node.requires_docker:
        yield _bind(DOCKER_SOCKET, DOCKER_SOCKET, read_only=False)


def _bind(source: str, target: str, read_only: bool) -> str:
    fields = ["type=bind", f"source={source}", f"target={target}", *(["readonly"] if read_only else [])]
    row = io.StringIO()
    csv.writer(row, lineterminator="").writerow(fields)
    return f"--mount {shlex.quote(row.getvalue())}"


def _as_files(node: Node) -> list[RunSecret]:
    return [use for use in node.secrets if use.env is None or use.target is not None]


def _secret_mount(use: RunSecret) -> str:
    target = str(PurePosixPath(FOLDER, use.target or use.name))
    return f'--mount type=bind,source="${SECRETS}"/{shlex.quote(use.name)},{shlex.quote("target=" + target)},readonly'


def _before(node: Node, sources: Mapping[str, SecretSource], project: Path) -> Iterator[str]:
    """A folder that only the user can enter; the files in it are for whoever the container runs as."""
    if names := list(dict.fromkeys(use.name for use in _as_files(node))):
        yield f"{SECRETS}=$(mktemp -d)"
        for name in names:
            file = f'"${SECRETS}"/{shlex.quote(name)}'
            source = sources[name]
            if source.file is not None:
                yield f"install -m 444 {shlex.quote(host_path(source.file, project))} {file}"
            else:
                yield f'printf %s "${source.env}" > {file}'


def _after(node: Node) -> Iterator[str]:
    if _as_files(node):
        yield f'rm -rf "${SECRETS}"'


def _value(source: SecretSource, project: Path) -> str:
    if source.file is not None:
        return f'"$(cat {shlex.quote(host_path(source.file, project))})"'
    return f'"${source.env}"'
