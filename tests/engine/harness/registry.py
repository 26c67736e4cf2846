"""A registry of our own, as long as a test needs one."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .commands import HarnessError, last_lines, require, run, which

START_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Registry:
    address: str
    """HOST:PORT, the first part of an image's name. Engines take it without TLS, as it is on this machine."""
    process: subprocess.Popen[bytes]
    """For faults: kill it, or stop and continue it by signals."""


@contextmanager
def registry(folder: Path, users: Mapping[str, str] | None = None) -> Iterator[Registry]:
    """A running registry, its blobs in the folder. With users (name -> password) it wants a login."""
    require({"docker-registry": "docker-registry"})
    folder.mkdir(parents=True, exist_ok=True)
    address = f"127.0.0.1:{_free_port()}"
    configuration = folder / "registry.json"
    configuration.write_text(json.dumps(_configuration(folder, address, users)))
    log = folder / "registry.log"
    with log.open("wb") as output:
        program = [str(which("docker-registry")), "serve", str(configuration)]
        process = subprocess.Popen(program, stdout=output, stderr=output)
    try:
        _await_answer(address, process, log)
        yield Registry(address, process)
    finally:
        process.kill()
        process.wait()


def _configuration(folder: Path, address: str, users: Mapping[str, str] | None) -> dict[str, object]:
    """JSON is YAML, which is what the program reads."""
    configuration: dict[str, object] = {
        "version": "0.1",
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "blobs")}, "delete": {"enabled": True}},
        "http": {"addr": address},
    }
    if users:
        lines = [f"{name}:{_bcrypt(password)}\n" for name, password in users.items()]
        (folder / "htpasswd").write_text("".join(lines))
        configuration["auth"] = {"htpasswd": {"realm": "imgc-test", "path": str(folder / "htpasswd")}}
    return configuration


def _bcrypt(password: str) -> str:
    """The registry takes no other hash; Python has none, and the C library's is at hand through Perl."""
    return run(
        ["perl", "-e", "print crypt($ARGV[0], $ARGV[1])", password, "$2y$05$" + "imgctest" * 2 + "imgcte"]
    )


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _await_answer(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://{address}/v2/", timeout=2).close()
        except urllib.error.HTTPError as answer:
            answer.close()
            return  # it wants a login
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise HarnessError(f"The registry did not start:\n{last_lines(log.read_text(errors='replace'))}")
