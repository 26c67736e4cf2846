"""What compiling wants to know of a base image, told from its configuration and a few of its files."""

from __future__ import annotations

import posixpath
import re
from typing import Any, Protocol

from imgc.layers.bases import BY_PROGRAM, manager_of
from imgc.lock.lock import USER, LockedImage

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PROGRAMS = {
    "apt": "apt-get", "apk": "apk", "dnf": "dnf", "microdnf": "microdnf", "yum": "yum", "zypper": "zypper",
}  # fmt: skip
_VERSION = re.compile(r"python(3\.\d+)")
_NEWEST, _OLDEST = 20, 6
"""Minor versions of Python 3 that are looked for where no name tells."""
_MOST_USERS = 100


class Files(Protocol):
    """The files of an image."""

    def find(self, path: str) -> str | None:
        """Where a path leads, links followed; None where nothing is."""
        ...

    def read(self, path: str) -> bytes | None:
        """What a file holds; None where none is."""
        ...


def facts(digest: str, config: dict[str, Any], files: Files | None) -> LockedImage:
    """Facts about an image from its configuration (as registries have it), and its files where they can be seen."""
    settings = config.get("config")
    settings = settings if isinstance(settings, dict) else {}
    variables = dict(str(line).partition("=")[::2] for line in settings.get("Env") or ())
    entrypoint = settings.get("Entrypoint")
    user = str(settings.get("User") or "root").strip()
    told = LockedImage(
        digest,
        user="root" if user in ("0", "0:0", "root:root") else user if USER.fullmatch(user) else None,
        entrypoint=tuple(map(str, entrypoint)) if isinstance(entrypoint, list) and entrypoint else None,
    )
    return told if files is None else _Looking(files, variables).facts(told)


class _Looking:
    def __init__(self, files: Files, variables: dict[str, str]) -> None:
        self.files = files
        self.variables = variables
        path = variables.get("PATH") or _PATH
        self.folders = [folder for folder in path.split(":") if folder.startswith("/")]

    def facts(self, told: LockedImage) -> LockedImage:
        distro = self.distro()
        manager = self.manager(distro)
        python = self.on_path("python3")
        return LockedImage(
            told.digest,
            distro,
            manager,
            told.user,
            self.version(python) if python else "",
            self.managed(python, distro, manager) if python else None,
            self.files.find("/bin/sh") is not None,
            self.conda(),
            self.on_path("npm") is not None,
            told.entrypoint,
            self.users(),
        )

    def distro(self) -> str | None:
        """The ID of os-release."""
        text = self.files.read("/etc/os-release") or self.files.read("/usr/lib/os-release") or b""
        found = re.search(
            r"""^ID=["']?([a-z0-9][a-z0-9._-]*)["']?\s*$""", text.decode("utf-8", "replace"), re.MULTILINE
        )
        return found[1] if found else None

    def manager(self, distro: str | None) -> str:
        """That of the distribution, else the first whose program is there."""
        usual = manager_of(distro or "")
        for manager in (usual, *_PROGRAMS) if usual else _PROGRAMS:
            if manager in _PROGRAMS and self.on_path(_PROGRAMS[manager]):
                return manager
        return ""

    def on_path(self, program: str) -> str | None:
        """Where a program is, links not followed."""
        return next(
            (at for folder in self.folders if self.files.find(at := posixpath.join(folder, program))), None
        )

    def version(self, python: str) -> str | None:
        """From its name, else from the variable that official images set, else from its names beside it."""
        if found := _VERSION.fullmatch(posixpath.basename(self.files.find(python) or "")):
            return found[1]
        if found := re.match(r"3\.\d+", self.variables.get("PYTHON_VERSION", "")):
            return found[0]
        folder = posixpath.dirname(python)
        names = (f"3.{minor}" for minor in range(_NEWEST, _OLDEST - 1, -1))
        return next((name for name in names if self.files.find(f"{folder}/python{name}")), None)

    def managed(self, python: str, distro: str | None, manager: str) -> bool:
        """Whether the distribution manages it: by the mark of PEP 668, or, where there is no such mark, because the
        package manager runs on it."""
        if self.files.find(posixpath.join(posixpath.dirname(python), "..", "pyvenv.cfg")):
            return False
        real = self.files.find(python) or python
        prefix = posixpath.dirname(posixpath.dirname(real))
        version = self.version(python)
        if any(
            self.files.find(f"{prefix}/{lib}/python{version}/EXTERNALLY-MANAGED") for lib in ("lib", "lib64")
        ):
            return True
        return distro in BY_PROGRAM and manager in ("dnf", "yum") and real.startswith("/usr/bin/")

    def conda(self) -> str | None:
        if self.on_path("micromamba") or "MAMBA_EXE" in self.variables:
            return "micromamba"
        return "conda" if self.on_path("conda") else None

    def users(self) -> tuple[tuple[str, str], ...] | None:
        """The names in /etc/passwd with their ids; None where there is no such file, or it is a directory's worth."""
        text = self.files.read("/etc/passwd")
        if text is None:
            return None
        rows = [line.split(":") for line in text.decode("utf-8", "replace").splitlines()]
        found = {
            row[0]: f"{row[2]}:{row[3]}"
            for row in rows
            if len(row) >= 4 and row[2].isdigit() and row[3].isdigit()
        }
        return tuple(sorted(found.items())) if 0 < len(found) <= _MOST_USERS else None
