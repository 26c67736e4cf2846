"""What a build can be asked for beside its file, on Docker 20.10 without buildx and on 28 with it."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker.errors
import plans
import pytest
from projects import Project, project_on

from imgc_engine.failures import Code

DATED = "FROM debian:bookworm-slim\nRUN date +%N > /made\n"
COPIED = "FROM scratch\nCOPY file /file\n"


@pytest.fixture
def project(any_engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    with project_on(any_engine, tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
def older(engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    with project_on(engine, tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
def newer(newer_engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    with project_on(newer_engine, tmp_path, monkeypatch) as made:
        yield made


def test_no_cache_runs_every_step_again(project: Project) -> None:
    reference = project.image("app", DATED)
    assert project.states(project.build()) == {"app": "built"}
    first = project.file(reference, "/made")
    project.client.images.remove(reference)
    assert project.states(project.build()) == {"app": "built"}
    assert project.file(reference, "/made") == first, "from the cache"
    assert project.states(project.build(no_cache=True)) == {"app": "built"}, "though it is there"
    assert project.file(reference, "/made") != first


def test_a_content_tag_in_the_registry_is_not_built_again(project: Project, registry: Any) -> None:
    content = uuid.uuid4().hex * 2
    reference = f"{registry.address}/imgc-test/{project.id}:{content[:20]}"
    project.image("app", DATED, reference=reference, tag=content[:20])
    project.images["app"]["content"] = f"sha256:{content}"
    assert project.states(project.build(push=True)) == {"app": "pushed"}
    project.client.images.remove(reference, force=True)
    assert project.states(project.build(push=True)) == {"app": "in registry"}
    with pytest.raises(docker.errors.ImageNotFound):
        project.client.images.get(reference)


def test_an_ssh_agent_reaches_the_build(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = subprocess.run(["ssh-agent", "-s"], capture_output=True, text=True, check=True).stdout
    variables = dict(line.split(";")[0].split("=") for line in agent.splitlines() if "=" in line)
    try:
        monkeypatch.setenv("SSH_AUTH_SOCK", variables["SSH_AUTH_SOCK"])
        text = "FROM debian:bookworm-slim\nRUN --mount=type=ssh test -S $SSH_AUTH_SOCK && echo yes > /made\n"
        reference = project.image("app", text, ssh=["default"])
        result = project.build()
        assert result.code == Code.FINE, result
        assert project.file(reference, "/made") == "yes\n"
    finally:
        subprocess.run(["kill", variables["SSH_AGENT_PID"]], check=False)


def test_an_agent_that_is_not_there_is_said(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    project.image("app", "FROM debian:bookworm-slim\nRUN --mount=type=ssh true\n", ssh=["default"])
    result = project.build()
    assert result.code == Code.ENVIRONMENT, result
    assert "SSH_AUTH_SOCK is not set" in result.failures[0].message


def test_one_other_platform(project: Project) -> None:
    (project.root / "file").write_text("x")
    reference = project.image("app", COPIED)
    result = project.build(platforms=["linux/arm64"])
    assert result.code == Code.FINE, result
    assert project.client.images.get(reference).attrs["Architecture"] == "arm64"


def test_several_platforms_are_refused_where_the_engine_holds_one(older: Project) -> None:
    older.image("app", COPIED, platforms=["linux/amd64", "linux/arm64"])
    result = older.build()
    assert result.code == Code.USER_FILE
    (refusal,) = result.refusals
    assert (
        "without buildx builds for one platform at a time, not for linux/amd64 and linux/arm64"
        in refusal.message
    )
    assert str(refusal.place) == "pipeline.yaml:2:3"


def test_several_platforms_are_in_one_image(newer: Project) -> None:
    (newer.root / "file").write_text("x")
    reference = newer.image("app", COPIED)
    result = newer.build(platforms=["linux/amd64", "linux/arm64"])
    assert result.code == Code.FINE, result
    saved = b"".join(newer.client.images.get(reference).save())
    assert b"amd64" in saved
    assert b"arm64" in saved


def test_a_builder_by_name(newer: Project) -> None:
    reference = newer.image("app", DATED)
    assert newer.states(newer.build(builder="default")) == {"app": "built"}
    assert newer.file(reference, "/made")
    newer.client.images.remove(reference, force=True)
    result = newer.build(builder="nobody")
    assert result.code == Code.ENVIRONMENT, result
    assert "nobody" in result.failures[0].message


def test_a_builder_without_buildx_is_refused(older: Project) -> None:
    older.image("app", DATED)
    result = older.build(builder="default")
    assert result.code == Code.USER_FILE
    assert "has no builders to choose from" in result.refusals[0].message


@pytest.mark.parametrize("kind", ["local", "registry"])
def test_a_cache_goes_out_and_comes_back(newer: Project, registry: Any, tmp_path: Path, kind: str) -> None:
    where = {
        "local": ("dest={0}", "src={0}", str(tmp_path / "cache")),
        "registry": ("ref={0}", "ref={0}", f"{registry.address}/imgc-test/{newer.id}-cache:1"),
    }[kind]
    to, source = (f"type={kind},{text.format(where[2])}" for text in where[:2])
    text = f"FROM debian:bookworm-slim\nRUN echo {newer.id} && date +%N > /made\n"
    first = newer.image("app", text, build=plans.build(cache_to=[f"{to},mode=max"]))
    result = newer.build()
    assert result.code == Code.FINE, (result, newer.output())
    made = newer.file(first, "/made")
    newer.client.images.remove(first, force=True)
    subprocess.run(
        ["docker", "builder", "prune", "-f", "--filter", "type=regular"], check=True, capture_output=True
    )
    other = newer.image("other", text, build=plans.build(cache_from=[source]))
    assert newer.build("other").code == Code.FINE
    assert newer.file(other, "/made") == made
