"""What `imgc compile --target` writes, read and used by the tools it is for."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli import Pipeline, pipeline_on
from projects import remove_images

from imgc.targets import yaml
from tests_support import ROOT, SHARED

VALID = [path for path in (SHARED / "conformance/valid").iterdir() if path.name != "002-03-replicate-local"]
FOLDERS = sorted(VALID) + sorted(
    path.parent for folder in ("tests/cases", "samples") for path in (ROOT / folder).glob("*/pipeline.yaml")
)
FAMILY_CASE = "extends-and-options"


@pytest.fixture
def pipeline(newer_engine: Any, tmp_path: Path) -> Iterator[Pipeline]:
    with pipeline_on(newer_engine, tmp_path / "project") as made:
        yield made


@pytest.fixture
def agent() -> Iterator[str]:
    """A socket as that of an SSH agent; its path has to be short."""
    with tempfile.TemporaryDirectory() as short, socket.socket(socket.AF_UNIX) as bound:
        bound.bind(f"{short}/agent")
        yield f"{short}/agent"


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
    assert "same: exists" in pipeline.imgc("run").splitlines()  # it takes what bake has built
    call(*bake, "same", pipeline=pipeline)  # a name that is a group


def test_bake_reads_what_it_needs(pipeline: Pipeline, agent: str) -> None:
    """A case with secrets and SSH, for which bake looks at the host."""
    shutil.copytree(ROOT / "tests" / "cases" / FAMILY_CASE, pipeline.folder)
    home = pipeline.folder.parent
    for secret in (home / ".key", pipeline.folder / 'keys/a "b",${c}'):
        secret.parent.mkdir(exist_ok=True)
        secret.touch()
    pipeline.imgc("compile", "--target", "bake")
    bake = ["docker", "buildx", "bake", "-f", "compiled/docker-bake.json", "--print"]
    env = {"HOME": str(home), "SSH_AUTH_SOCK": agent}
    read = json.loads(call(*bake, pipeline=pipeline, env=env))["target"]
    assert set(read) == {"base_one", "base_one_2", "app", "above"}
    for target in read.values():
        assert (pipeline.folder / target["context"] / target["dockerfile"]).is_file()
    where = {secret["id"]: secret.get("src") or secret["env"] for secret in read["base_one"]["secret"]}
    assert where == {"key": str(home / ".key"), "own": 'keys/a "b",${c}', "token": "TOKEN"}
    assert read["app"]["contexts"] == {read["base_one"]["tags"][0]: "target:base_one"}


def test_bake_reads_standard_input_in_a_folder_with_a_strange_name(pipeline: Pipeline) -> None:
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


STEPS = """\
secrets: {token: {env: TOKEN}, key: {file: "~/key"}, own: {file: conf/own}}
images:
  base.one: {base: "busybox:1.35", env: {FROM_BASE: "yes"}, commands: ["echo built > /built"]}
  app: {extends: base.one, copy_dir: src, workdir: /app}
  twin: {extends: base.one, copy_dir: src, workdir: /app}
pipeline:
  image: app
  env: {PRICE: "5$ or $${X}"}
  mounts: [{src: data, dst: /data}]
  serial:
    one: {run: "cat /built main.txt; echo \\"$PRICE $FROM_BASE\\"; echo one >>/data/order"}
    both:
      parallel:
        two: {run: "sleep 1; echo two >>/data/order", image: twin, cpu: 0.5, mem: 64Mi}
        three: {run: "test $(tail -n 1 /data/order) = two; echo three >>/data/order", needs: [two], user: "0", network: none}
    input: {run: "cat >>/data/order", stdin: "four $X\\n", accept_return_code: [3]}
    again:
      run: "echo five >>/data/order; test $(grep -c five /data/order) = 2"
      retry: {attempts: 3, backoff: 100ms}
    fine: {run: "exit 7", suppress_errors: true}
    late: {run: "sleep 60", max_time: 100ms, suppress_errors: true}
    secret:
      run: "echo $TOKEN $KEY $(cat /run/secrets/own /else/token) >>/data/order"
      secrets: [own, {secret: token, target: /else/token}, {secret: token, env: TOKEN}, {secret: key, env: KEY}]
    last: {run: "%s; echo last >>/data/order", docker_run_args: [-e, "A=b$c", --hostname, here, --cap-drop=ALL]}
"""


@pytest.fixture
def steps(pipeline: Pipeline) -> Pipeline:
    for path, text in {"src/main.txt": "main", "conf/own": "0wn", "data/order": "", "../key": "k3y"}.items():
        (pipeline.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (pipeline.folder / path).write_text(f"{text}\n" if text else "")
    pipeline.env |= {"TOKEN": "t0k3n$x", "HOME": str(pipeline.folder.parent)}
    return pipeline


def composed(program: Path, pipeline: Pipeline, *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(program), "-f", "compiled/compose.yaml", "--ansi=never", *words]
    return subprocess.run(
        command, cwd=pipeline.folder, env=pipeline.env, capture_output=True, text=True, check=False, timeout=300
    )  # fmt: skip


def test_compose_builds_and_runs_the_steps_in_order(steps: Pipeline, compose_program: Path) -> None:
    steps.write(STEPS % "test $A.$(hostname) = 'b$c.here'")
    steps.imgc("compile", "--target", "compose")
    try:
        up = composed(compose_program, steps, "up")
        assert up.returncode == 0, up.stderr + up.stdout
        assert "| built" in up.stdout
        assert "| 5$ or $${X} yes" in up.stdout
        order = (steps.folder / "data/order").read_text().splitlines()
        assert order == [
            "one", "two", "three", "four $X", "five", "five", "t0k3n$x k3y 0wn t0k3n$x", "last"
        ]  # fmt: skip
        # What Compose has built, imgc finds.
        (steps.folder / "data/order").write_text("")
        said = steps.imgc("run").splitlines()
        assert [line for line in said if line.startswith(("app: ", "twin: "))] == [
            "app: exists",
            "twin: exists",
        ]
        assert (steps.folder / "data/order").read_text().splitlines() == order
    finally:
        composed(compose_program, steps, "down", "--volumes")


def test_compose_fails_with_a_step_and_starts_nothing_behind_it(
    steps: Pipeline, compose_program: Path
) -> None:
    steps.write(STEPS.replace("exit 7", "exit 8").replace(", suppress_errors: true", "") % "true")
    steps.imgc("compile", "--target", "compose")
    try:
        up = composed(compose_program, steps, "up")
        assert up.returncode == 1, up.stdout
        assert 'service "fine" didn\'t complete successfully: exit 8' in up.stderr
        assert (steps.folder / "data/order").read_text().splitlines()[-1] == "five"
    finally:
        composed(compose_program, steps, "down", "--volumes")


def test_compose_runs_one_step_with_what_it_needs(steps: Pipeline, compose_program: Path) -> None:
    steps.write(STEPS % "true")
    steps.imgc("compile", "--target", "compose")
    try:
        ran = composed(compose_program, steps, "run", "--rm", "-T", "both.three")
        assert ran.returncode == 0, ran.stderr
        assert (steps.folder / "data/order").read_text().split() == ["one", "two", "three"]
    finally:
        composed(compose_program, steps, "down", "--volumes")


def compiled(folder: Path, target: str, output: Path) -> Path | None:
    """The one file of a target; None where it refuses something, which a test of its own looks at."""
    done = subprocess.run(
        [sys.executable, "-m", "imgc.cli.main", "compile", "--target", target, "-o", output, "pipeline.yaml"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        assert f"{target} cannot express" in done.stderr
        return None
    [name] = json.loads((output / "targets.json").read_text())["files"]
    return output / name


def read_by(words: list[str], folder: Path, env: dict[str, str]) -> None:
    done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_compose_reads_every_file(folder: Path, compose_program: Path, tmp_path: Path) -> None:
    if (file := compiled(folder, "compose", tmp_path)) is not None:
        env = {**os.environ, **dict.fromkeys(re.findall(r"\$\{(\w+)\?", file.read_text()), "x")}
        read_by([str(compose_program), "-f", str(file), "config", "--quiet"], folder, env)


@pytest.mark.parametrize(
    "folder", [folder for folder in FOLDERS if folder.name != FAMILY_CASE], ids=lambda folder: folder.name
)
def test_bake_reads_every_file(folder: Path, newer_engine: Any, agent: str, tmp_path: Path) -> None:
    file = compiled(folder, "bake", tmp_path)
    assert file is not None
    targets = json.loads(file.read_text()).get("target", {})
    for secret in (secret for target in targets.values() for secret in target.get("secret", ())):
        if "${HOME}/" in secret:  # it looks whether they are there
            (tmp_path / secret.partition("${HOME}/")[2]).touch()
    read_by(
        ["docker", "buildx", "bake", "-f", str(file), "--print"],
        folder,
        {**newer_engine.env, "HOME": str(tmp_path), "SSH_AUTH_SOCK": agent},
    )


TEXTS = [
    "$", "$$", "${", "%{", "$${b}", "$$${b}", "%%{b}", "$%{x}", "\\${x}", "ü${ü}", '"', "'", "\\", "a\\n", "a\nb\n", " a ", "<<EOF",
    "#", "a: b", "- a", "*a", "&a", "!a", "|", ">", "%", "@", "`", "no", "1e3", "0o17", "~", "", "\t", "{{.ID}}", "😀", "\u2028",
]  # fmt: skip


def test_bake_keeps_any_text(pipeline: Pipeline) -> None:
    labels = [f"l{number}={text}" for number, text in enumerate(TEXTS)]
    image = {"base": "busybox:1.35", "tag": "1", "build": {"options": {"label": labels}}}
    pipeline.write(yaml.dump({"images": {"a": image}}))
    pipeline.imgc("compile", "--target", "bake")
    call("docker", "buildx", "bake", "-f", "compiled/docker-bake.json", pipeline=pipeline)
    found = pipeline.engine.client.images.get(pipeline.reference("a")).labels
    assert [found[f"l{number}"] for number in range(len(TEXTS))] == TEXTS


def test_compose_keeps_any_text(pipeline: Pipeline, compose_program: Path) -> None:
    env = {f"V{number}": text for number, text in enumerate(TEXTS)}
    pipeline.write(
        yaml.dump({"pipeline": {"image": "busybox:1.35", "env": env, "run": ["env", "-0", *TEXTS]}})
    )
    pipeline.imgc("compile", "--target", "compose")
    shown = composed(compose_program, pipeline, "config", "--format", "json")
    assert shown.returncode == 0, shown.stderr
    service = json.loads(shown.stdout)["services"][pipeline.name]
    doubled = [text.replace("$", "$$") for text in TEXTS]  # as it is written
    assert [service["environment"][name] for name in env] == doubled
    assert service["command"] == ["-0", *doubled]


def test_compose_reads_what_is_compiled(pipeline: Pipeline, compose_program: Path) -> None:
    shutil.copytree(ROOT / "tests" / "cases" / "steps", pipeline.folder)
    pipeline.imgc("compile", "--target", "compose")
    pipeline.env |= {"TOKEN": "secret"}
    shown = composed(compose_program, pipeline, "config", "--format", "json")
    assert shown.returncode == 0, shown.stderr
    services = json.loads(shown.stdout)["services"]
    assert (
        services["fan.a"]["environment"]["PRICE"] == "$$HOME costs 5$$ or $$$${X}"
    )  # as it would be written
    folder = str(pipeline.folder)
    sources = [volume["source"] for volume in services["shared.more"]["volumes"]]
    assert sources == [f"{folder}/data", f"{folder}/conf", "/var/run/docker.sock", f"{folder}/src"]
    assert services["image.app"]["build"]["context"] == folder
    assert services["shared.secret"]["environment"]["TOKEN"] == "secret"
    del pipeline.env["TOKEN"]
    assert "the secret token is missing" in composed(compose_program, pipeline, "config").stderr


PLACE = """\
secrets: {key: {file: conf/key}, token: {env: TOKEN}}
images:
  base.one: {base: "python:3.11-slim", commands: ["cat /run/secrets/key > /key; : %s"], secrets: [key]}
  app: {extends: base.one, copy_dir: src, user: worker}
pipeline:
  image: app
  env: {A: "1 ${X}"}
  mounts: [{src: data, dst: /data, read_only: true}]
  serial:
    one: {run: "true", secrets: [{secret: token, env: TOKEN}]}
    two: {run: "true", env: {B: b}, secrets: [{secret: token, env: TOKEN}]}
"""
LOOK = "id -un; pwd; cat main.txt /key /data/in; printenv A; echo ${B-none} $TOKEN; ls -d /workspaces || true"


@pytest.mark.parametrize("output", ["compiled", ".devcontainer"])
def test_a_devcontainer_is_a_place_to_work_in(
    output: str, newer_engine: Any, devcontainer_program: Path, tmp_path: Path
) -> None:
    with pipeline_on(newer_engine, tmp_path / f"place-{uuid.uuid4().hex[:12]}") as pipeline:
        for path, text in {"src/main.txt": "main", "conf/key": "k3y", "data/in": "in"}.items():
            (pipeline.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (pipeline.folder / path).write_text(f"{text}\n")
        pipeline.write(PLACE % pipeline.name)  # not in the cache of another time
        pipeline.env |= {"TOKEN": "t0k3n"}
        pipeline.imgc("compile", "--target", "devcontainer", "-o", output)
        folder = "" if output == ".devcontainer" else ".devcontainer/"
        config = f"{output}/{folder}app/devcontainer.json"
        where = ["--workspace-folder", ".", "--config", config]
        try:
            call(str(devcontainer_program), "up", *where, pipeline=pipeline)
            (pipeline.folder / "src/main.txt").write_text("edited\n")
            looked = call(str(devcontainer_program), "exec", *where, "sh", "-c", LOOK, pipeline=pipeline)
            assert looked.split("\n")[:7] == [
                "worker", "/app", "edited", "k3y", "in", "1 ${X}", "none t0k3n"
            ]  # fmt: skip
        finally:
            label = f"devcontainer.local_folder={pipeline.folder}"
            for container in newer_engine.client.containers.list(all=True, filters={"label": label}):
                container.remove(force=True, v=True)
            remove_images(newer_engine.client, f"vsc-{pipeline.folder.name}")
