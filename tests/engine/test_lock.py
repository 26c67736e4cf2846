"""`imgc lock` with a real registry that wants a login, real engines, real git servers and a real environment."""

from __future__ import annotations

import base64
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import harness
import pytest
from cli import Pipeline, pipeline_on

from gitserver import commit, git, repository, serving
from imgc.layers.python.locked import digest
from imgc.lock.lock import FILE, FOLDER, Lock, read
from imgc_engine.lookups.found import NotFound
from imgc_engine.lookups.images import look_up
from imgc_engine.lookups.registry import Patience

USER, PASSWORD = "ada", "planted-9c1d-lock"
SHORT = Patience(2.0, 6.0, (0.1,))


@pytest.fixture
def pipeline(engine: Any, tmp_path: Path) -> Iterator[Pipeline]:
    with pipeline_on(engine, tmp_path / "project") as made:
        yield made


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[harness.Registry]:
    with harness.registry(tmp_path_factory.mktemp("private"), {USER: PASSWORD}) as running:
        yield running


@pytest.fixture
def login(private: harness.Registry, tmp_path: Path) -> dict[str, str]:
    """Variables by which Docker and imgc know the registry's password."""
    return {"DOCKER_CONFIG": log_in(tmp_path / "docker", private, PASSWORD)}


def log_in(folder: Path, private: harness.Registry, password: str) -> str:
    folder.mkdir()
    auth = base64.b64encode(f"{USER}:{password}".encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {private.address: {"auth": auth}}}))
    return str(folder)


def push(pipeline: Pipeline, source: str, name: str) -> str:
    """Puts an image of the engine into the registry under a name of the pipeline's; its digest."""
    pipeline.engine.client.images.get(source).tag(name)
    auth = {"username": USER, "password": PASSWORD}
    said = pipeline.engine.client.images.push(name, auth_config=auth)
    return next(line["aux"]["Digest"] for line in map(json.loads, said.splitlines()) if "aux" in line)


def locked(pipeline: Pipeline) -> Lock:
    lock, problems = read((pipeline.folder / FILE).read_text())
    assert problems == []
    return lock


def test_a_private_base_is_locked_and_built_by_its_digest(
    pipeline: Pipeline, private: harness.Registry, login: dict[str, str]
) -> None:
    name = f"{private.address}/{pipeline.name}/base:1"
    first = push(pipeline, "debian:bookworm-slim", name)
    pipeline.write(f"images: {{app: {{base: '{name}', user: www-data, commands: ['echo 1 > /tmp/made']}}}}\n")
    pipeline.imgc("lock", env=login)
    known = locked(pipeline).images[name]
    assert (known.digest, known.distro, known.manager, known.python) == (first, "debian", "apt", "")
    assert PASSWORD not in (pipeline.folder / FILE).read_text()
    assert "app: built" in pipeline.imgc("build", "--locked", env=login)
    assert "USER 33:33" in (pipeline.folder / ".imgc/compiled/images/app/Dockerfile").read_text()
    # The tag moves on: what is built stays as it was, until the lock is updated.
    second = push(pipeline, "busybox:1.35", name)
    assert "app: exists" in pipeline.imgc("build", "--locked", env=login)
    assert locked(pipeline).images[name].digest == first
    assert "~ " in pipeline.imgc("lock", "--update", env=login)
    assert locked(pipeline).images[name].digest == second != first
    assert locked(pipeline).images[name].manager == ""


def test_layers_tell_what_the_engine_tells(
    pipeline: Pipeline, registry: harness.Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    for source in ("python:3.11-slim", "node:20-bookworm-slim", "busybox:1.35", "imgc-test/unknown:1"):
        name = f"{registry.address}/{pipeline.name}/x:1"
        digest = push(pipeline, source, name)
        monkeypatch.setenv("DOCKER_HOST", pipeline.env["DOCKER_HOST"])
        by_engine = look_up(name, patience=SHORT)
        monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
        by_layers = look_up(name, patience=SHORT)
        assert ("local engine" in by_engine.source, "layers" in by_layers.source) == (True, True)
        assert by_engine.value == by_layers.value, source
        assert by_engine.value.digest == digest
    assert pipeline.engine.client.containers.list(all=True, filters={"label": "imgc.run=lock"}) == []


def test_wrong_credentials_are_said_and_the_rest_is_locked(
    pipeline: Pipeline, private: harness.Registry, registry: harness.Registry, tmp_path: Path
) -> None:
    hidden, open_ = f"{private.address}/{pipeline.name}/base:1", f"{registry.address}/{pipeline.name}/base:1"
    push(pipeline, "busybox:1.35", hidden)
    digest = push(pipeline, "busybox:1.35", open_)
    pipeline.engine.client.images.remove(hidden, force=True)
    pipeline.write(f"images:\n  a: {{base: '{hidden}'}}\n  b: {{base: '{open_}'}}\n")
    wrong = {"DOCKER_CONFIG": log_in(tmp_path / "wrong", private, "planted-wrong")}
    said = pipeline.imgc("lock", env=wrong, code=3)
    assert "does not accept the credentials" in said
    assert "--> pipeline.yaml:4:13" in said
    assert "planted-wrong" not in said
    assert {name: image.digest for name, image in locked(pipeline).images.items()} == {open_: digest}
    assert "wants a login" in pipeline.imgc("lock", env={"DOCKER_CONFIG": str(tmp_path)}, code=3)


def test_a_registry_that_hangs_or_is_gone(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", pipeline.env["DOCKER_HOST"])
    with harness.registry(tmp_path / "registry") as running:
        name = f"{running.address}/{pipeline.name}/base:1"
        digest = push(pipeline, "busybox:1.35", name)
        running.process.send_signal(signal.SIGSTOP)
        found = look_up(name, patience=SHORT)  # what the engine has of it
        assert (found.value.digest, "no answer within" in found.notes[0]) == (digest, True)
        pipeline.engine.client.images.remove(name, force=True)
        with pytest.raises(NotFound, match="no answer within"):
            look_up(name, patience=SHORT)
        running.process.send_signal(signal.SIGCONT)
        assert look_up(name, patience=SHORT).value.digest == digest
    with pytest.raises(NotFound, match="refused"):
        look_up(name, patience=SHORT)


def test_an_image_that_only_this_machine_has(any_engine: Any, tmp_path: Path) -> None:
    with pipeline_on(any_engine, tmp_path / "project") as pipeline:
        base = f"imgc-test/{pipeline.name}/base:1"
        any_engine.client.images.get("debian:bookworm-slim").tag(base)
        pipeline.write(
            f"images: {{app: {{base: '{base}', commands: ['echo hello > /said']}}}}\n"
            "pipeline: {image: app, run: cat /said}\n"
        )
        said = pipeline.imgc("lock")
        assert "taken from the local engine" in said
        assert (locked(pipeline).images[base].distro, locked(pipeline).images[base].digest) == ("debian", "")
        assert "hello" in pipeline.imgc("run", "--locked")
        # Asked for again each time, but nothing is lost where there is no answer.
        said = pipeline.imgc("lock", env={"DOCKER_HOST": "unix:///nowhere.sock"})
        assert said == "imgc.lock is up to date\n"


def test_commits_are_locked_and_built(pipeline: Pipeline, tmp_path: Path) -> None:
    work = repository(tmp_path / "work", {"a.txt": "first\n"})
    with serving(tmp_path / "served", "me:planted-git") as server:
        url = server.publish(work, "demo")
        pipeline.write(
            "secrets: {GIT_AUTH_TOKEN: {env: IMGC_TEST_TOKEN}}\n"
            f"images: {{app: {{base: 'busybox:1.35', copy_url: '{url}', copy_branch: main}}}}\n"
            "pipeline: {image: app, run: cat a.txt}\n"
        )
        token = {"IMGC_TEST_TOKEN": "me:planted-git"}
        wrong = pipeline.imgc("lock", code=3, env={"IMGC_TEST_TOKEN": "me:no"})
        assert "wants other credentials" in wrong
        pipeline.imgc("lock", env=token)
        first = locked(pipeline).sources[f"{url}@main"].commit
        assert first == git(work, "rev-parse", "HEAD")
        commit(work, {"a.txt": "second\n"})
        git(work, "push", "-q", "origin", "main")
        assert "first" in pipeline.imgc("run", "--locked", env=token)
        pipeline.imgc("lock", "--update", f"{url}@main", env=token)
        assert "second" in pipeline.imgc("run", "--locked", env=token)
    assert "planted-git" not in (pipeline.folder / FILE).read_text()


def test_the_local_environment_is_in_the_image(pipeline: Pipeline, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    subprocess.run([venv / "bin/python", "-m", "pip", "install", "-q", "six==1.16.0"], check=True)
    pipeline.write(
        "images: {app: {base: 'python:3.11-slim', replicate_local_environment: true}}\n"
        "pipeline: {image: app, run: python3 -c 'import six; print(six.__version__)'}\n"
    )
    active = {"VIRTUAL_ENV": str(venv)}
    assert "not-locked" in pipeline.imgc("build", code=1, env=active)
    pipeline.imgc("lock", env=active)
    assert "six==1.16.0" in locked(pipeline).environments["app"].packages
    assert "1.16.0" in pipeline.imgc("run", "--locked")


def test_packages_are_installed_by_their_hashes(any_engine: Any, tmp_path: Path) -> None:
    with pipeline_on(any_engine, tmp_path / "project") as pipeline:
        pipeline.write(
            "images:\n  app: {base: 'python:3.11-slim', pip_packages: ['six<1.17', idna], copy_dir: .}\n"
            "  bare: {base: 'debian:bookworm-slim', pip_packages: [six], pip: {installer: pip}}\n"
            "pipeline:\n  parallel:\n"
            "    app: {image: app, run: python3 -c 'import six; print(six.__version__)'}\n"
            "    bare: {image: bare, run: python3 -c 'import six; print(six.__file__)'}\n"
        )
        pipeline.imgc("lock", "--packages")
        said = pipeline.imgc("run", "--locked")
        assert "1.16.0" in said
        assert "/opt/venv/" in said
        # Another file under the same name and version, as an index that was broken into would give.
        file = pipeline.folder / FOLDER / "app.txt"
        text = re.sub(r"sha256:[0-9a-f]{64}", "sha256:" + "0" * 64, file.read_text())
        lock = (pipeline.folder / FILE).read_text().replace(digest(file.read_text()), digest(text))
        file.write_text(text)
        (pipeline.folder / FILE).write_text(lock)
        said = pipeline.imgc("build", "--locked", code=4)
        assert "ash mismatch" in said
        assert "pipeline.yaml:4" in said


def test_plain_docker_installs_the_locked_packages(pipeline: Pipeline) -> None:
    """What compile writes needs no imgc."""
    pipeline.write("images: {app: {base: 'python:3.11-slim', pip_packages: ['six==1.16.0']}}\n")
    pipeline.imgc("lock", "--packages")
    pipeline.imgc("compile", "--locked")
    docker = [
        str(pipeline.engine.cli),
        "build",
        "-q",
        "-t",
        f"{pipeline.name}/plain:1",
        "-f",
        "compiled/images/app/Dockerfile",
        ".",
    ]
    env = {**pipeline.env, "DOCKER_BUILDKIT": "1"}
    subprocess.run(docker, cwd=pipeline.folder, env=env, check=True, capture_output=True)
    assert "six" in pipeline.run("plain", "pip", "list")
