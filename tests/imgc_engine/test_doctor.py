"""The checks of imgc doctor on machines that are made up."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from imgc_engine import doctor
from imgc_engine.build.program import Program
from imgc_engine.connection import Facts
from imgc_engine.doctor import Machine

FACTS = Facts("28.5.1", "x86_64", 4, 8 << 30, False, False)
FINE = Machine(None, {}, FACTS, "", Program(Path("/usr/bin/docker"), (0, 29, 1)), "")
SILENT = replace(FINE, facts=None, silence="No Docker engine answers at /run/x.sock: Connection refused.")


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    return tmp_path / "config.json"


def test_every_check_answers_without_an_engine() -> None:
    found = dict(doctor.diagnose(replace(SILENT, program=None, no_program="There is no `docker`.")))
    assert list(found) == [check.name for check in doctor.CHECKS]
    assert {name for name, finding in found.items() if finding.state == "problem"} == {"engine", "BuildKit"}
    assert all(finding.remedy for finding in found.values() if finding.state in ("problem", "warning"))


def test_permissions_have_their_own_remedy() -> None:
    found = doctor.socket(replace(SILENT, silence="No Docker engine answers at /x: Permission denied."))
    assert found.state == "problem"
    assert "usermod -aG docker" in found.remedy


def test_a_host_that_is_named_is_to_be_corrected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://nowhere:1")
    assert "DOCKER_HOST" in doctor.socket(SILENT).remedy


@pytest.mark.parametrize(
    ("version", "state"), [("19.03.15", "problem"), ("20.10.24+dfsg1", "fine"), ("28.5.1", "fine"), ("dev", "fine")]
)  # fmt: skip
def test_releases(version: str, state: str) -> None:
    assert doctor.version(replace(FINE, facts=replace(FACTS, version=version))).state == state


def test_podman_is_said() -> None:
    assert "Podman" in doctor.version(replace(FINE, facts=replace(FACTS, podman=True))).text


@pytest.mark.parametrize(
    ("buildx", "state"), [(None, "warning"), ((0, 12, 0), "warning"), ((0, 13, 0), "fine")]
)
def test_buildx(buildx: tuple[int, ...] | None, state: str) -> None:
    assert doctor.buildx(replace(FINE, program=Program(Path("docker"), buildx))).state == state


@pytest.mark.parametrize(("gib", "state"), [(0.5, "problem"), (5, "warning"), (50, "fine")])
def test_disk(gib: float, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": gib * doctor.GIB})()
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage)  # type: ignore[attr-defined]
    assert doctor.disk(replace(FINE, info={"DockerRootDir": "/var/lib/docker"})).state == state


def test_a_folder_that_cannot_be_seen() -> None:
    assert doctor.disk(replace(FINE, info={"DockerRootDir": "/no/such"})).state == "skipped"


def test_logins_are_named_and_not_shown(config: Path) -> None:
    config.write_text(json.dumps({"auths": {"ghcr.io": {"auth": "c2VjcmV0"}}}))
    found = doctor.logins(FINE)
    assert (found.state, found.text) == ("fine", "ghcr.io")


def test_a_credential_helper_that_is_not_there(config: Path) -> None:
    config.write_text(json.dumps({"auths": {}, "credsStore": "no-such"}))
    found = doctor.logins(FINE)
    assert found.state == "warning"
    assert "docker-credential-no-such" in found.text


@pytest.mark.parametrize("text", ["{", "[]", '{"auths": 3}', "\xff"])
def test_a_broken_configuration(text: str, config: Path) -> None:
    config.write_bytes(text.encode("latin-1"))
    assert doctor.logins(FINE).state == "warning"


@pytest.mark.parametrize(("seconds", "state"), [(0, "fine"), (-60, "warning"), (60, "warning")])
@pytest.mark.parametrize("hours", [0, 2])
def test_clock(seconds: int, hours: int, state: str) -> None:
    told = datetime.now(UTC) + timedelta(seconds=seconds, hours=hours)
    zone = f"+{hours:02}:00" if hours else "Z"
    text = f"{told.strftime('%Y-%m-%dT%H:%M:%S')}.123456789{zone}"
    found = doctor.clock(replace(FINE, info={"SystemTime": text}))
    assert found.state == state
    assert seconds == 0 or ("behind" if seconds < 0 else "ahead") in found.text


def test_a_time_that_is_not_one() -> None:
    assert doctor.clock(replace(FINE, info={"SystemTime": "yesterday"})).state == "skipped"


def test_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.git(SILENT).state == "fine"
    assert doctor.git(SILENT).text[0].isdigit()
    monkeypatch.setenv("PATH", str(tmp_path))
    found = doctor.git(SILENT)
    assert (found.state, "install it" in found.text) == ("warning", True)
