"""What of the engine's set-up would stop imgc: a registry of checks, each with what to do.

A check looks and says; it changes nothing, pulls nothing and asks no registry.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import docker
import docker.errors

from imgc.records import dataclass
from imgc_engine.build.program import Program, find_program
from imgc_engine.connection import Facts, connect, engine_errors, facts, is_local, socket_path
from imgc_engine.failures import EngineError
from imgc_engine.sources.program import HOST, SourceError

PATIENCE = 10.0  # seconds for one answer
OLDEST = (20, 10)  # release of Docker
GIB = 1024**3
TOO_LITTLE, LITTLE = 1 * GIB, 10 * GIB  # free bytes where the engine keeps images
SKEW = 10.0  # seconds; more, and timestamps of logs and `--since` mislead

State = Literal["fine", "warning", "problem", "skipped"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`problem` would stop imgc; a `warning` takes something away; `skipped` could not be looked at."""

    state: State
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Machine:
    """What the checks look at. Without an engine `client` and `facts` are None, and `silence` is why."""

    client: docker.APIClient | None
    info: dict[str, Any]
    facts: Facts | None
    silence: str
    program: Program | None
    no_program: str


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    look: Callable[[Machine], Finding]


def machine(timeout: float = PATIENCE) -> Machine:
    """Looks once at what all checks need."""
    client, known, silence = None, None, ""
    info: dict[str, Any] = {}
    try:
        client = connect(timeout)
        known = facts(client)
        with engine_errors():
            info = client.info()
    except (EngineError, docker.errors.DockerException) as error:  # the latter: TLS variables that do not fit
        client, known, info, silence = None, None, {}, str(error)
    program, no_program = None, ""
    try:
        program = find_program()
    except EngineError as error:
        no_program = str(error)
    return Machine(client, info, known, silence, program, no_program)


def diagnose(looked_at: Machine | None = None) -> list[tuple[str, Finding]]:
    """All checks in order, by name."""
    looked_at = looked_at or machine()
    return [(check.name, check.look(looked_at)) for check in CHECKS]


def socket(looked_at: Machine) -> Finding:
    if looked_at.facts is not None:
        where = socket_path() if is_local() else os.environ.get("DOCKER_HOST", "another machine")
        return Finding("fine", f"the engine answers at {where}")
    if "ermission denied" in looked_at.silence:
        return Finding(
            "problem",
            looked_at.silence,
            f"join the group of the socket (sudo usermod -aG docker {_user()}) and log in again, or use rootless Docker",
        )
    if os.environ.get("DOCKER_HOST"):
        return Finding("problem", looked_at.silence, "DOCKER_HOST is set: correct it, or unset it")
    return Finding(
        "problem",
        looked_at.silence,
        "start Docker (sudo systemctl start docker, or Docker Desktop), or install it: docs.docker.com/engine/install",
    )


def version(looked_at: Machine) -> Finding:
    known = looked_at.facts
    if known is None:
        return _unknown()
    if known.podman:
        return Finding(
            "warning",
            f"Podman {known.version}",
            "its own builder takes no build secrets, ssh, several platforms or caches elsewhere",
        )
    numbers = tuple(int(part) for part in known.version.split(".")[:2] if part.isdigit())
    if len(numbers) == 2 and numbers < OLDEST:
        return Finding("problem", f"Docker {known.version}", "imgc needs Docker 20.10 or newer: update it")
    return Finding("fine", f"Docker {known.version}, {known.platform}")


def buildkit(looked_at: Machine) -> Finding:
    if looked_at.program is None:
        return Finding("problem", looked_at.no_program, "install docker's command line and its plugin buildx")
    return Finding("fine", f"{looked_at.program.path} builds with BuildKit")


def buildx(looked_at: Machine) -> Finding:
    program = looked_at.program
    if program is None:
        return _unknown("no docker program that builds")
    if program.buildx is None:
        return Finding(
            "warning",
            "not there: no several platforms at once, no --builder, no cache_to but type=inline, no build.shm_size",
            "install the plugin buildx: docs.docker.com/go/buildx",
        )
    number = ".".join(map(str, program.buildx))
    if not program.rawjson:
        return Finding(
            "warning", f"buildx {number} shows progress in less detail", "update buildx to 0.13 or newer"
        )
    return Finding("fine", f"buildx {number}")


def disk(looked_at: Machine) -> Finding:
    """Where the engine keeps images, as far as this machine sees that folder."""
    folder = str(looked_at.info.get("DockerRootDir") or "")
    if looked_at.facts is None:
        return _unknown()
    try:
        free = shutil.disk_usage(folder).free if folder and is_local() else None
    except OSError:
        free = None
    if free is None:
        return Finding("skipped", f"the engine's folder {folder or '?'} cannot be seen from here")
    text = f"{free / GIB:.1f} GiB free in {folder}"
    remedy = "docker system df shows what takes the space; docker system prune gives it back"
    if free < LITTLE:
        return Finding("problem" if free < TOO_LITTLE else "warning", text, remedy)
    return Finding("fine", text)


def logins(looked_at: Machine) -> Finding:  # noqa: ARG001 - what Docker's configuration says needs no engine
    """Which registries Docker's configuration knows credentials for; the credentials are not read."""
    file = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json"
    try:
        written = json.loads(file.read_text(encoding="utf-8"))
        auths, helpers = dict(written.get("auths") or {}), dict(written.get("credHelpers") or {})
        store = str(written.get("credsStore") or "")
    except FileNotFoundError:
        return Finding("fine", "none; docker login REGISTRY makes one for private images")
    except (OSError, ValueError, AttributeError, TypeError) as error:
        return Finding("warning", f"{file} cannot be read: {error}", "correct the file, or log in anew")
    programs = sorted({f"docker-credential-{name}" for name in (*helpers.values(), store) if name})
    if missing := [program for program in programs if shutil.which(program) is None]:
        return Finding(
            "warning",
            f"{file} names {', '.join(missing)}, not on PATH: its logins are not found",
            "install it, or take credsStore and credHelpers out of the file and log in again",
        )
    known = sorted({*auths, *helpers})
    return Finding("fine", f"{', '.join(known) or 'none'}{f' (kept by {store})' if store else ''}")


def git(looked_at: Machine) -> Finding:  # noqa: ARG001 - it is a program of this machine
    """Whether code can be fetched from repositories."""
    try:
        told = HOST("--version").split()
    except SourceError as error:
        return Finding("warning", str(error), "only copy_url, copy_repo and source_files: download need it")
    return Finding("fine", told[2] if len(told) > 2 else "is there")


def clock(looked_at: Machine) -> Finding:
    told = str(looked_at.info.get("SystemTime") or "")
    if not told:
        return _unknown()
    try:
        # Nine digits of a second are more than Python reads.
        engine = datetime.fromisoformat(told[:19]).replace(tzinfo=UTC) - _offset(told)
    except ValueError:
        return Finding("skipped", f"the engine's time is not readable: {told}")
    apart = (datetime.now(UTC) - engine).total_seconds()
    if abs(apart) > SKEW:
        return Finding(
            "warning",
            f"the engine's clock is {abs(apart):.0f} s {'behind' if apart > 0 else 'ahead of'} this machine's",
            "set both by NTP; Docker Desktop: restart it after the machine slept",
        )
    return Finding("fine", "within a few seconds of this machine's")


def _offset(told: str) -> timedelta:
    """The offset to UTC of an RFC 3339 time."""
    zone = told[19:].lstrip(".0123456789")
    return datetime.fromisoformat(f"2000-01-01T00:00:00{zone or 'Z'}").utcoffset() or timedelta()


def _unknown(why: str = "no engine") -> Finding:
    return Finding("skipped", f"not looked at: {why}")


def _user() -> str:
    return os.environ.get("USER") or "$USER"


CHECKS = (
    Check("engine", socket),
    Check("engine version", version),
    Check("BuildKit", buildkit),
    Check("buildx", buildx),
    Check("disk space", disk),
    Check("registry logins", logins),
    Check("git", git),
    Check("clock", clock),
)
"""In the order in which they are told."""
