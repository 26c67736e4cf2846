"""What `imgc compile --target` writes, read and used by the tools it is for."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli import Pipeline, pipeline_on

ROOT = Path(__file__).parents[2]
BAKE = [*("tree", "code", "running"), "extends-and-options"]


@pytest.fixture
def pipeline(newer_engine: Any, tmp_path: Path) -> Iterator[Pipeline]:
    with pipeline_on(newer_engine, tmp_path / "project") as made:
        yield made


def call(*words: str, pipeline: Pipeline, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        list(words), cwd=pipeline.folder, env={**pipeline.env, **(env or {})}, capture_output=True, text=True, check=False,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


FAMILY = """\
secrets: {token: {env: TOKEN}, mine: {file: "~/mine"}}
images:
  base.one:
    base: busybox:1.35
    secrets: [token, mine]
    commands: ["cat /run/secrets/token /run/secrets/mine > /kept"]
  app: {extends: base.one, copy_dir: src, tag: mine, build: {options: {label: "a=${b}"}}}
  same: {extends: base.one, copy_dir: src}
pipeline: {image: same, run: "cat /kept main.txt"}
"""


def test_bake_builds_the_images_as_imgc_does(pipeline: Pipeline, tmp_path: Path) -> None:
    (pipeline.folder / "src").mkdir(parents=True)
    (pipeline.folder / "src/main.txt").write_text("main\n")
    (tmp_path / "mine").write_text("of the home folder\n")
    pipeline.write(FAMILY)
    pipeline.env |= {"TOKEN": "t0k3n\n", "HOME": str(tmp_path)}
    pipeline.imgc("compile", "--target", "bake")
    bake = ["docker", "buildx", "bake", f"--allow=fs.read={tmp_path}", "-f", "compiled/docker-bake.json"]
    call(*bake, pipeline=pipeline)
    assert pipeline.run("same", "cat", "/kept", "main.txt") == "t0k3n\nof the home folder\nmain\n"
    assert pipeline.reference("app").endswith(":mine")
    labels = pipeline.engine.client.images.get(pipeline.reference("app")).labels
    assert labels["a"] == "${b}"
    said = pipeline.imgc("run")
    assert "built" not in said.replace("0 built", "")  # it takes what bake has built
    call(*bake, "same", pipeline=pipeline)  # a name that is a group


@pytest.mark.parametrize("case", BAKE)
def test_bake_reads_what_is_compiled(case: str, pipeline: Pipeline) -> None:
    shutil.copytree(ROOT / "tests" / "cases" / case, pipeline.folder)
    home = pipeline.folder.parent
    for secret in (home / ".key", pipeline.folder / 'keys/a "b",${c}'):
        secret.parent.mkdir(exist_ok=True)
        secret.touch()
    with tempfile.TemporaryDirectory() as short, socket.socket(socket.AF_UNIX) as agent:
        agent.bind(f"{short}/agent")
        env = {"HOME": str(home), "SSH_AUTH_SOCK": f"{short}/agent"}
        pipeline.imgc("compile", "--target", "bake")
        bake = ["docker", "buildx", "bake", "-f", "compiled/docker-bake.json", "--print"]
        shown = call(*bake, pipeline=pipeline, env=env)
    written = json.loads((pipeline.folder / "compiled/docker-bake.json").read_text())
    read = json.loads(shown)["target"]
    assert set(read) == set(written["target"])
    for name, target in read.items():
        assert (pipeline.folder / target["context"] / target["dockerfile"]).is_file()
        assert target["tags"] == written["target"][name]["tags"]
    if case == "extends-and-options":
        where = {secret["id"]: secret.get("src") or secret["env"] for secret in read["base_one"]["secret"]}
        assert where == {"key": str(home / ".key"), "own": 'keys/a "b",${c}', "token": "TOKEN"}
        assert read["app"]["contexts"] == {read["base_one"]["tags"][0]: "target:base_one"}


def test_bake_from_standard_input_in_a_folder_with_a_strange_name(pipeline: Pipeline) -> None:
    strange = 'a ${b} %{c} "d" ü'
    (pipeline.folder / strange).mkdir(parents=True)
    (pipeline.folder / strange / "Dockerfile").write_text("FROM busybox:1.35\nCOPY Dockerfile /\n")
    pipeline.write(f"images: {{own: {{dockerfile: {{path: '{strange}/Dockerfile'}}}}}}\n")
    pipeline.imgc("compile")
    text = pipeline.imgc("compile", "--target", "bake", "--stdout", "-q")
    done = subprocess.run(
        ["docker", "buildx", "bake", "-f", "-"], cwd=pipeline.folder, env=pipeline.env, input=text,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert pipeline.run("own", "cat", "/Dockerfile") == "FROM busybox:1.35\nCOPY Dockerfile /\n"
