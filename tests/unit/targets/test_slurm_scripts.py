"""What a job does on a node: run for real, with engines that only write down how they were called."""

from __future__ import annotations

import os
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import plans
import pytest
from plans import run, serial

from imgc.targets.slurm.scripts import emit

ENGINE = """\
#!/bin/bash
# Keeps its arguments, and is as good as the file "code" says, one line a container; what is inspected was out of memory.
case $1 in
rm) exit ;;
inspect) echo true && exit ;;
esac
calls=$(dirname "$0")/calls
mkdir -p "$calls"
number=$(find "$calls" -name '*.args' | wc -l)
printf '%s\\0' "$@" >"$calls/$number.args"
env -0 >"$calls/$number.env"
cat >"$calls/$number.stdin"
exit "$(sed -n "$((number + 1))p" "$(dirname "$0")/code")"
"""


class Node:
    """A machine with one engine, the scripts of a plan, and the folder of a run."""

    def __init__(self, folder: Path, plan: dict[str, Any], engine: str, codes: str = "") -> None:
        self.folder, self.run = folder, folder / "run"
        for name in ("bin", "run/states", "run/secrets"):
            (folder / name).mkdir(parents=True)
        program = folder / "bin" / engine
        program.write_text(ENGINE)
        program.chmod(0o755)
        (folder / "bin/code").write_text(codes)
        place: Any = lambda *_: None  # noqa: E731
        subject: Any = SimpleNamespace(
            plan=plan, images=plan["images"], project="..", node_span=place, image_span=place
        )
        for path, text in emit(subject, lambda *_: None).items():
            target = self.run / path.removeprefix("slurm/")  # as submit.sh copies them
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        path = f"{folder / 'bin'}:{os.environ['PATH']}"
        (self.run / "environment").write_text(
            f"export PATH='{path}' HOME=/home/me IMGC_CONTAINERS={engine}\nproject='{folder}/a b'\n"
        )

    def job(self, name: str) -> int:
        (script,) = (self.run / "jobs").glob(f"*{name}.sh")
        done = subprocess.run(
            ["bash", str(script), str(self.run)],
            env={"SLURM_JOB_ID": "77", "CUDA_VISIBLE_DEVICES": "1,3"}, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        self.said = done.stderr
        return done.returncode

    def call(self, number: int = 0) -> list[str]:
        return (self.folder / f"bin/calls/{number}.args").read_text().split("\0")[:-1]

    def variables(self, number: int = 0) -> dict[str, str]:
        texts = (self.folder / f"bin/calls/{number}.env").read_text().split("\0")[:-1]
        return {name: value for name, _, value in (text.partition("=") for text in texts)}

    def state(self, number: int) -> str:
        return (self.run / "states" / str(number)).read_text().strip()


def everything() -> dict[str, Any]:
    leaf = run(
        "all",
        "echo \"it's\" $X",
        env={"A": "a 'b' \"c\"\n$(d)", "B": ""},
        secrets=[
            {"name": "token", "env": "TOKEN", "target": None},
            {"name": "key", "env": None, "target": None},
            {"name": "key", "env": None, "target": "/etc/a,b"},
        ],
        mounts=[
            {"src": "data", "dst": "/data", "read_only": True},
            {"src": "~/x", "dst": "/x", "read_only": False},
            {"src": '/a,"b"', "dst": "/y", "read_only": False},
        ],
        workdir="/my work", user="1:2", cpu=1.5, mem=1 << 30, shm_size=4096, gpu=1, network="none",
        stdin="some text", docker_run_args=["--cap-add", "SYS_NICE"],
    )  # fmt: skip
    return plans.plan(serial(leaf), secrets={"token": {"env": "T"}, "key": {"file": "k"}})


def test_docker_is_called_with_all_there_is(tmp_path: Path) -> None:
    node = Node(tmp_path, everything(), "docker", "0\n")
    (node.run / "secrets/token").write_bytes(b"t0'k3n \n\n")
    assert node.job("all") == 0, node.said
    call = node.call()
    assert call[:5] == ["run", "--init", "--name", "imgc-77-1-1", "-e"]
    pairs = list(pairwise(call))
    for pair in (
        ("-e", "A=a 'b' \"c\"\n$(d)"), ("-e", "B="), ("-e", "TOKEN"), ("-w", "/my work"), ("-u", "1:2"),
        ("--cpus", "1.5"), ("--memory", f"{1 << 30}b"), ("--shm-size", "4096b"), ("--network", "none"),
        ("--gpus", '"device=1,3"'), ("--cap-add", "SYS_NICE"), ("--entrypoint", "/bin/sh"),
        ("--mount", f"type=bind,source={tmp_path}/a b/data,destination=/data,readonly"),
        ("--mount", "type=bind,source=/home/me/x,destination=/x"),
        ("--mount", 'type=bind,"source=/a,""b""",destination=/y'),
        ("--mount", f"type=bind,source={node.run}/secrets/key,destination=/run/secrets/key,readonly"),
        ("--mount", f'type=bind,source={node.run}/secrets/key,"destination=/etc/a,b",readonly'),
    ):  # fmt: skip
        assert pair in pairs
    assert call[-3:] == ["debian:bookworm-slim", "-ec", 'echo "it\'s" $X']
    assert "-i" in call
    assert node.variables()["TOKEN"] == "t0'k3n \n"
    assert (tmp_path / "bin/calls/0.stdin").read_text() == "some text"
    assert node.state(1) == "succeeded"


def test_podman_has_other_words_for_gpus(tmp_path: Path) -> None:
    node = Node(tmp_path, everything(), "podman", "0\n")
    (node.run / "secrets/token").write_text("t")
    assert node.job("all") == 0
    devices = [value for option, value in pairwise(node.call()) if option == "--device"]
    assert devices == ["nvidia.com/gpu=1", "nvidia.com/gpu=3"]


def test_apptainer_is_called_with_what_it_can(tmp_path: Path) -> None:
    plan = everything()
    node = Node(tmp_path / "no", plan, "apptainer", "0\n")
    (node.run / "secrets/token").write_text("t")
    assert node.job("all") == 1
    assert "Apptainer cannot have docker_run_args" in node.said
    plan["nodes"][1]["docker_run_args"] = []
    node = Node(tmp_path / "yes", plan, "apptainer", "0\n")
    (node.run / "secrets/token").write_text("t0k3n\n")
    assert node.job("all") == 0, node.said
    call = node.call()
    assert call[:6] == ["exec", "--containall", "--cleanenv", "--pwd", "/my work", "--nv"]
    assert f"type=bind,source={tmp_path}/yes/a b/data,destination=/data,ro" in call
    assert call[-4:] == ["docker://debian:bookworm-slim", "/bin/sh", "-ec", 'echo "it\'s" $X']
    assert node.variables()["APPTAINERENV_A"] == "a 'b' \"c\"\n$(d)"
    assert node.variables()["APPTAINERENV_TOKEN"] == "t0k3n"
    assert not any("t0k3n" in word for word in call)


@pytest.mark.parametrize(
    ("codes", "on", "accept", "ran", "code", "state"),
    [
        ("1\n1\n0\n", ["error"], [], 3, 0, "succeeded"),
        ("1\n1\n1\n0\n", ["error"], [], 3, 1, "failed"),
        ("1\n5\n", ["error"], [5], 2, 0, "succeeded"),
        ("137\n0\n", ["error"], [], 1, 1, "failed"),  # out of memory, says the engine
        ("137\n0\n", ["oom"], [], 2, 0, "succeeded"),
        ("1\n0\n", ["oom", "timeout"], [], 1, 1, "failed"),
    ],
)
def test_attempts(
    codes: str, on: list[str], accept: list[int], ran: int, code: int, state: str, tmp_path: Path
) -> None:
    retry = {"attempts": 3, "backoff": 0.01, "on": on, "mem_factor": 2}
    plan = plans.plan(serial(run("a", retry=retry, accept_return_code=accept, mem=1000)))
    node = Node(tmp_path, plan, "docker", codes)
    assert node.job("a") == code
    assert len(list((tmp_path / "bin/calls").glob("*.args"))) == ran
    assert node.state(1) == state
    memory = [node.call(number)[node.call(number).index("--memory") + 1] for number in range(ran)]
    assert memory == ["1000b", "2000b", "4000b"][:ran]


def test_a_suppressed_failure_is_fine_and_a_job_without_an_engine_is_not(tmp_path: Path) -> None:
    plan = plans.plan(serial(run("a", suppress_errors=True)))
    node = Node(tmp_path / "one", plan, "docker", "1\n")
    assert (node.job("a"), node.state(1)) == (0, "failed")
    node = Node(tmp_path / "two", plan, "podman")
    shutil.rmtree(tmp_path / "two/bin")
    environment = node.run / "environment"
    environment.write_text("PATH=/nowhere\nproject=/\n")
    assert node.job("a") != 0


def test_a_job_reserves_what_its_leaf_may_need(tmp_path: Path) -> None:
    retry = {"attempts": 3, "backoff": 10, "mem_factor": 1.5}
    leaf = run("a", cpu=1.2, mem=100 << 20, gpu=2, max_time=50, retry=retry)
    Node(tmp_path, plans.plan(serial(leaf)), "docker")
    (script,) = (tmp_path / "run/jobs").glob("*a.sh")
    options = [
        line.split(" ", 1)[1] for line in script.read_text().splitlines() if line.startswith("#SBATCH")
    ]
    assert options[1:] == ["--ntasks=1", "--cpus-per-task=2", "--mem=225M", "--time=9", "--gres=gpu:2"]
