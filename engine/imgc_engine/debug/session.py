"""One `imgc debug`: makes the node's container with a shell in the place of its command, and takes it away after."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import docker
import docker.errors

from imgc.records import dataclass, field, replace
from imgc_engine import api, images
from imgc_engine.connection import connect, engine_errors, explanation, facts, socket_path
from imgc_engine.data.code import Built
from imgc_engine.data.pfs import Pfs
from imgc_engine.data.pieces import has_data_to_find
from imgc_engine.debug import shell as shells
from imgc_engine.debug.data import built_of, pfs_of, with_data
from imgc_engine.debug.kept import kept_state
from imgc_engine.debug.leaves import data_node_path, leaf_of
from imgc_engine.debug.live import is_covered, with_local_files
from imgc_engine.debug.terminal import connected, is_terminal
from imgc_engine.events import Listener, one_at_a_time
from imgc_engine.failures import Code, EngineError, Failure, worst
from imgc_engine.interrupt import Interrupt
from imgc_engine.plan import Node, load
from imgc_engine.run import store
from imgc_engine.run.cleaning import remove
from imgc_engine.run.code import Downloads
from imgc_engine.run.containers import Given, Surroundings, description
from imgc_engine.run.naming import SHELLS, new_run_id
from imgc_engine.run.prepare import Scene, fetch_code, make_code, make_images, refuse
from imgc_engine.run.recall import grown
from imgc_engine.run.secret_files import SecretFiles
from imgc_engine.secrets import Secrets

NO_LOG = {"Type": "none", "Config": {}}


@dataclass(frozen=True, slots=True)
class Ready:
    """A node whose container can be made: all is checked, and the image is there."""

    scene: Scene
    node: Node
    image: str
    """The engine's reference or id."""
    where: str
    """What it is, for people."""
    code: Downloads | None = None
    """What goes into the container before it starts; None for a kept state, which has it, and for local files."""
    built: Mapping[str, Built] = field(default_factory=dict)
    """The code of the node's build pipeline, by its image."""


def debug(
    plan: Mapping[str, Any],
    compiled: Path,
    project: Path,
    node: str,
    *,
    live: bool = False,
    run: str = "",
    fresh: bool = False,
    allow: Collection[str] = (),
    listener: Listener,
) -> tuple[api.Result, Ready | None]:
    """Get ready for a shell in a container like that of the node, and make its image. Arguments as of `api.build`.

    `live` mounts the local files that the image has copies of. If `run`, the latest for "", has kept the state
    of the node, the container starts from it, unless it is to be `fresh`. What is ready is for `open_shell`.
    """
    interrupt = Interrupt()
    found: list[Ready] = []

    def work() -> api.Result:
        loaded = grown(load(plan), project / api.STATE, run)
        one, datum = leaf_of(loaded.nodes, node)
        client = connect()
        scene = Scene(
            loaded, compiled, project, project / api.STATE, client, facts(client),
            Secrets(loaded.secrets, project), one_at_a_time(listener), interrupt,
        )  # fmt: skip
        kept = data_node_path(one, datum) if datum else one.path
        state = None if fresh else kept_state(client, project, run, kept)
        if state is not None:
            one = state.node
            scene = replace(scene, plan=state.plan, secrets=Secrets(state.plan.secrets, project))
        if live:
            one = with_local_files(one, scene.plan, project)
        refuse(scene, [one], allow, lazy="")
        if state is not None:
            coded = make_code(scene, [one])
            if failed := [failure for failure in coded.values() if isinstance(failure, Failure)]:
                return api.Result(worst(failed), tuple(failed))
            found.append(Ready(scene, one, state.image, state.where, built=built_of(coded)))
            return api.Result(Code.FINE)
        made = make_images(scene, [one], rebuild=False)
        failures = tuple(outcome.failure for outcome in made.values() if outcome.failure)
        if failures or interrupt.level:
            return api.Result(Code.INTERRUPTED if interrupt.level else worst(failures), failures)
        assert one.image is not None
        reference = loaded.images[one.image].reference
        code = None
        if not (live and is_covered(loaded.images[one.image])):
            code, lost = fetch_code(scene, [one])
            if lost:
                return api.Result(worst(lost), lost)
        coded = make_code(scene, [one])
        if failed := [failure for failure in coded.values() if isinstance(failure, Failure)]:
            return api.Result(worst(failed), tuple(failed))
        built = built_of(coded)
        if has_data_to_find(one):
            of_datum = with_data(scene, one, datum, built)
            if isinstance(of_datum, str):
                return api.Result(Code.USER_FILE, problem=of_datum)
            one = of_datum
        found.append(Ready(scene, one, reference, reference, code, built))
        return api.Result(Code.FINE)

    result = api.answer(work, interrupt)
    return result, found[0] if found else None


def open_shell(ready: Ready) -> int:
    """The shell, and its exit code. Nothing of it is left when this returns. EngineError, OSError."""
    scene, client = ready.scene, ready.scene.client
    name = f"debug-{new_run_id()}"
    with ExitStack() as stack:
        _hold(scene.state / SHELLS / name, stack)
        secrets = SecretFiles(name, scene.secrets)
        stack.callback(secrets.remove)
        shell = _shell_in(client, ready.image, name, stack)
        terminal = is_terminal()
        container = f"imgc-{name}"
        pfs = pfs_of(scene, ready.built, scene.state / SHELLS / name)
        stack.callback(pfs.close)
        config = _description(ready, name, shell, secrets, pfs, terminal=terminal)
        with engine_errors():
            stack.callback(_remove, client, container)
            client.create_container_from_config(config, container)
            if ready.code is not None:
                ready.code.put(ready.node.image or "", container)
            workdir = client.inspect_container(container)["Config"].get("WorkingDir") or "/"
        command = shells.described(ready.node)
        if _put(client, container, shells.archive(ready.node, shell, workdir)):
            command = f"`run` (in scripts {shells.RUN}) runs its command: {command}"
        _say(f"{ready.node.path or '/'} in {ready.where}; {command}")
        return connected(client, container, terminal=terminal)


def _hold(folder: Path, stack: ExitStack) -> None:
    """While the shell is open, its folder is locked, so that `imgc clean` leaves its container alone."""
    folder.mkdir(parents=True)
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    stack.callback(os.close, store.lock(folder))


def _shell_in(client: docker.APIClient, image: str, name: str, stack: ExitStack) -> str:
    """Looks into a container that is never started. EngineError when there is none."""
    probe = f"imgc-{name}-probe"
    with engine_errors():
        stack.callback(_remove, client, probe)
        client.create_container_from_config({"Image": image, "Entrypoint": ["/bin/sh"], "Labels": {}}, probe)
        found = next((path for path in shells.SHELLS if _is_there(client, probe, path)), None)
    _remove(client, probe)
    if found is None:
        raise EngineError(
            f"The image {image} has no shell: neither bash nor sh is where they usually are. "
            "Add one, or use a base that has one, to look around in it."
        )
    return found


def _is_there(client: docker.APIClient, container: str, path: str) -> bool:
    try:
        stream, _ = client.get_archive(container, path)
    except docker.errors.NotFound:
        return False
    stream.close()
    return True


def _description(
    ready: Ready, name: str, shell: str, secrets: SecretFiles, pfs: Pfs, *, terminal: bool
) -> dict[str, Any]:
    """The container's, as the node's own but for what a shell needs."""
    scene, node = ready.scene, ready.node
    found = images.local(scene.client, ready.image)
    user = node.user if node.user is not None else found.user if found else ""
    extra = pfs.extra(node, 0)
    given = Given(0, node.mem, secrets.variables(node), secrets.files(node, user), extra.mounts, extra.env)
    config = description(node, ready.image, Surroundings(scene.project, socket_path(), name), given)
    argv = shells.command_line(shell, terminal=terminal)
    config["Env"] += [f"{key}={value}" for key, value in shells.environment(shell, terminal=terminal).items()]
    config |= {"Entrypoint": argv[:1], "Cmd": argv[1:], "Tty": terminal}
    config |= {"OpenStdin": True, "StdinOnce": True, "AttachStdin": True}
    config["HostConfig"]["LogConfig"] = NO_LOG
    return config


def _put(client: docker.APIClient, container: str, archive: bytes) -> bool:
    """Whether the container took the files: one with a read-only file system does not."""
    try:
        with engine_errors():
            client.put_archive(container, "/", archive)
    except EngineError as error:
        if isinstance(cause := error.__cause__, docker.errors.APIError) and "read-only" in explanation(cause):
            return False
        raise
    return True


def _remove(client: docker.APIClient, container: str) -> None:
    with engine_errors():
        remove(client, container)


def _say(text: str) -> None:
    print(f"imgc: {text}", file=sys.stderr, flush=True)
