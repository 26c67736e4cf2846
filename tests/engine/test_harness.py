"""The harness itself: what every other test on a real engine takes for granted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from contextlib import suppress
from pathlib import Path

import docker.errors
import harness
import pytest

BUILD = """\
FROM python:3.11-slim
RUN --mount=type=cache,id=smoke-archives,target=/var/cache/apt,sharing=locked \\
    --mount=type=cache,id=smoke-lists,target=/var/lib/apt/lists,sharing=locked \\
    apt-get update && apt-get install -y --no-install-recommends jq
RUN --mount=type=cache,target=/root/.cache/pip python -m pip install six uv
RUN --mount=type=cache,target=/root/.cache/uv uv pip install --system --reinstall six
"""


@pytest.fixture
def tag(any_engine):
    """A name for an image of this test, gone after it."""
    name = f"imgc-test/smoke:{uuid.uuid4().hex[:12]}"
    yield name
    with suppress(docker.errors.ImageNotFound):
        any_engine.client.images.remove(name, force=True)


def docker_cli(engine, *args: str, **kwargs) -> str:
    done = subprocess.run(["docker", *args], env=engine.env, text=True, capture_output=True, **kwargs)
    assert done.returncode == 0, done.stderr
    return done.stdout


def run(engine, image: str, command: str, **kwargs) -> str:
    output = engine.client.containers.run(image, ["sh", "-c", command], init=True, remove=True, **kwargs)
    return output.decode().strip()


def test_client_and_cli_are_of_one_engine(any_engine):
    versions = json.loads(docker_cli(any_engine, "version", "--format", "{{json .}}"))
    assert versions["Server"]["Version"] == any_engine.client.version()["Version"]
    assert versions["Client"]["Version"] == versions["Server"]["Version"]


def test_every_base_image_runs(any_engine):
    for image in any_engine.images:
        assert run(any_engine, image, "echo fine") == "fine"


@pytest.mark.parametrize("image", ["python:3.11-slim", "python:3.12-slim-bookworm"])
def test_python_images_install_packages_when_run(any_engine, image):
    script = "python -m pip install -q six && python3 -c 'import six; print(six.__name__)'"
    assert run(any_engine, image, script) == "six"


def test_node_image_installs_packages_when_run(engine):
    script = "npm install --silent left-pad && ls node_modules"
    assert run(engine, "node:20-bookworm-slim", script, working_dir="/tmp") == "left-pad"


def test_system_certificates_are_those_of_the_machine(engine):
    script = "pip download -q --no-deps --cert /etc/ssl/certs/ca-certificates.crt six && ls"
    without = {"PIP_CERT": "", "SSL_CERT_FILE": "", "REQUESTS_CA_BUNDLE": ""}
    assert "six-" in run(engine, "python:3.11-slim", script, working_dir="/tmp", environment=without)


def test_unknown_image_has_no_python_and_no_known_name(engine):
    script = "command -v python3 || . /etc/os-release && echo $ID"
    assert run(engine, "imgc-test/unknown:1", script) == "unknown"


def test_network_reaches_out_from_a_network_of_the_test(any_engine):
    network = any_engine.client.networks.create(f"imgc-test-{uuid.uuid4().hex[:8]}")
    try:
        script = "python -m pip download -q --no-deps six && ls"
        assert "six-" in run(any_engine, "python:3.11-slim", script, network=network.name, working_dir="/tmp")
    finally:
        network.remove()


def test_an_engine_that_is_up_keeps_its_addresses(engine):
    shared = harness.shared_engine()
    show = ["ip", "-oneline", "-4", "address", "show", "dev", shared.bridge]
    before = subprocess.run(show, capture_output=True, text=True, check=True).stdout
    network = engine.client.networks.create(f"imgc-test-{uuid.uuid4().hex[:8]}")
    try:
        assert shared.start() is False  # as other tests do that begin now
        assert subprocess.run(show, capture_output=True, text=True, check=True).stdout == before
    finally:
        network.remove()


def status(url: str) -> int:
    """Of the first answer: the engine takes connections before the server in the container does."""
    for _ in range(50):
        with (
            suppress(ConnectionError, urllib.error.URLError),
            urllib.request.urlopen(url, timeout=10) as answer,
        ):
            return answer.status
        time.sleep(0.2)
    raise AssertionError(f"{url} does not answer")


def test_published_port_answers(any_engine):
    server = any_engine.client.containers.run(
        "busybox:1.35",
        "httpd -f -p 80 -h /etc",
        init=True,
        detach=True,
        ports={"80/tcp": ("127.0.0.1", None)},
    )
    try:
        server.reload()
        port = server.ports["80/tcp"][0]["HostPort"]
        assert status(f"http://127.0.0.1:{port}/passwd") == 200
    finally:
        server.remove(force=True)


def test_buildkit_installs_from_all_registries(any_engine, tag):
    env = {**any_engine.env, "DOCKER_BUILDKIT": "1"}
    build = ["docker", "build", "--no-cache", "--tag", tag, "-"]
    done = subprocess.run(build, env=env, input=BUILD, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    script = "jq --version && python -c 'import six; print(six.__name__)'"
    assert run(any_engine, tag, script).split() == ["jq-1.6", "six"]


def test_newer_engine_builds_for_several_platforms(newer_engine, registry, tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    name = f"{registry.address}/platforms:1"
    platforms = ["linux/amd64", "linux/arm64"]
    options = ["--platform", ",".join(platforms), "--provenance=false", "--tag", name, "--push"]
    docker_cli(newer_engine, "buildx", "build", *options, str(tmp_path))
    index = json.loads(docker_cli(newer_engine, "buildx", "imagetools", "inspect", "--raw", name))
    assert [f"linux/{each['platform']['architecture']}" for each in index["manifests"]] == platforms


def test_push_and_pull(any_engine, registry):
    name = f"{registry.address}/smoke"
    images = any_engine.client.images
    images.get("busybox:1.35").tag(name, "1")
    docker_cli(any_engine, "push", f"{name}:1")
    images.remove(f"{name}:1")
    assert images.pull(name, "1").id == images.get("busybox:1.35").id
    images.remove(f"{name}:1")


def test_registry_with_a_login(engine, tmp_path):
    with harness.registry(tmp_path, {"ann": "secret"}) as private:
        image = engine.client.images.get("busybox:1.35")
        name = f"{private.address}/private"
        image.tag(name, "1")
        try:
            refused = "".join(engine.client.images.push(name, "1").split())
            assert "nobasicauthcredentials" in refused
            accepted = engine.client.images.push(
                name, "1", auth_config={"username": "ann", "password": "secret"}
            )
            assert '"error"' not in accepted
        finally:
            engine.client.images.remove(f"{name}:1")


def test_engine_comes_back_after_a_kill(own_engine):
    job = own_engine.docker("run", "--detach", "busybox:1.35", "sh", "-c", "sleep 1; exit 7").strip()
    for pid in own_engine.processes("dockerd"):
        os.kill(pid, signal.SIGKILL)
    assert own_engine.start()
    assert own_engine.docker("wait", job).strip() == "7"


def test_engine_leaves_nothing_behind(own_engine):
    own_engine.docker("run", "--detach", "--init", "busybox:1.35", "sleep", "600")
    own_engine.stop()
    assert own_engine.processes("dockerd", "containerd", "containerd-shim-runc-v2") == []
    assert not own_engine.runtime.exists()
    assert str(own_engine.root) not in Path("/proc/mounts").read_text()
    assert own_engine.bridge not in subprocess.check_output(["ip", "link"], text=True)


def test_last_lease_stops_the_engine(own_engine):
    own_engine.stop()
    with harness.lease(own_engine):
        with harness.lease(own_engine):
            pass
        assert own_engine.version()
    assert own_engine.version() is None


def test_folder_can_be_left_out():
    env = {**os.environ, "IMGC_TEST_ENGINE": "0"}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(Path(__file__))]
    done = subprocess.run(command, env=env, text=True, capture_output=True)
    assert "IMGC_TEST_ENGINE=0: the tests in tests/engine were not run." in done.stdout
    assert done.returncode == 5  # pytest's word for: no test was run
