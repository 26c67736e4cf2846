"""Containers that leaves share: one for all below a `container_reuse: new`, or a pool of those that others
left.

Such a container runs nothing but sleep; leaves are executed in it. It ends with its group, or with the run.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

import docker.errors

from imgc_engine.plan import Node
from imgc_engine.run.naming import container_name
from imgc_engine.run.steady import Steady

KEEPER = ["sleep", "2147483647"]
GROUP, POOL = "//", "//pool"  # in no node's path: a group may have been a leaf, with a container of its own

Config = Callable[[Node, int], dict[str, Any]]
"""The body of /containers/create for the container that a leaf is to share; the number goes to its label."""


class Sharing:
    """Gives leaves their containers, by name. Its methods may be called from any thread."""

    def __init__(self, steady: Steady, run: str, config: Config, fill: Callable[[Node, str], None]) -> None:
        """`fill` puts what the leaf's image says into the container of that name, before it starts."""
        self._steady, self._run, self._config, self._fill = steady, run, config, fill
        self._lock = threading.Lock()
        self._attempts: dict[str, int] = {}
        self._groups: dict[str, Future[str]] = {}
        self._numbers = itertools.count(1)
        self._kinds: dict[str, str] = {}
        self._idle: dict[str, list[str]] = {}
        self._folders: set[tuple[str, str]] = set()

    def begin_group(self, path: str, attempt: int) -> None:
        """The group begins. Its container is made when the first leaf wants it.

        One that an earlier session of the run left is of the same name, and is taken over.
        """
        with self._lock:
            self._attempts[path] = attempt

    def end_group(self, path: str) -> str | None:
        """The group has ended, or waits for another try. Its container, to be removed, if there is one."""
        with self._lock:
            future = self._groups.pop(path, None)
        return None if future is None or future.exception() is not None else future.result()

    def acquire(self, node: Node) -> str:
        """The container for the leaf; it was started. What creating and starting raise."""
        if node.container.mode == "pool":
            return self._from_pool(node)
        group = node.container.group or ""
        with self._lock:
            mine = group not in self._groups
            future = self._groups.setdefault(group, Future())
            attempt = self._attempts[group]
        if mine:
            try:
                name = container_name(self._run, f"{group}{GROUP}", attempt)
                self._start(name, node, self._config(node, attempt))
                future.set_result(name)
            except BaseException as error:
                with self._lock:
                    self._groups.pop(group, None)
                future.set_exception(error)
        return future.result()

    def release(self, node: Node, container: str, *, clean: bool) -> str | None:
        """The leaf has ended. The container, to be removed, if it is of no more use."""
        if node.container.mode != "pool":
            return None
        if not clean:
            return container
        with self._lock:
            self._idle.setdefault(self._kinds[container], []).append(container)
        return None

    def make_folder(self, container: str, folder: str) -> None:
        """See that a leaf can work there: a container of its own would get the folder from the engine."""
        if (container, folder) in self._folders:
            return
        client = self._steady.client
        argv = ["mkdir", "-p", "--", folder]
        with suppress(docker.errors.APIError):  # then the leaf's own command says what is wrong
            made = self._steady.call(lambda: client.exec_create(container, argv, user="0", workdir="/"))
            self._steady.call(lambda: client.exec_start(made["Id"]))
        self._folders.add((container, folder))

    def _from_pool(self, node: Node) -> str:
        config = self._config(node, 0)
        kind = json.dumps(config, sort_keys=True)
        with self._lock:
            if idle := self._idle.get(kind):
                return idle.pop()
            name = container_name(self._run, POOL, next(self._numbers))
            self._kinds[name] = kind
        self._start(name, node, config)
        return name

    def _start(self, name: str, node: Node, config: dict[str, Any]) -> None:
        client = self._steady.client

        def start() -> None:
            try:
                client.create_container_from_config(
                    {**config, "Entrypoint": KEEPER[:1], "Cmd": KEEPER[1:]}, name
                )
            except docker.errors.APIError as error:
                if error.status_code != 409:  # it is there: the engine or imgc went away after creating it
                    raise
            if client.inspect_container(name)["State"]["Status"] == "created":
                self._fill(node, name)
            client.start(name)

        self._steady.call(start)
