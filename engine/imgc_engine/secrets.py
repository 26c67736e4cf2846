"""The values of the plan's secrets, from where the host keeps them. They are read only when needed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from imgc_engine.masking import Mask
from imgc_engine.plan import SecretSource


class SecretMissing(RuntimeError):
    """The host has no value for a secret. The text says where it was looked for."""


class Secrets:
    """Values by name. `project` is what relative paths start from."""

    def __init__(self, sources: Mapping[str, SecretSource], project: Path) -> None:
        self._sources = sources
        self._project = project
        self._values: dict[str, bytes] = {}

    def value(self, name: str) -> bytes:
        """The bytes as the host has them, a file's with its last newline. SecretMissing."""
        if name not in self._values:
            self._values[name] = self._read(name)
        return self._values[name]

    def text(self, name: str) -> str:
        """The value for an environment variable: without the newline at a file's end. SecretMissing."""
        value = self.value(name).decode("utf-8", "surrogateescape").removesuffix("\n").removesuffix("\r")
        if "\0" in value:
            raise SecretMissing(f"The secret {name!r} holds a NUL, which no environment variable can.")
        return value

    def variable(self, name: str) -> str | None:
        """The host's variable that holds the value, when it is one."""
        return self._sources[name].env if name in self._sources else None

    def file(self, name: str) -> Path | None:
        """The host's file that holds the value, when it is one."""
        source = self._sources.get(name)
        if source is None or source.file is None:
            return None
        return self._project / Path(source.file).expanduser()

    def read_all(self) -> None:
        """All that the host has, for the mask."""
        for name in self._sources:
            with suppress(SecretMissing):
                self.value(name)

    def mask(self) -> Mask:
        """A mask over every value read so far."""
        return Mask(self._values.values())

    def _read(self, name: str) -> bytes:
        variable, file = self.variable(name), self.file(name)
        if file is not None:
            try:
                return file.read_bytes()
            except OSError as error:
                raise SecretMissing(
                    f"The secret {name!r} cannot be read from {file}: {error.strerror}."
                ) from None
        if variable is None:
            raise SecretMissing(f"The plan says nothing of a secret {name!r}.")
        if variable not in os.environ:
            raise SecretMissing(f"The secret {name!r} is missing: set the environment variable {variable}.")
        return os.environb[os.fsencode(variable)]


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder for values that only this user can enter, in memory where possible; removed after."""
    folder = Path(tempfile.mkdtemp(prefix="imgc-", dir=memory_folder()))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def memory_folder() -> Path:
    """A directory in memory: the user's runtime directory, else /dev/shm, else any temporary one."""
    for candidate in (os.environ.get("XDG_RUNTIME_DIR"), "/dev/shm"):
        if candidate and os.access(candidate, os.W_OK | os.X_OK):
            return Path(candidate)
    return Path(tempfile.gettempdir())


def write_private(path: Path, data: bytes) -> None:
    """A new file that only this user can read. FileExistsError when it is there."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
