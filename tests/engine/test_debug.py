"""`imgc debug` as a user has it: on a terminal and in scripts, on a real engine, and nothing left behind."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from terminal import on_terminal

IMGC = [sys.executable, "-m", "imgc.cli.main"]
PIPELINE = """
version: 1
secrets: {pat: {env: IMGC_TEST_PAT}, token: {file: token.txt}}
images:
  app: {base: "debian:bookworm-slim", copy_dir: ./src, env: {FROM_IMAGE: "1"}}
  py: {base: "python:3.11-slim-bookworm", copy_dir: ./src}
  plain: {base: "busybox:1.35", skip_build: true}
  bare: {base: "%(bare)s", skip_build: true}
pipeline:
  image: app
  serial:
    train:
      run: |
        echo in $(pwd) with $A; cat
        exit 3
      env: {A: "b c $D"}
      secrets: [{secret: pat, env: TOKEN}, token]
      mem: 256Mi
      cpu: 0.5
      stdin: "typed"
      network: none
      shm_size: 32Mi
      mounts: [{src: data, dst: "/d,x", read_only: true}]
      docker_run_args: [-v, "./src:/s", --hostname=here, "--ulimit", "nofile=64:128"]
    test: {matrix: {py: ["3.10", "3.11"]}, run: "echo ${{ matrix.py }}"}
    argv: {image: plain, run: [echo, "it's", "$x"], workdir: /opt/w, user: "77", docker_run_args: [--read-only]}
    sh: {image: plain, run: echo 1}
    bare: {image: bare, run: [x]}
    called: {image: py, call: {file: src/job.py, function: f, args: [7]}}
"""


class User:
    """Somebody with a pipeline and a docker."""

    def __init__(self, folder: Path, env: dict[str, str], client: Any) -> None:
        self.folder, self.client = folder, client
        self.env = {**env, "IMGC_TEST_PAT": "s3cret-value", "PYTHONPATH": os.pathsep.join(sys.path)}
        self.before = self.left()

    def left(self) -> tuple[set[str], set[str]]:
        """What a shell could leave: containers and images."""
        containers = self.client.api.containers(all=True, filters={"label": f"imgc.project={self.folder}"})
        return {one["Id"] for one in containers}, {
            image["Id"] for image in self.client.api.images(filters={"label": f"imgc.project={self.folder}"})
        }

    def imgc(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*IMGC, *words], cwd=self.folder, env=self.env, input=stdin, capture_output=True, text=True,
            check=False,
        )  # fmt: skip

    def debug(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        done = self.imgc("debug", *words, stdin=stdin)
        self.check_nothing_left()
        return done

    def check_nothing_left(self) -> None:
        assert self.left() == self.before
        folder = self.folder / ".imgc/debug"
        assert not folder.exists() or not list(folder.iterdir())

    def terminal(self, *words: str, **env: str) -> Any:
        return on_terminal([*IMGC, *words], self.folder, {**self.env, **env})


@pytest.fixture(scope="module")
def bare(engine: Any) -> Iterator[str]:
    """An image of one file that is no shell."""
    name = f"imgc-test/bare:{os.getpid()}"
    text = "FROM scratch\nCOPY --from=busybox:1.35 /bin/busybox /x\n"
    subprocess.run(
        [engine.cli, "build", "-q", "-t", name, "-"], input=text.encode(), check=True, capture_output=True,
        env={**engine.env, "DOCKER_BUILDKIT": "1"},
    )  # fmt: skip
    yield name
    engine.client.images.remove(name, force=True)


@pytest.fixture
def user(engine: Any, bare: str, tmp_path: Path) -> Iterator[User]:
    for name in ("src", "data"):
        (tmp_path / name).mkdir()
    (tmp_path / "src/job.py").write_text("def f(x):\n    print('called with', x)\n")
    (tmp_path / "data/in").write_text("from the host\n")
    (tmp_path / "token.txt").write_text("t0ken-value\n")
    (tmp_path / "pipeline.yaml").write_text(PIPELINE.replace("%(bare)s", bare))
    made = User(tmp_path, engine.env, engine.client)
    yield made
    plan = json.loads((tmp_path / ".imgc/compiled/plan.json").read_text())
    for image in plan["images"].values():
        if not image["skip_build"] and engine.client.api.images(image["reference"]):
            engine.client.images.remove(image["reference"], force=True)


def test_a_script_runs_in_the_node_s_container(user: User) -> None:
    script = (
        'pwd; hostname; echo "$A|$FROM_IMAGE|$TOKEN"; cat /run/secrets/token "/d,x/in"; ls /s /sys/class/net\n'
        "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null\n"
        "df -k /dev/shm | tail -1; ulimit -n; touch /d,x/y || echo read-only\n"
        "/.imgc/run; echo code $?; cd /; /.imgc/run; exit 7\n"
    )
    done = user.debug("train", stdin=script)
    assert done.returncode == 7, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:5] == ["/app", "here", "b c $D|1|s3cret-value", "t0ken-value", "from the host"]
    assert "268435456" in lines
    assert "eth0" not in done.stdout
    assert {"job.py", "64", "read-only"} <= set(lines)
    assert any(" 32768 " in line for line in lines)
    assert done.stdout.count("in /app with b c $D\ntyped") == 2, "with its stdin, from its workdir"
    assert "typedcode 3" in lines
    assert "imgc: train in " in done.stderr
    assert "`run` (in scripts /.imgc/run) runs its command: echo in $(pwd) with $A; cat …" in done.stderr
    assert "s3cret-value" not in done.stderr


def test_the_summary_s_command_sees_what_the_run_saw(user: User) -> None:
    done = user.imgc("run", "--set", "sh.run=exit 6", "sh")
    assert "  look around: imgc debug --set 'sh.run=exit 6' sh\n" in done.stderr
    assert user.debug("--set", "sh.run=exit 6", "sh", stdin="/.imgc/run").returncode == 6


def test_settings_of_a_node_in_an_image_as_it_is(user: User) -> None:
    done = user.debug("argv", stdin="pwd; id -u; touch /x || echo fixed")
    assert done.stdout.splitlines() == ["/opt/w", "77", "fixed"]
    assert "; echo 'it'\"'\"'s' '$x'" in done.stderr, "it takes no files: the command is said, not put there"


def test_calls_and_matrix_nodes(user: User) -> None:
    assert user.debug("called", stdin="/.imgc/run").stdout == "called with 7\n"
    assert user.debug("test/test[py=3.10]", stdin="/.imgc/run").stdout == "3.10\n"
    assert user.debug("test[py=3.11]", stdin="/.imgc/run").stdout == "3.11\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["trian"], 2, "The pipeline has no node 'trian'. Did you mean 'train'?"),
        (
            ["test"],
            2,
            "'test' is a group; name one of the nodes in it: test/test[py=3.10], test/test[py=3.11].",
        ),
        (["/"], 2, "is a group; name one of the nodes in it: train, test/test[py=3.10]"),
        (["bare"], 3, "has no shell: neither bash nor sh"),
        (["argv", "--live"], 1, "Say where local files are in it with path_map"),
        (["argv", "--live", "--print"], 1, "pipeline.yaml:7:3: The image 'plain' copies no local files"),
    ],
)
def test_what_cannot_be_is_said(user: User, words: list[str], code: int, said: str) -> None:
    done = user.debug(*words)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert said in done.stderr


def test_live_mounts_the_local_files(user: User) -> None:
    assert user.debug("train", stdin="rm job.py").returncode == 0
    assert (user.folder / "src/job.py").exists(), "without it, the copy was removed"
    done = user.debug("--live", "train", stdin="echo '# new' >>job.py; tail -1 /app/job.py")
    assert done.stdout == "# new\n"
    assert (user.folder / "src/job.py").read_text().endswith("# new\n")
    printed = user.debug("--live", "--print", "train").stdout
    assert f"--mount type=bind,source={user.folder}/src,target=/app" in printed


@pytest.mark.parametrize("program", ["docker", "sdk"])
def test_a_shell_on_a_terminal(user: User, tmp_path: Path, program: str) -> None:
    assert user.debug("train").returncode == 0  # builds the image
    path = user.env["PATH"] if program == "docker" else str(tmp_path)
    with user.terminal("debug", "train", PATH=path) as shell:
        shell.expect("runs its command: echo in")
        prompt = "root@here:/app# "
        shell.expect(prompt)
        shell.type("run\r")
        assert "in /app with b c $D" in shell.expect("typed")
        shell.expect(prompt)
        shell.type("\x1b[A\x1b[A")  # twice up: over `run` to the command itself
        shell.expect("exit 3")
        shell.type("\x15stty size\r")  # Ctrl-U takes the line away
        shell.expect("30 100")
        shell.expect(prompt)
        shell.resize(40, 120)
        shell.type("sleep 0.5; stty size\r")
        shell.expect("40 120")
        shell.expect(prompt)
        shell.type("sh -c 'echo $((1 + 1))s; exec sleep 100'\r")
        shell.expect("2s\r")
        shell.type_until("\x03", prompt)
        shell.type("exit 9\r")
        assert shell.end() == 9
    user.check_nothing_left()


def test_sh_has_the_command_too(user: User) -> None:
    with user.terminal("debug", "sh") as shell:
        shell.expect("runs its command: echo 1")
        shell.expect("/ # ")
        shell.type("run\r")
        shell.expect("\n1\r")
        shell.type("exit 2\r")
        assert shell.end() == 2
    user.check_nothing_left()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP, "window"])
def test_nothing_is_left_when_it_is_ended(user: User, how: Any) -> None:
    assert user.debug("train").returncode == 0
    with user.terminal("debug", "train") as shell:
        shell.expect("root@here")
        if how == "window":
            shell.hang_up()
        else:
            shell.process.send_signal(how)
        assert shell.process.wait(30) == 130
    user.check_nothing_left()


def test_clean_removes_what_kill_9_left_and_no_open_shell(user: User) -> None:
    assert user.debug("train").returncode == 0
    with user.terminal("debug", "train") as killed, user.terminal("debug", "train") as opened:
        for shell in (killed, opened):
            shell.expect("root@here")
        killed.process.kill()
        killed.process.wait()
        assert "removed 1 container" in user.imgc("clean").stderr
        opened.type("exit 4\r")
        assert opened.end() == 4
    user.check_nothing_left()


FAILING = """
version: 1
secrets: {pat: {env: IMGC_TEST_PAT}}
images: {box: {base: "debian:bookworm-slim", skip_build: true}}
pipeline:
  image: box
  stop_on_error: false
  serial:
    alone: {run: "echo made >/made; exit 3", secrets: [{secret: pat, env: TOKEN}], retry: {attempts: 2}}
    shared:
      container_reuse: new
      serial: {one: echo 1 >/one, two: "echo 2 >/two; exit 4"}
    fine: echo fine >/fine
"""


def test_the_state_of_failed_nodes_is_kept_on_demand(user: User) -> None:
    (user.folder / "pipeline.yaml").write_text(FAILING)
    assert user.imgc("run").returncode == 4
    user.check_nothing_left()
    done = user.imgc("run", "--keep")
    assert done.returncode == 4, done.stderr
    assert "look around: imgc debug alone\n" in done.stderr
    containers, images = user.left()
    assert (containers, len(images)) == (set(), 2), "images, no containers"
    user.before = user.left()
    shown = user.debug("alone", stdin="cat /made; echo $TOKEN; /.imgc/run; echo code $?")
    assert shown.stdout == "made\ns3cret-value\ncode 3\n"
    assert "alone in the state that it failed in (run 2" in shown.stderr
    assert user.debug("shared/two", stdin="cat /one /two").stdout == "1\n2\n"
    assert user.debug("--fresh", "alone", stdin="ls /made").returncode == 2
    assert user.debug("fine", stdin="ls /fine").returncode == 2, "it did not fail"
    saved = b"".join(chunk for image in images for chunk in user.client.api.get_image(image))
    assert b"s3cret-value" not in saved
    for image in images:
        config = user.client.api.inspect_image(image)
        assert "s3cret-value" not in json.dumps(config)
        assert config["Config"]["Labels"]["imgc.attempt"] == (
            "2" if "TOKEN=" in config["Config"]["Env"] else "1"
        )

    (run,) = {image["Labels"]["imgc.run"] for image in user.client.api.images() if image["Id"] in images}
    (user.folder / "pipeline.yaml").write_text(FAILING.replace("exit", "true"))
    assert user.imgc("run").returncode == 0
    assert user.debug("alone", stdin="ls /made").returncode == 2, "the latest run was fine"
    assert user.debug("--run", run, "alone", stdin="cat /made").stdout == "made\n"
    assert user.imgc("clean").stderr == "removed 2 kept states\n"
    assert user.left() == (set(), set())


def test_without_a_docker_program_scripts_work_too(user: User, tmp_path: Path) -> None:
    assert user.debug("train").returncode == 0
    user.env["PATH"] = str(tmp_path)
    done = user.debug("train", stdin="echo out; echo err >&2; exit 5")
    assert (done.returncode, done.stdout) == (5, "out\n")
    assert done.stderr.endswith("\nerr\n")


def test_the_printed_command_makes_the_same_container(user: User) -> None:
    """Run by hand, with its shell fed instead of a terminal."""
    assert user.debug("train").returncode == 0
    printed = user.debug("--print", "train")
    assert "s3cret-value" not in printed.stdout + printed.stderr
    assert "t0ken-value" not in printed.stdout + printed.stderr
    assert "in the shell, the command of train is: echo in $(pwd) with $A; cat …" in printed.stderr
    script = printed.stdout.replace(" -it ", " -i ")
    shown = (
        'pwd; hostname; echo "$A|$FROM_IMAGE|$TOKEN"; cat /run/secrets/token "/d,x/in"; ls /s /sys/class/net\n'
        "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null\n"
        "df -k /dev/shm | tail -1; ulimit -n; touch /d,x/y || echo read-only\nexit 0\n"
    )
    by_hand = subprocess.run(
        ["bash", "-c", script],
        input=shown,
        capture_output=True,
        text=True,
        cwd="/",
        env=user.env,
        check=False,
    )
    assert by_hand.returncode == 0, by_hand.stderr
    assert by_hand.stdout == user.debug("train", stdin=shown).stdout


def test_printed_commands_are_quoted(user: User) -> None:
    words = shlex.split(user.debug("--print", "argv").stdout)
    assert words[words.index("--user") + 1] == "77"
    assert words[words.index("--workdir") + 1] == "/opt/w"
    assert words[-3:] == ["busybox:1.35", "-c", "command -v bash >/dev/null && exec bash || exec sh"]
    assert words[-5:-3] == ["--entrypoint", "/bin/sh"]


def test_a_run_leaves_a_report_on_demand(user: User) -> None:
    (user.folder / "pipeline.yaml").write_text(FAILING)
    assert user.imgc("run", "--report", "no/folder.html").returncode == 2
    assert user.imgc("run", "--report", "run.html").returncode == 4
    page = (user.folder / "run.html").read_text()
    assert "s3cret-value" not in page
    assert "engine</dt><dd>Docker 20.10" in page
    assert "pipeline.yaml:9:5" in page
    assert user.imgc("report", "-o", "-").stdout == page
