"""Podman answers the Docker SDK: a pipeline is built, run, looked at and cleaned up on it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

PIPELINE = """
version: 1
secrets: {pat: {env: IMGC_TEST_PAT}}
images:
  app:
    base: localhost/busybox:1.35
    base_facts: {distro: alpine, shell: true}
    copy_dir: src
    commands: ["%s > /made"]
pipeline:
  image: app
  stop_on_error: false
  serial:
    files: {run: "cat f /made; echo $TOKEN; cat", stdin: typed, secrets: [{secret: pat, env: TOKEN}]}
    group: {parallel: {fine: sleep 0.2, bad: {run: exit 3, retry: {attempts: 2}}}}
    shared: {container_reuse: new, serial: {one: touch /one, two: ls /one}}
    late: {run: sleep 60, max_time: 1s, suppress_errors: true}
"""
# In a container, root may not raise its limits to those that Podman would give to containers.
LIMITS = '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n'


@pytest.fixture(scope="module")
def podman(engine: Any) -> Iterator[str]:
    """The socket of a service of its own, which has busybox:1.35."""
    program = shutil.which("podman")
    assert program is not None, "the tests need podman and catatonit, which ./test.sh installs"
    folder = Path(tempfile.mkdtemp(prefix="imgc-"))  # pytest's are too long: 50 characters at most
    (folder / "containers.conf").write_text(LIMITS)
    socket = f"unix://{folder}/podman.sock"
    options = ["--root", str(folder / "root"), "--runroot", str(folder / "run"), "--storage-driver", "vfs"]
    options += ["--cgroup-manager", "cgroupfs", "--events-backend", "file"]
    with (folder / "log").open("w") as log:
        service = subprocess.Popen(
            [program, *options, "system", "service", "--time=0", socket],
            env={**os.environ, "CONTAINERS_CONF": str(folder / "containers.conf")}, stderr=log,
        )  # fmt: skip
    try:
        for _ in range(600):  # it makes its storage first
            if Path(folder, "podman.sock").exists() or service.poll() is not None:
                break
            time.sleep(0.2)
        assert service.poll() is None, (folder / "log").read_text()
        client = _client(socket)
        (busybox,) = client.images.load(b"".join(engine.client.api.get_image("busybox:1.35")))
        busybox.tag("localhost/busybox", "1.35")
        client.close()
        yield socket
    finally:
        service.terminate()
        service.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _client(socket: str) -> docker.DockerClient:
    return docker.DockerClient(base_url=socket, version="auto", timeout=120)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/f").write_text("hello\n")
    (tmp_path / "pipeline.yaml").write_text(PIPELINE % "echo made")
    return tmp_path


def imgc(podman: str, project: Path, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    env = {
        **os.environ,
        "DOCKER_HOST": podman,
        "IMGC_TEST_PAT": "s3cret-value",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    return subprocess.run(
        [sys.executable, "-m", "imgc.cli.main", *words], cwd=project, env=env, input=stdin, text=True,
        capture_output=True, check=False,
    )  # fmt: skip


def test_a_pipeline_is_built_run_and_looked_at(podman: str, project: Path) -> None:
    done = imgc(podman, project, "run")
    lines = done.stderr.splitlines()
    assert done.returncode == 4, done.stderr
    assert [line for line in lines if line.startswith("app: built")]
    for line in ("files | hello", "files | made", "files | ***", "files | typed", "shared/two | /one"):
        assert line in lines, done.stderr
    assert "group/bad: It ended with exit code 3." in done.stderr
    assert "late: failed" in done.stderr
    assert [
        line for line in imgc(podman, project, "run", "files").stderr.splitlines() if line == "app: exists"
    ]
    shell = imgc(podman, project, "debug", "files", stdin="/.imgc/run; exit 7")
    assert (shell.returncode, shell.stdout) == (7, "hello\nmade\ns3cret-value\ntyped"), shell.stderr
    client = _client(podman)
    assert client.containers.list(all=True) == []
    client.close()


def test_a_step_that_fails_is_at_its_place(podman: str, project: Path) -> None:
    (project / "pipeline.yaml").write_text(PIPELINE % "exit 7; echo")
    done = imgc(podman, project, "build")
    assert done.returncode == 4, done.stderr
    assert "app: The step ended with exit code 7.\n  --> pipeline.yaml:9:16" in done.stderr


def test_what_podman_cannot_be_asked_for_is_said(podman: str, project: Path) -> None:
    text = (PIPELINE % "true").replace("copy_dir: src", "copy_dir: src\n    secrets: [pat]")
    (project / "pipeline.yaml").write_text(text)
    done = imgc(podman, project, "build")
    assert done.returncode == 1, done.stderr
    assert "Podman cannot be asked for this build: its socket takes no build secrets" in done.stderr
