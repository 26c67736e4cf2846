"""Secrets end to end, by the command line: what wants a password gets it, and it is nowhere after."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import harness
import pytest
from cli import Pipeline, pipeline_on, planted_in
from servers import gateway, private_apt, private_index

PASSWORD = "planted'pa$s%word\"&x 41"
WRONG = "planted-wrong-one"


def forms(user: str, *passwords: str) -> list[bytes]:
    """How a password may be written."""
    found = []
    for password in passwords:
        login = base64.b64encode(f"{user}:{password}".encode())
        found += [
            password.encode(),
            quote(password, safe="").encode(),
            login,
            json.dumps(password)[1:-1].encode(),
        ]
    return found


@pytest.fixture
def pipeline(any_engine: Any, tmp_path: Path) -> Iterator[Pipeline]:
    with pipeline_on(any_engine, tmp_path / "project") as made:
        yield made


INDEX = """
secrets: {{token: {{env: IMGC_TEST_PASSWORD}}}}
images:
  app:
    base: python:3.11-slim
    layers:
      - pip_packages: [private-package]
        pip:
          installer: {installer}
          index_url: {{url: "http://{address}/simple", username: robot, password: token}}
          extra_args: {extra}
pipeline: {{image: app, run: python -c "import private_package; print('imported')"}}
"""


def extra(installer: str, address: str) -> str:
    return f"[--trusted-host, {address.partition(':')[0]}]" if installer == "pip" else "[]"


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_a_private_index(pipeline: Pipeline, installer: str) -> None:
    with private_index(gateway(pipeline.engine), "robot", PASSWORD) as address:
        pipeline.write(INDEX.format(installer=installer, address=address, extra=extra(installer, address)))
        wrong = pipeline.imgc("build", code=4, env={"IMGC_TEST_PASSWORD": WRONG})
        assert "pipeline.yaml:9:" in wrong
        assert "401" in wrong or "Unauthorized" in wrong or "authenticat" in wrong
        missing = pipeline.imgc("build", code=1)
        assert "set the environment variable IMGC_TEST_PASSWORD" in missing
        process = pipeline.start("run", "--format", "json", env={"IMGC_TEST_PASSWORD": PASSWORD})
        seen = command_lines_until_the_end_of(process)
        assert process.stdout is not None
        said = process.stdout.read()
        assert process.returncode == 0, said
    assert "imported" in said
    everything = (wrong + missing + said + seen).encode()
    assert [form for form in forms("robot", PASSWORD, WRONG) if form in everything] == []
    assert planted_in(pipeline, "app", *forms("robot", PASSWORD, WRONG)) == []


def command_lines_until_the_end_of(process: Any) -> str:
    """The arguments of all processes of this machine, looked at again and again."""
    seen = set()
    while process.poll() is None:
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                seen.add(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
            except OSError:
                continue
        time.sleep(0.02)
    return "\n".join(seen)


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_an_index_that_is_down(pipeline: Pipeline, installer: str) -> None:
    address = f"{gateway(pipeline.engine)}:9"
    quick = "[--retries, '0']" if installer == "pip" else "[]"
    pipeline.write(INDEX.format(installer=installer, address=address, extra=quick))
    said = pipeline.imgc("build", code=4, env={"IMGC_TEST_PASSWORD": PASSWORD, "UV_HTTP_RETRIES": "0"})
    assert "pipeline.yaml:9:" in said
    assert "refused" in said or "Could not connect" in said or "No matching distribution" in said
    assert PASSWORD not in said


APT = """
secrets: {{apt: {{file: auth.conf}}}}
images:
  app:
    base: debian:bookworm-slim
    layers:
      - commands:
          - echo 'deb [trusted=yes] http://{address} ./' > /etc/apt/sources.list.d/private.list
          - >-
            apt-get update -o Dir::Etc::sourcelist=/etc/apt/sources.list.d/private.list -o Dir::Etc::sourceparts=-
            && apt-get install -y --no-install-recommends private-tool && rm -rf /var/lib/apt/lists/*
        secrets: [{{secret: apt, target: /etc/apt/auth.conf.d/private.conf}}]
pipeline: {{image: app, run: private-tool}}
"""


def test_apt_with_a_password(pipeline: Pipeline, tmp_path: Path) -> None:
    password = "planted-for-apt-4711"
    with private_apt(gateway(pipeline.engine), tmp_path / "apt", "robot", password) as address:
        pipeline.write(APT.format(address=address))
        auth = pipeline.folder / "auth.conf"
        auth.write_text(f"machine http://{address}\nlogin robot\npassword {WRONG}\n")
        wrong = pipeline.imgc("build", code=4)
        assert "401" in wrong
        assert WRONG not in wrong
        auth.write_text(f"machine http://{address}\nlogin robot\npassword {password}\n")
        assert "private tool" in pipeline.imgc("run")
    auth.unlink()
    assert planted_in(pipeline, "app", *forms("robot", password, WRONG)) == []
    assert pipeline.run("app", "sh", "-c", "cat /etc/apt/auth.conf.d/* 2>&1 || true").count("planted") == 0


REGISTRY = """
registry: {address}
secrets: {{login: {{env: IMGC_TEST_LOGIN}}}}
images:
  app: {{base: "busybox:1.35", commands: ["echo made > /made"], registry_secret: login}}
pipeline: {{image: app, run: cat /made}}
"""


def test_a_private_registry(pipeline: Pipeline, tmp_path: Path) -> None:
    password = "planted-registry-0815"
    with harness.registry(tmp_path / "registry", users={"robot": password}) as registry:
        pipeline.write(REGISTRY.format(address=registry.address))
        wrong = pipeline.imgc("build", "--push", code=3, env={"IMGC_TEST_LOGIN": f"robot:{WRONG}"})
        assert "The push failed" in wrong
        assert "pipeline.yaml:7:" in wrong
        assert WRONG not in wrong
        login = {"IMGC_TEST_LOGIN": f"robot:{password}"}
        said = pipeline.imgc("build", "--push", env=login)
        assert "pushed" in said
        assert planted_in(pipeline, "app", *forms("robot", password, WRONG)) == []
        pipeline.engine.client.images.remove(pipeline.reference("app"), force=True)
        said = pipeline.imgc("run", env=login)
        assert "pulled" in said
        assert "made" in said


PRIVATE_BASE = """
secrets: {{login: {{env: IMGC_TEST_LOGIN}}}}
images:
  app: {{base: "{base}", commands: ["cat /base > /made"], registry_secret: login, registry: {address}}}
pipeline: {{image: app, run: cat /made}}
"""


def test_a_base_in_a_private_registry(pipeline: Pipeline, tmp_path: Path) -> None:
    password, client = "planted-registry-0815", pipeline.engine.client
    with harness.registry(tmp_path / "registry", users={"robot": password}) as registry:
        base = f"{registry.address}/{pipeline.name}-base:1"
        made = client.containers.run("busybox:1.35", ["sh", "-c", "echo base > /base"], detach=True)
        made.wait()
        made.commit(*base.rsplit(":", 1))
        made.remove()
        auth = {"username": "robot", "password": password}
        client.images.push(base, auth_config=auth)
        client.images.remove(base, force=True)
        pipeline.write(PRIVATE_BASE.format(base=base, address=registry.address))
        wrong = pipeline.imgc("build", code=3, env={"IMGC_TEST_LOGIN": f"robot:{WRONG}"})
        assert "pipeline.yaml:6:" in wrong
        assert "unauthorized" in wrong or "authentication required" in wrong or "401" in wrong
        assert WRONG not in wrong
        login = {"IMGC_TEST_LOGIN": f"robot:{password}"}
        assert "base" in pipeline.imgc("run", env=login)
        assert planted_in(pipeline, "app", *forms("robot", password, WRONG)) == []
