"""Code, commands, users and settings, built for real: what is in the image is what the recipe says."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import docker.errors
import pytest

from code_layers import DEBIAN, UNKNOWN, Kit

NODE = replace(DEBIAN, user="node", python="")
SECRET = "planted-5f1c-value"


class Builder:
    """Builds what a kit has written, and runs commands in it."""

    def __init__(self, engine, kit: Kit) -> None:
        self.engine, self.kit = engine, kit
        self.tags: list[str] = []
        self.log = ""

    def attempt(self, dockerfile: str, *options: str) -> tuple[bool, str]:
        """Whether it can be built, and the tag."""
        file = self.kit.folder.parent / "Dockerfile"
        file.write_text(dockerfile)
        tag = f"imgc-test/code:{uuid.uuid4().hex[:12]}"
        self.tags.append(tag)
        command = [
            "docker",
            "build",
            "--progress=plain",
            *options,
            "--tag",
            tag,
            "--file",
            file,
            self.kit.folder,
        ]
        env = {**self.engine.env, "DOCKER_BUILDKIT": "1"}
        done = subprocess.run(command, env=env, text=True, capture_output=True, check=False)
        self.log = done.stdout + done.stderr
        return done.returncode == 0, tag

    def build(self, source: str, *options: str, **fields) -> str:
        text = self.kit.dockerfile(source, **fields)
        done, tag = self.attempt(text, *options)
        assert done, f"{text}\n{self.log[-4000:]}"
        return tag

    def run(self, tag: str, *command: str, **options) -> str:
        options = {"entrypoint": [], "remove": True, "init": True, **options}
        return self.engine.client.containers.run(tag, list(command), **options).decode().strip()

    def sh(self, tag: str, script: str, **options) -> str:
        return self.run(tag, "sh", "-ec", script, **options)

    def config(self, tag: str) -> dict:
        return self.engine.client.images.get(tag).attrs["Config"]

    def remove(self) -> None:
        for tag in self.tags:
            with suppress(docker.errors.ImageNotFound):
                self.engine.client.images.remove(tag, force=True)


@pytest.fixture
def builder(any_engine, tmp_path: Path) -> Iterator[Builder]:
    folder = tmp_path / "project"
    folder.mkdir()
    made = Builder(any_engine, Kit(folder))
    yield made
    made.remove()


# Copies


COPIES = [
    "copy_dir: src",
    "copy_dir: .\nuser: app",
    "copy_dir: .\nauto_workdir: false",
    "copy_dir: src\nworkdir: /srv/a b",
    "copy: a.cfg",
    "copy: [a.cfg, src, {src: other/a.cfg, dst: x.cfg}]",
    "copy: {src: src, dst: /work/src}",
    "copy: {src: src, dst: /work/}",
    "copy: {src: [src, other], dst: /work, contents_only: true}",
    "copy: {src: [a.cfg, src, b.cfg], dst: conf/}",
    "copy: {src: a.cfg, dst: /etc/new/name.cfg, chown: '1234:99'}",
    "copy: {src: src, dst: ../up}",
    "copy: [{src: 'odd [x] *', dst: /odd/}, {src: 'odd [x] */a$b \"c\"', dst: '/q/$d \"e\"'}]",
    "copy: {src: src, dst: /}",
    "code_bundle: {style: all}",
    "copy_dir: src\ncode_bundle: {style: all, dst: /b}",
]


@pytest.mark.parametrize("source", COPIES)
def test_everything_is_where_the_path_map_says(builder: Builder, source: str) -> None:
    kit = builder.kit
    kit.files(
        "a.cfg", "b.cfg", "src/m.py", "src/deep/n.py", "other/a.cfg", 'odd [x] */a$b "c"', "odd [x] */z"
    )
    tag = builder.build(source)
    assert kit.recipe.path_map
    expected: dict[str, str] = {}
    for local, inside in kit.recipe.path_map.items():
        path = kit.folder / local
        for file in [path] if path.is_file() else [found for found in path.rglob("*") if found.is_file()]:
            below = f"/{file.relative_to(path)}" if path.is_dir() else ""
            expected[f"{inside}{below}"] = file.read_text()
    script = "import sys, json; print(json.dumps({path: open(path).read() for path in sys.argv[1:]}))"
    assert json.loads(builder.run(tag, "python3", "-c", script, *expected)) == expected


def test_excluded_files_are_left_out_by_the_ignore_file(builder: Builder) -> None:
    kit = builder.kit
    kit.files("src/m.py", "src/x.csv", "src/deep/y.csv", "src/deep/keep.csv", "x.csv")
    text = kit.dockerfile("copy: {src: src, exclude: ['**/*.csv', '!deep/keep.csv']}")
    patterns = kit.recipe.notes["exclude"]
    assert isinstance(patterns, tuple)
    (kit.folder.parent / "Dockerfile.dockerignore").write_text("\n".join(patterns))
    done, tag = builder.attempt(text)
    assert done, builder.log
    assert builder.sh(tag, "find . -type f | sort").split() == ["./src/deep/keep.csv", "./src/m.py"]


def test_a_bundle_runs(builder: Builder) -> None:
    kit = builder.kit
    kit.file("src/app/__init__.py", "")
    kit.file("src/app/main.py", "from app.util import word\nimport lib.deep.er as er\nprint(word, er.x)\n")
    kit.file("src/app/util.py", "word = 'fine'\n")
    kit.file("src/app/unused.py", "")
    kit.file("src/lib/deep/er.py", "from . import sibling\nx = sibling.x\n")
    kit.file("src/lib/deep/sibling.py", "x = 5\n")
    tag = builder.build("copy_dir: src\ncode_bundle: {entry: src/app/main.py}")
    assert builder.run(tag, "python3", "-m", "app.main") == "fine 5"
    assert "unused.py" not in builder.sh(tag, "find .")


def test_a_bundle_of_many_folders_is_one_layer(builder: Builder) -> None:
    kit = builder.kit
    for number in range(25):
        kit.file(f"lib/p{number}/m.py", f"x = {number}\n")
    kit.file(
        "main.py", "".join(f"import lib.p{number}.m as m{number}\n" for number in range(25)) + "print(m24.x)"
    )
    tag = builder.build("code_bundle: {entry: main.py}\nuser: app")
    assert builder.run(tag, "python3", "main.py") == "24"
    assert builder.sh(tag, "stat -c %u:%g main.py lib/p3/m.py").split() == ["10001:10001"] * 2


# Users


def test_a_user_is_made_and_owns_what_it_needs(builder: Builder) -> None:
    builder.kit.files("a.py")
    tag = builder.build("user: app\ncopy_dir: .\ncommands: [touch made-by-root]")
    assert builder.config(tag)["User"] == "10001:10001"
    assert builder.sh(tag, "id -un; id -gn; echo $HOME; touch x ~/y; stat -c %U a.py; pwd").split() == [
        "app", "app", "/home/app", "app", "/app",
    ]  # fmt: skip


@pytest.mark.parametrize("base", ["imgc-test/unknown:1", "busybox:1.35", "debian:bookworm-slim"])
def test_a_user_on_a_base_about_which_nothing_is_known(builder: Builder, base: str) -> None:
    builder.kit.facts, builder.kit.base = UNKNOWN, base
    tag = builder.build("user: app\nworkdir: /w")
    assert builder.sh(tag, "id -u; id -g; id -un; echo $HOME; touch x; touch ~/y").split() == [
        "10001", "10001", "app", "/home/app",
    ]  # fmt: skip


def test_a_user_that_the_base_has_keeps_its_ids(builder: Builder) -> None:
    builder.kit.files("a")
    builder.kit.facts, builder.kit.base = UNKNOWN, "node:20-bookworm-slim"
    tag = builder.build("user: node\ncopy_dir: .")
    assert builder.sh(tag, "id -u; id -g; touch x; stat -c %u:%g a; grep -c ^node: /etc/passwd").split() == [
        "1000", "1000", "1000:1000", "1",
    ]  # fmt: skip


def test_a_user_with_a_group_of_another_name(builder: Builder) -> None:
    builder.kit.files("a")
    tag = builder.build("user: app:staff\ncopy_dir: .")
    assert builder.sh(tag, "id -un; id -gn; stat -c %U:%G a; touch x").split() == [
        "app",
        "staff",
        "app:staff",
    ]
    tag = builder.build("user: app:crew\ncopy_dir: .")
    assert builder.sh(tag, "id -un; id -gn; stat -c %U:%G a; touch x").split() == ["app", "crew", "app:crew"]


@pytest.mark.parametrize("user", ["1234", "1234:50", "nobody"])
def test_users_that_need_no_making(builder: Builder, user: str) -> None:
    builder.kit.files("a")
    tag = builder.build(f"user: '{user}'\ncopy_dir: .")
    builder.sh(tag, "touch x; test -O a; test -O .")


def test_commands_run_as_the_user_of_the_base(builder: Builder) -> None:
    builder.kit.files("a")
    done, base = builder.attempt("FROM node:20-bookworm-slim\nUSER node\n")
    assert done, builder.log
    builder.kit.facts, builder.kit.base = NODE, base
    tag = builder.build("commands: ['id -un > /tmp/who']\ncopy: {src: a, dst: /x/, chown: www}\n")
    assert builder.sh(tag, "cat /tmp/who; id -un; stat -c %U /x/a").split() == ["node", "node", "www"]


# Environment and settings


def test_variables_come_out_as_written(builder: Builder) -> None:
    odd = "a \"b\" 'c' \\ $$x ` # é \\n"
    tag = builder.build(
        f"env:\n  B: one\n  A: '${{B}} two'\n  PATH: '/opt/x:${{PATH}}'\n  P: '${{PATH}}'\n"
        f"  ODD: |-\n    {odd}\nruntime_env: {{A: three}}"
    )
    found = builder.run(
        tag, "python3", "-c", "import os; print(*(os.environ[x] for x in ['A', 'B', 'P', 'ODD']), sep='|')"
    )
    a, b, path, rest = found.split("|", 3)
    assert (a, b, path.startswith("/opt/x:/usr/local"), rest) == (
        "three",
        "one",
        True,
        odd.replace("$$", "$"),
    )


def test_settings(builder: Builder) -> None:
    tag = builder.build(
        """
entrypoint: [echo, "a  b", '$HOME']
cmd: ["x\\ny"]
labels: {b: '1', "a.b": 'x "$y" \\'}
expose: [8080, 53/udp, 9000-9001]
healthcheck: {cmd: [test, -e, /], interval: 1m30s, timeout: 5000µs, retries: 2}
stop_signal: SIGINT
shell: [/bin/bash, -ec]
workdir: /a b
"""
    )
    config = builder.config(tag)
    assert config["Entrypoint"] == ["echo", "a  b", "$HOME"]
    assert config["Cmd"] == ["x\ny"]
    assert {name: config["Labels"][name] for name in ("a.b", "b")} == {"a.b": 'x "$y" \\', "b": "1"}
    assert sorted(config["ExposedPorts"]) == ["53/udp", "8080/tcp", "9000/tcp", "9001/tcp"]
    check = config["Healthcheck"]
    assert (check["Test"], check["Interval"]) == (["CMD", "test", "-e", "/"], 90_000_000_000)
    assert (check["Timeout"], check["Retries"]) == (5_000_000, 2)
    assert (config["StopSignal"], config["Shell"]) == ("SIGINT", ["/bin/bash", "-ec"])
    assert config["WorkingDir"] == "/a b"
    assert builder.engine.client.containers.run(tag, remove=True).decode() == "a  b $HOME x\ny\n"


def test_an_empty_entrypoint_takes_away_that_of_the_base(builder: Builder) -> None:
    done, base = builder.attempt('FROM debian:bookworm-slim\nENTRYPOINT ["false"]\nCMD ["x"]\n')
    assert done, builder.log
    builder.kit.base = base
    tag = builder.build("entrypoint: []\ncmd: []")
    assert (builder.config(tag)["Entrypoint"] or [], builder.config(tag)["Cmd"] or []) == ([], [])


# Secrets


def test_secrets_reach_the_command_and_stay_nowhere(builder: Builder, tmp_path: Path) -> None:
    file = tmp_path / "value"
    file.write_text(SECRET + "\n")
    builder.kit.file("want", SECRET)
    tag = builder.build(
        "secrets: [pat, {secret: pat, env: PAT}, {secret: pat, target: /root/.token}, "
        "{secret: no, env: NO, required: false}]\n"
        "copy: {src: want, dst: /want}\n"
        "commands:\n"
        '- printf %s "$PAT" | cmp - /want && cmp /root/.token /run/secrets/pat\n'
        "- '[ -z \"${NO+x}\" ]'\n",
        f"--secret=id=pat,src={file}",
    )
    image = builder.engine.client.images.get(tag)
    assert SECRET not in str(image.history()) + str(image.attrs)
    assert builder.sh(tag, "cat /run/secrets/pat /root/.token 2>&1 || true").count(SECRET) == 0


def test_a_user_that_is_not_root_can_read_them(builder: Builder, tmp_path: Path) -> None:
    file = tmp_path / "value"
    file.write_text(SECRET)
    tag = builder.build(
        "secrets: [{secret: pat, env: PAT}]\nlayers:\n- user: app\n"
        "- {commands: ['test ${#PAT} = 18 && id -un > /tmp/who'], secrets: [{secret: pat, env: PAT}]}",
        f"--secret=id=pat,src={file}",
    )
    assert builder.sh(tag, "cat /tmp/who") == "app"


def test_a_build_without_a_required_secret_fails(builder: Builder) -> None:
    done, _ = builder.attempt(builder.kit.dockerfile("secrets: [pat]\ncommands: ['true']"))
    assert not done
    assert "pat" in builder.log


def test_a_failing_line_of_a_command_fails_the_build(builder: Builder) -> None:
    done, _ = builder.attempt(builder.kit.dockerfile("commands:\n- |\n  false\n  true\n"))
    assert not done
