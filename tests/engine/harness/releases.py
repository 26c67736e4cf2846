"""Which Docker: the one of the machine, or a newer one beside it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .commands import HarnessError, locked, require, run, which
from .machine import this_machine

NEWER_SUITE = "sid"
NEWER_PACKAGES = ("docker.io", "docker-cli", "docker-buildx", "containerd")
COMPOSE_PACKAGES = ("docker-compose",)


@dataclass(frozen=True, slots=True)
class Release:
    """One release of Docker on this machine."""

    dockerd: Path
    docker: Path
    folders: tuple[Path, ...]
    """Where dockerd looks first for its helpers: containerd, docker-proxy and the like."""
    buildx: Path | None = None


def installed_release() -> Release:
    """The Docker that the machine has, with the CLI of the same release; from Debian when there is none."""
    require({"dockerd": "docker.io", "iptables": "iptables", "ip": "iproute2"})
    dockerd = which("dockerd")
    if dockerd is None:
        raise HarnessError("docker.io is installed, but there is no dockerd.")
    return Release(dockerd, _client_of(dockerd), (dockerd.parent,))


def newer_release(cache: Path) -> Release:
    """Docker 28 with buildx from Debian's unstable suite, unpacked in the cache and not installed.

    It runs on a Debian 12, with the runc and the init of the Docker that is installed there.
    """
    installed_release()
    folder = cache / "docker-28"
    with locked(cache / "releases.lock"):
        if not folder.exists():
            _unpack(folder, NEWER_PACKAGES)
    user, system = folder / "usr/bin", folder / "usr/sbin"
    buildx = folder / "usr/libexec/docker/cli-plugins/docker-buildx"
    return Release(system / "dockerd", user / "docker", (system, user), buildx)


def compose_program(cache: Path) -> Path:
    """Docker Compose from the same suite, unpacked beside."""
    folder = cache / "docker-compose"
    with locked(cache / "releases.lock"):
        if not folder.exists():
            _unpack(folder, COMPOSE_PACKAGES)
    return folder / "usr/libexec/docker/cli-plugins/docker-compose"


def _unpack(folder: Path, packages: Iterable[str]) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent) as unfinished:
        root = Path(unfinished, "root")
        for package in _download(Path(unfinished), packages):
            run(["dpkg", "--extract", package, root])
        root.rename(folder)


def _download(folder: Path, packages: Iterable[str]) -> list[Path]:
    """Fetch the packages with lists of our own: the machine's apt never hears of the newer suite."""
    mirror = this_machine().mirror
    if mirror is None:
        raise HarnessError("A newer Docker comes from a Debian mirror: name one in IMGC_TEST_DEBIAN_MIRROR.")
    for part in ("lists/partial", "archives/partial", "parts"):
        (folder / part).mkdir(parents=True)
    (folder / "status").touch()
    (folder / "sources.list").write_text(f"deb {mirror} {NEWER_SUITE} main\n")
    (folder / "apt.conf").write_text(
        f'Dir::Etc::SourceList "{folder}/sources.list";\n'
        f'Dir::Etc::SourceParts "{folder}/parts";\n'
        f'Dir::Etc::PreferencesParts "{folder}/parts";\n'
        f'Dir::State::Lists "{folder}/lists";\n'
        f'Dir::State::Status "{folder}/status";\n'
        f'Dir::Cache "{folder}";\n'
        'APT::Sandbox::User "root";\n'
    )
    env = {**os.environ, "APT_CONFIG": str(folder / "apt.conf")}
    run(["apt-get", "update"], env=env)
    run(["apt-get", "download", *packages], env=env, folder=folder)
    return sorted(folder.glob("*.deb"))


def _client_of(dockerd: Path) -> Path:
    """A machine may have several `docker` programs. One of a newer release cannot build without buildx."""
    wanted = _major(dockerd)
    named = [Path(folder, "docker") for folder in [*os.get_exec_path(), "/usr/bin"]]
    clients = [client.resolve() for client in named if os.access(client, os.X_OK)]
    if not clients:
        raise HarnessError(f"There is {dockerd}, but no docker program.")
    return next((client for client in clients if _major(client) == wanted), clients[0])


def _major(program: Path) -> str:
    return run([program, "--version"]).partition("version ")[2].partition(".")[0]
