"""Run secrets in containers: as variables, or as files in memory that only the container's user can read."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path, PurePosixPath

from imgc_engine.plan import Node
from imgc_engine.secrets import Secrets, memory_folder, write_private

FOLDER = "/run/secrets"
EVERYBODY = "*"  # in the container


class SecretFiles:
    """The secret files of one run, in a folder of its own that `remove` takes away."""

    def __init__(self, run: str, secrets: Secrets) -> None:
        self.folder = secret_folder(run)
        self._secrets = secrets

    def variables(self, node: Node) -> dict[str, str]:
        """SecretMissing."""
        return {use.env: self._secrets.text(use.name) for use in node.secrets if use.env is not None}

    def files(self, node: Node, user: str) -> dict[str, Path]:
        """Path in the container -> file on the host. `user` is who the command runs as. SecretMissing."""
        return {
            target: self._file(name, self._secrets.value(name), user)
            for target, name in targets(node).items()
        }

    def shared_files(self, nodes: Iterable[tuple[Node, str]]) -> dict[str, Path]:
        """The same for a container that nodes share, each with its user. SecretMissing."""
        users: dict[tuple[str, str], set[str]] = {}
        for node, user in nodes:
            for use in targets(node).items():
                users.setdefault(use, set()).add(user)
        return {
            target: self._file(name, self._secrets.value(name), who.pop() if len(who) == 1 else EVERYBODY)
            for (target, name), who in users.items()
        }

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _file(self, name: str, value: bytes, user: str) -> Path:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.folder / hashlib.sha256(f"{name}\0{user}".encode()).hexdigest()[:16]
        with suppress(FileExistsError):
            write_private(path, value)
            _give(path, user)
        return path


def targets(node: Node) -> dict[str, str]:
    """The secrets that the node gets as files: path in the container -> name."""
    return {
        str(PurePosixPath(FOLDER, use.target or use.name)): use.name
        for use in node.secrets
        if use.env is None or use.target is not None
    }


def secret_folder(run: str) -> Path:
    """Where the secret files of a run are, also for those who clean up after it."""
    return memory_folder() / f"imgc-{os.getuid()}-{run}"


def _give(path: Path, user: str) -> None:
    """Let the container's user read it.

    Where we cannot give it away, everybody in the container may: on the host, the folder keeps others out.
    """
    if user.partition(":")[0] in ("", "root", "0", str(os.getuid())):
        return
    owner, _, group = user.partition(":")
    try:
        os.chown(path, int(owner), int(group) if group.isdigit() else -1)
    except (ValueError, PermissionError):
        path.chmod(0o444)
