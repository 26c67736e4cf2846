"""dockerd of our own: start, stop, and leave nothing behind."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from .commands import HarnessError, last_lines, locked, run
from .network import Network, network_down, network_up, outer_mtu
from .releases import Release

START_ATTEMPTS = 3  # one that meets the rest of a killed engine may give up after 15 s
START_SECONDS = 60.0
STOP_SECONDS = 40.0  # dockerd itself gives containers 15 s
DAEMONS = ("dockerd", "containerd")
SHIM = "containerd-shim-runc-v2"


@dataclass(frozen=True, slots=True)
class Engine:
    """`root` keeps the images and the log; `options` are added to daemon.json, as live-restore."""

    release: Release
    root: Path
    options: Mapping[str, object] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return hashlib.sha256(str(self.root.absolute()).encode()).hexdigest()[:8]

    @property
    def runtime(self) -> Path:
        """Sockets and all that does not outlive the machine. Short: a socket's path has at most 107 bytes."""
        return Path("/run", f"imgc-test-{self.id}")

    @property
    def bridge(self) -> str:
        return f"imgct-{self.id}"

    @property
    def socket(self) -> Path:
        return self.runtime / "docker.sock"

    @property
    def host(self) -> str:
        return f"unix://{self.socket}"

    @property
    def log(self) -> Path:
        return self.root / "dockerd.log"

    @property
    def cli(self) -> Path:
        return self.root / "bin" / "docker"

    def variables(self) -> dict[str, str]:
        """What differs in the environment of a program that shall use this engine and its `docker`."""
        return {
            "DOCKER_HOST": self.host,
            "DOCKER_CONFIG": str(self.root / "config"),
            "PATH": _path_with(self.cli.parent),
        }

    def docker(self, *args: str | Path, stdin: bytes | None = None, timeout: float | None = None) -> str:
        """Standard output of `docker ARGS…` on this engine. Builds use BuildKit and add no attestations."""
        builds = {"DOCKER_BUILDKIT": "1", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
        env = {**os.environ, **self.variables(), **builds}
        return run([self.release.docker, *args], stdin=stdin, env=env, timeout=timeout)

    def version(self) -> str | None:
        """The engine's version; None when it does not answer."""
        if not self.socket.exists():
            return None
        try:
            return self.docker("version", "--format", "{{.Server.Version}}", timeout=10).strip()
        except HarnessError:
            return None

    def start(self) -> bool:
        """Return when the engine answers: True when it had to be started. Safe to call at any time."""
        if os.geteuid() != 0:
            raise HarnessError("The engine for the tests needs root: run as root, or set IMGC_TEST_ENGINE=0.")
        with locked(self.root / "lock"):
            self._make_folders()
            network = network_up(self.bridge)
            if self.processes("dockerd") and self._answers():
                return False
            self._kill(*DAEMONS)  # what hangs, or outlived a kill; containers are for the next one to adopt
            # dockerd gives the bridge the address it had last time, whoever has that address now.
            (self.root / "data" / "network" / "files" / "local-kv.db").unlink(missing_ok=True)
            self._write_configuration(network)
            self.log.unlink(missing_ok=True)
            for _ in range(START_ATTEMPTS):
                self._launch()
                if self._answers():
                    return True
                self._kill(*DAEMONS)
            log = last_lines(self.log.read_text(errors="replace"))
            raise HarnessError(
                f"dockerd did not start in {START_ATTEMPTS} attempts. {self.log} ends with:\n{log}"
            )

    def stop(self) -> None:
        """Stop the engine with its containers, and take away the bridge and the rules. Images stay."""
        with locked(self.root / "lock"):
            for pid in self.processes("dockerd"):
                _signal(pid, signal.SIGTERM)
            deadline = time.monotonic() + STOP_SECONDS
            while self.processes("dockerd") and time.monotonic() < deadline:
                time.sleep(0.1)
            self._kill(SHIM, *DAEMONS)
            network_down(self.bridge)
            self._unmount()
            shutil.rmtree(self.runtime, ignore_errors=True)

    def processes(self, *programs: str) -> list[int]:
        """Ids of this engine's own processes that run one of the programs."""
        mark = str(self.runtime).encode() + b"/"
        return [pid for pid, program, command in _running() if mark in command and program in programs]

    def _unmount(self) -> None:
        """What a killed dockerd left mounted: the data-root on itself, and the file systems of containers."""
        points = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for point in reversed(points):
            if Path(point).is_relative_to(self.root / "data") or Path(point).is_relative_to(self.runtime):
                run(["umount", "--lazy", point])

    def _launch(self) -> None:
        command = 'exec "$0" --config-file "$1" >>"$2" 2>&1'
        daemon = [self.release.dockerd, self.runtime / "daemon.json", self.log]
        run(
            ["setsid", "--fork", "sh", "-c", command, *daemon],
            env={**os.environ, "PATH": _path_with(*self.release.folders)},
        )

    def _answers(self) -> bool:
        """Wait until the engine answers; False when dockerd ended or the time is over."""
        begin = time.monotonic()
        while time.monotonic() < begin + START_SECONDS:
            if self.version():
                return True
            if time.monotonic() > begin + 2 and not self.processes("dockerd"):
                return False
            time.sleep(0.1)
        return False

    def _make_folders(self) -> None:
        plugins = self.root / "config" / "cli-plugins"
        for folder in (self.runtime, plugins, self.cli.parent):
            folder.mkdir(parents=True, exist_ok=True)
        links = {self.cli: self.release.docker, plugins / "docker-buildx": self.release.buildx}
        for link, target in links.items():
            if target and (not link.is_symlink() or link.readlink() != target):
                link.unlink(missing_ok=True)
                link.symlink_to(target)

    def _write_configuration(self, network: Network) -> None:
        configuration = {
            "data-root": str(self.root / "data"),
            "exec-root": str(self.runtime / "exec"),
            "pidfile": str(self.runtime / "docker.pid"),
            "hosts": [self.host],
            "bridge": network.bridge,
            "mtu": outer_mtu(),
            "dns-opts": ["timeout:2", "attempts:6"],  # a name server that loses packets fails no build
            "iptables": False,
            "ip6tables": False,
            "default-address-pools": [{"base": str(network.pool), "size": 26}],
            "builder": {"gc": {"enabled": True, "defaultKeepStorage": "10GB"}},
            **self.options,
        }
        for stale in ("docker.pid", "exec/containerd/containerd.pid"):  # their ids may be another's by now
            (self.runtime / stale).unlink(missing_ok=True)
        (self.runtime / "daemon.json").write_text(json.dumps(configuration, indent=2))

    def _kill(self, *programs: str) -> None:
        """End them at once, and the containers of the shims among them."""
        for pid in self.processes(*programs):
            if _program(pid) == SHIM:
                for child in _children(pid):
                    _signal(child, signal.SIGKILL)
            _signal(pid, signal.SIGKILL)
        while self.processes(*programs):
            time.sleep(0.05)


def _path_with(*first: Path) -> str:
    folders = dict.fromkeys([*map(str, first), *os.get_exec_path()])
    return os.pathsep.join(folders)


def _running() -> Iterator[tuple[int, str, bytes]]:
    """Id, program name and command line of every process of the machine that is not a zombie."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                pid = int(folder.name)
                yield pid, _program(pid), (folder / "cmdline").read_bytes()


def _program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/exe").readlink().name
    except OSError:
        return ""


def _children(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
