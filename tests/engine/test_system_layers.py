"""System packages, npm packages and the Docker client, built for real with what this machine can reach."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import docker.errors
import pytest

from code_layers import UNKNOWN, Kit
from imgc.layers.bases import facts_of
from imgc.layers.docker_client import FILES, IMAGE

DEBIAN = "debian:bookworm-slim"
NODE = "node:20-bookworm-slim"
NOBODY_KNOWS = "imgc-test/unknown:1"


class Builder:
    """Builds images from keys, in a project folder, and runs commands in them."""

    def __init__(self, engine, folder: Path) -> None:
        self.engine, self.folder = engine, folder
        self.tags: list[str] = []
        self.log = ""

    def kit(self, base: str) -> Kit:
        return Kit(self.folder, facts_of(base), base)

    def try_build(self, kit: Kit, keys: str) -> str | None:
        """The image's tag; None when the build failed, with `log` saying why."""
        file = self.folder / "Dockerfile"
        file.write_text(kit.dockerfile(keys))
        tag = f"imgc-test/system:{uuid.uuid4().hex[:12]}"
        command = ["docker", "build", "--progress=plain", "--tag", tag, "--file", str(file), str(self.folder)]
        env = {**self.engine.env, "DOCKER_BUILDKIT": "1"}
        done = subprocess.run(command, env=env, text=True, capture_output=True, check=False)
        self.log = done.stdout + done.stderr
        if done.returncode:
            return None
        self.tags.append(tag)
        return tag

    def build(self, kit: Kit, keys: str) -> str:
        tag = self.try_build(kit, keys)
        assert tag, f"{(self.folder / 'Dockerfile').read_text()}\n{self.log[-6000:]}"
        return tag

    def run(self, tag: str, *command: str) -> str:
        return self.engine.client.containers.run(tag, list(command), remove=True).decode().strip()

    def remove(self) -> None:
        for tag in self.tags:
            with suppress(docker.errors.ImageNotFound):
                self.engine.client.images.remove(tag, force=True)


@pytest.fixture
def builder(any_engine, tmp_path: Path) -> Iterator[Builder]:
    folder = tmp_path / "project"
    folder.mkdir()
    made = Builder(any_engine, folder)
    yield made
    made.remove()


def test_apt(builder):
    tag = builder.build(builder.kit(DEBIAN), "system_packages: [jq]\napt_packages: ['tree=2*']")
    assert builder.run(tag, "sh", "-c", "echo '{\"a\": 1}' | jq .a") == "1"
    # Nothing of apt's is left in the image.
    left = builder.run(tag, "sh", "-c", "ls -R /var/cache/apt /var/lib/apt")
    assert "jq" not in left
    assert "Packages" not in left


def test_apt_keeps_what_it_has_downloaded(builder):
    def build(packages):
        # A layer of its own before: an engine that is kept between runs has the same steps already.
        builder.build(builder.kit(DEBIAN), f"env: {{UNIQUE: '{uuid4()}'}}\nsystem_packages: [{packages}]")

    build("jq, tree")
    build("jq, tree, less")
    assert "Need to get" in builder.log
    fetched = next(line for line in builder.log.splitlines() if "Need to get" in line)
    assert "/" in fetched.split("Need to get")[1], "all was fetched again"


def test_a_question_of_a_package_does_not_stop_the_build(builder):
    builder.build(builder.kit(DEBIAN), "apt_packages: [debconf-utils, keyboard-configuration]")


def test_where_the_manager_is_unknown_the_build_finds_it(builder):
    kit = Kit(builder.folder, UNKNOWN, DEBIAN)
    tag = builder.build(kit, "system_packages: [jq]")
    assert builder.run(tag, "jq", "--version").startswith("jq-")
    assert builder.run(tag, "ls", "/var/lib/apt/lists") == ""


def test_where_there_is_none_the_build_says_so(builder):
    kit = Kit(builder.folder, UNKNOWN, NOBODY_KNOWS)
    assert builder.try_build(kit, "system_packages: [jq]") is None
    assert "no package manager is known for" in builder.log


def npm_project(folder: Path) -> None:
    """A project with a workspace, and a lock that needs two small packages."""
    manifest = {
        "name": "app",
        "version": "1.0.0",
        "workspaces": ["packages/*"],
        "dependencies": {"is-number": "7.0.0"},
    }
    member = {"name": "member", "version": "1.0.0", "dependencies": {"isarray": "2.0.5"}}
    registry = "https://registry.npmjs.org"
    lock = {
        "name": "app",
        "version": "1.0.0",
        "lockfileVersion": 3,
        "requires": True,
        "packages": {
            "": manifest,
            "node_modules/is-number": {
                "version": "7.0.0",
                "resolved": f"{registry}/is-number/-/is-number-7.0.0.tgz",
                "engines": {"node": ">=0.12.0"},
            },
            "node_modules/isarray": {
                "version": "2.0.5",
                "resolved": f"{registry}/isarray/-/isarray-2.0.5.tgz",
            },
            "node_modules/member": {"resolved": "packages/member", "link": True},
            "packages/member": {key: member[key] for key in ("version", "dependencies")},
        },
    }
    (folder / "packages/member").mkdir(parents=True)
    (folder / "package.json").write_text(json.dumps(manifest))
    (folder / "package-lock.json").write_text(json.dumps(lock))
    (folder / "packages/member/package.json").write_text(json.dumps(member))
    (folder / "packages/member/index.js").write_text("module.exports = require('isarray')([]);\n")
    (folder / "main.js").write_text("console.log(require('is-number')(1), require('member'));\n")


def test_npm_ci(builder):
    npm_project(builder.folder)
    tag = builder.build(builder.kit(NODE), "npm_packages: true\ncopy_dir: .")
    assert builder.run(tag, "node", "main.js") == "true true"
    without_code = builder.build(builder.kit(NODE), "npm_packages: true")
    assert builder.run(without_code, "find", ".", "-maxdepth", "1", "-type", "f") == ""


def test_npm_packages(builder):
    tag = builder.build(builder.kit(NODE), "npm_packages: [semver@7.6.3]")
    assert builder.run(tag, "semver", "1.2.3", "-i", "minor") == "1.3.0"
    assert "_cacache" not in builder.run(tag, "sh", "-c", "ls -A /root/.npm 2>/dev/null || true")


def test_the_docker_client_is_copied(builder):
    """From a stand-in under the official name, as this machine reaches no registry."""
    stand_in = builder.folder / "stand-in"
    stand_in.mkdir()
    for file in FILES:
        (stand_in / Path(file).name).write_text("#!/bin/sh\necho client\n")
        (stand_in / Path(file).name).chmod(0o755)
    copies = "".join(f"COPY {Path(file).name} {file}\n" for file in FILES)
    (stand_in / "Dockerfile").write_text(f"FROM scratch\n{copies}")
    env = {**builder.engine.env, "DOCKER_BUILDKIT": "1"}
    subprocess.run(["docker", "build", "--quiet", "--tag", IMAGE, str(stand_in)], env=env, check=True)
    builder.tags.append(IMAGE)
    tag = builder.build(builder.kit(DEBIAN), "install_docker: true")
    assert builder.run(tag, "docker") == "client"
    assert builder.run(tag, FILES[1]) == "client"
