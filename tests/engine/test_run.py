"""Nodes of hand-written plans, run on a real engine."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import plans
import pytest
from plans import parallel, run, serial
from projects import Project, project_on

from imgc_engine.events import NodeChanged, RunEnded, RunStarted
from imgc_engine.failures import Code
from imgc_engine.interrupt import Interrupt
from imgc_engine.run.logs import read


@pytest.fixture
def project(engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    with project_on(engine, tmp_path, monkeypatch) as made:
        yield made


def test_nodes_run_in_order_and_say_so(project: Project) -> None:
    result = project.run(
        serial(run("a", "echo one"), parallel(run("x", "echo two >&2"), name="p"), run("z", "echo three"))
    )
    assert result.code == Code.FINE, result
    assert set(project.nodes.values()) == {"succeeded"}
    assert project.printed("a") == b"one\n"
    assert project.printed("p/x") == b"two\n"
    assert [type(event) for event in project.events if isinstance(event, RunStarted)] == [RunStarted]
    assert isinstance(project.events[-1], RunEnded)
    assert result.folder is not None
    entries = list(read(result.folder / "logs/p/x/1.log"))
    assert [(stream, text) for _, stream, text in entries] == [("stderr", b"two\n")]
    journal = [json.loads(line) for line in (result.folder / "journal.jsonl").read_text().splitlines()]
    assert journal[-1].pop("t")  # every record has its time
    assert journal[-1].items() >= {"e": "end", "state": "succeeded", "code": 0}.items()


def test_a_failure_has_its_exit_code_place_and_last_lines(project: Project) -> None:
    result = project.run(serial(run("a", "seq 50; sleep 0.2; echo why >&2; exit 3"), run("b")))
    assert result.code == Code.STEP_FAILED
    assert project.nodes == {"": "failed", "a": "failed", "b": "omitted"}
    failure = next(failure for failure in result.failures if failure.subject == "a")
    assert failure.exit_code == 3
    assert failure.message == "It ended with exit code 3."
    assert str(failure.place) == "pipeline.yaml:2:1"
    assert set(failure.last_lines) >= {"50", "why"}
    assert failure.log is not None
    assert failure.log.exists()


def test_settings_reach_the_container(project: Project) -> None:
    (project.root / "data").mkdir()
    (project.root / "data" / "in").write_text("from the host\n")
    script = """
        exec 2>/dev/null
        cat /data/in; pwd; id -u; echo $A; cd /sys/fs/cgroup
        cat memory/memory.limit_in_bytes || cat memory.max; cat cpu/cpu.cfs_quota_us || cat cpu.max
        df -k /dev/shm | tail -1; ls /sys/class/net; touch /data/x && echo wrote || echo read-only
        cat
    """
    result = project.run(
        run(
            "only",
            script,
            mounts=[{"src": "data", "dst": "/data", "read_only": True}],
            workdir="/opt/w",
            user="1234",
            env={"A": "b c $D"},
            mem=64 << 20,
            cpu=0.5,
            shm_size=32 << 20,
            network="none",
            stdin="typed\n",
        )
    )
    assert result.code == Code.FINE, (result, project.printed(""))
    lines = project.printed("").decode().split("\n")
    assert lines[:4] == ["from the host", "/opt/w", "1234", "b c $D"]
    text = "\n".join(lines)
    assert "67108864" in text
    assert "50000" in text
    assert " 32768 " in text
    assert "eth0" not in text
    assert "read-only" in lines
    assert "typed" in lines


def test_command_not_found_is_127_and_not_executable_126(project: Project) -> None:
    (project.root / "f").write_text("no program")
    mounts = [{"src": "f", "dst": "/f", "read_only": True}]
    result = project.run(
        parallel(
            run("none", ["no-such-command"]), run("no_x", ["/f"], mounts=mounts), run("shell", "no-such")
        )
    )
    codes = {failure.subject: failure.exit_code for failure in result.failures if failure.subject}
    assert codes == {"none": 127, "no_x": 126, "shell": 127}
    messages = {failure.subject: failure.message for failure in result.failures}
    assert messages["none"] == "'no-such-command' was not found in the image."
    assert result.code == Code.STEP_FAILED


def test_accepted_codes_suppressed_errors_and_handlers(project: Project) -> None:
    result = project.run(
        serial(
            run("three", "exit 3", accept_return_code=[3]),
            run("bad", "exit 1", suppress_errors=True),
            run("handler", when="on_failure"),
            run("clean", when="always"),
        )
    )
    assert result.code == Code.FINE
    states = {"three": "succeeded", "bad": "failed", "handler": "skipped", "clean": "succeeded"}
    assert project.nodes == {"": "succeeded", **states}


def test_out_of_memory_is_named_and_retried_with_more(project: Project) -> None:
    eat = "head -c 30m /dev/zero | tail -c 30m | wc -c"  # tail holds all of it
    result = project.run(serial(run("eat", ["sh", "-c", "exec tail /dev/zero"], mem=16 << 20)))
    failure = next(failure for failure in result.failures if failure.subject == "eat")
    assert failure.message == "It ran out of its 16 MiB of memory."
    assert failure.exit_code == 137
    assert str(failure.place) == "pipeline.yaml:2:5"
    retry = {"attempts": 2, "on": ["oom"], "mem_factor": 10}
    command = ["bash", "-c", f"set -o pipefail; {eat}"]
    again = project.run(serial(run("eat", command, mem=16 << 20, retry=retry)))
    assert again.code == Code.FINE, again
    starts = [
        e for e in project.events if isinstance(e, NodeChanged) and (e.path, e.state) == ("eat", "running")
    ]
    assert [start.attempt for start in starts] == [1, 2]


def test_a_child_that_ran_out_of_memory_does_not_fail_a_command_that_exits_0(project: Project) -> None:
    result = project.run(run("only", "tail /dev/zero || echo survived; exit 0", mem=32 << 20))
    assert b"survived\n" in project.printed("")  # the shell's word on standard error may come behind
    assert result.code == Code.FINE


def test_max_time_stops_with_grace_even_what_ignores_it(project: Project) -> None:
    begin = time.monotonic()
    result = project.run(
        parallel(
            run("polite", "trap 'echo bye; exit 0' TERM; sleep 60 & wait", max_time=1),
            run("deaf", "trap '' TERM; while :; do sleep 1; done", max_time=1),
            run("plain", ["sleep", "60"], max_time=1),
        )
    )
    assert time.monotonic() - begin < 25
    assert result.code == Code.STEP_FAILED
    assert set(project.nodes.values()) == {"failed"}
    assert project.printed("polite") == b"bye\n"
    messages = {failure.subject: failure.message for failure in result.failures}
    assert messages["plain"] == "It took longer than its max_time, 1 s."


def test_retry_repeats_in_a_new_container_with_logs_of_its_own(project: Project) -> None:
    result = project.run(
        run(
            "only",
            "test -e /w && exit 5; touch /w; echo $(hostname); exit 1",
            retry={"attempts": 3, "backoff": 0.1},
        )
    )
    assert result.code == Code.STEP_FAILED
    assert result.folder is not None
    hosts = [b"".join(text for _, _, text in read(result.folder / f"logs/{n}.log")) for n in (1, 2, 3)]
    assert len(set(hosts)) == 3
    assert result.failures[0].exit_code == 1


def test_the_image_decides_nothing_about_the_command(project: Project) -> None:
    reference = project.image(
        "app", 'FROM debian:bookworm-slim\nWORKDIR /here\nUSER 77\nENTRYPOINT ["false"]\nCMD ["x"]\n'
    )
    result = project.run(run("only", ["sh", "-c", "pwd; id -u"], image="app"))
    assert result.code == Code.FINE, result
    assert project.printed("") == b"/here\n77\n"
    assert project.client.images.get(reference)


def test_an_image_that_cannot_be_built_starts_no_node(project: Project) -> None:
    project.image("app", "FROM debian:bookworm-slim\nRUN exit 9\n")
    result = project.run(serial(run("a", image="app"), image="app"))
    assert result.code == Code.STEP_FAILED
    assert result.failures[0].subject == "app"
    assert result.run == ""
    assert project.nodes == {}


def test_part_of_a_pipeline(project: Project) -> None:
    tree = serial(run("a"), serial(run("u"), run("i"), name="t"), run("z", skip=True), run("y"))
    project.run(tree, "t/u", "z")
    assert project.nodes == dict.fromkeys(["", "t", "t/u", "z"], "succeeded")
    assert project.run(tree, "nowhere").code == Code.USAGE


@pytest.mark.parametrize("times", [1, 2])
def test_an_interrupt_stops_all_and_leaves_nothing(project: Project, times: int) -> None:
    interrupt = Interrupt()
    begun = 0

    def on_output() -> None:
        nonlocal begun
        begun += 1
        if begun == 2:
            for _ in range(times):
                interrupt.request()

    project.on_output = on_output
    deaf = "trap '' TERM; echo begun; while :; do sleep 1; done"
    tree = serial(
        parallel(run("a", "echo begun; sleep 60"), run("b", deaf), name="p"), run("z", when="always")
    )
    begin = time.monotonic()
    result = project.run(tree, interrupt=interrupt)
    seconds = time.monotonic() - begin
    assert result.code == Code.INTERRUPTED
    states = {"p": "interrupted", "p/a": "interrupted", "p/b": "interrupted", "z": "omitted"}
    assert project.nodes == {"": "interrupted", **states}
    assert seconds < 30 if times == 1 else seconds < 10
    assert isinstance(project.events[-1], RunEnded)
    assert project.events[-1].state == "interrupted"


SECRET = "planted-s3cr3t-value"


def test_run_secrets_arrive_and_show_nowhere(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGC_TEST_TOKEN", SECRET)
    (project.root / "token").write_text(SECRET + "\n")
    project.secrets |= {"e": {"env": "IMGC_TEST_TOKEN"}, "f": {"file": "token"}}
    uses = [
        {"name": "e", "env": "TOKEN", "target": None},
        {"name": "f", "env": "FILED", "target": None},
        {"name": "f", "env": None, "target": None},
        {"name": "e", "env": None, "target": "/etc/other/e"},
        {"name": "f", "env": None, "target": "named"},
    ]
    script = """
        echo "$TOKEN"; test "$FILED" = "$TOKEN"; cat /run/secrets/f /etc/other/e /run/secrets/named; echo
        printf plan; sleep 0.3; printf 'ted-s3cr'; sleep 0.3; echo '3t-value'
        touch /run/secrets/f 2>&1 || true; exit 1
    """
    result = project.run(
        parallel(run("root", script, secrets=uses), run("user", script, secrets=uses, user="1234:5"))
    )
    assert result.code == Code.STEP_FAILED
    for path in ("root", "user"):
        text = project.printed(path).decode()
        assert text.count("***") == 5, text
        failure = next(failure for failure in result.failures if failure.subject == path)
        assert failure.exit_code == 1, failure
    assert SECRET not in repr(project.events)
    assert SECRET not in repr(result)
    for path in (project.root / ".imgc").rglob("*"):
        assert path.is_dir() or SECRET not in path.read_text()
    assert result.run
    assert not list(Path("/dev/shm").glob(f"*{result.run}*"))


REFUSED: list[tuple[dict[str, Any], str, int]] = [
    ({"cpu": 500}, "500 CPUs", 5),
    ({"mem": 1000}, "6 MiB", 5),
    ({"network": "no-such-network"}, "no network 'no-such-network'", 5),
    ({"mounts": [{"src": "nowhere", "dst": "/x", "read_only": False}]}, "no 'nowhere' to mount", 5),
    ({"requires_docker": True}, "--allow docker-socket", 5),
    ({"mounts": [{"src": "/var/run", "dst": "/x", "read_only": True}]}, "--allow docker-socket", 5),
    ({"docker_run_args": ["--privileged"]}, "--allow docker-socket", 5),
    ({"docker_run_args": ["-v", "/:/host"]}, "--allow docker-socket", 5),
    ({"docker_run_args": ["--cpus=3"]}, "key of its own: cpu", 5),
    ({"docker_run_args": ["--rm"]}, "for imgc to decide", 5),
    ({"docker_run_args": ["--frobnicate"]}, "not known", 5),
    ({"secrets": [{"name": "gone", "env": "X", "target": None}]}, "nothing of a secret 'gone'", 5),
]


@pytest.mark.parametrize(("settings", "words", "column"), REFUSED, ids=[words for _, words, _ in REFUSED])
def test_what_cannot_be_honoured_is_refused_at_its_place(
    project: Project, settings: dict[str, Any], words: str, column: int
) -> None:
    result = project.run(serial(run("fine"), run("bad", **settings)))
    assert result.code == Code.USER_FILE
    (refusal,) = result.refusals
    assert words in refusal.message
    assert str(refusal.place) == f"pipeline.yaml:3:{column}"
    assert project.events == []


def test_what_is_skipped_is_not_refused(project: Project) -> None:
    assert project.run(serial(run("bad", cpu=500, skip=True), run("fine"))).code == Code.FINE


def test_the_engine_in_a_container_when_it_is_allowed(project: Project) -> None:
    socket = run("only", "test -S /var/run/docker.sock && echo yes", requires_docker=True)
    result = project.run(socket, allow=["docker-socket"])
    assert project.printed("") == b"yes\n", result


def test_docker_run_args(project: Project) -> None:
    arguments = [
        "--cap-drop=ALL", "--hostname", "box", "-e", "X=1 2", "--tmpfs", "/fast:size=1m", "--ulimit", "nofile=99:100",
        "--add-host=there:10.1.2.3", "--read-only", "-v", "./data:/data:ro", "--label", "mine=1", "--pids-limit", "64",
        "--sysctl=net.ipv4.ip_unprivileged_port_start=0", "--stop-signal", "SIGINT",
    ]  # fmt: skip
    (project.root / "data").mkdir()
    (project.root / "data" / "in").write_text("mounted\n")
    script = """
        hostname; echo "$X"; df -k /fast | tail -1 | awk '{print $2}'; ulimit -n
        grep there /etc/hosts | cut -f1; touch /y 2>/dev/null || echo read-only
        cat /data/in; grep CapEff /proc/self/status
    """
    result = project.run(run("only", script, docker_run_args=arguments))
    assert result.code == Code.FINE, (result, project.printed(""))
    lines = project.printed("").decode().splitlines()
    assert lines[:7] == ["box", "1 2", "1024", "99", "10.1.2.3", "read-only", "mounted"]
    assert lines[7].split() == ["CapEff:", "0000000000000000"]


def test_binary_output_and_a_long_line_come_through_whole(project: Project) -> None:
    script = "printf '\\377\\000\\033[31m'; head -c 10000000 /dev/zero | tr '\\0' x; printf end"
    result = project.run(run("only", script))
    assert result.code == Code.FINE
    assert project.printed("") == b"\xff\x00\x1b[31m" + b"x" * 10_000_000 + b"end"
    assert result.folder is not None
    assert b"".join(text for _, _, text in read(result.folder / "logs/1.log")) == project.printed("")


def test_a_container_killed_by_somebody_is_not_the_users_failure(project: Project) -> None:
    def kill() -> None:
        run_id = next(event.run for event in project.events if isinstance(event, RunStarted))
        for container in project.containers(run_id):
            container.kill()

    project.on_output = kill
    result = project.run(run("only", "echo begun; sleep 60"))
    assert result.code == Code.ENVIRONMENT
    assert "killed" in result.failures[0].message
    assert project.nodes == {"": "error"}
    project.on_output = None
    own = project.run(run("only", "echo begun; kill -9 $$"))
    assert own.code == Code.STEP_FAILED
    assert own.failures[0].message == "It ended with exit code 137 (SIGKILL)."


def test_two_runs_at_once_are_apart(project: Project) -> None:
    import threading

    results = []
    tree = serial(run("a", "sleep 1; echo done"))
    plan = plans.plan(tree)
    from imgc_engine import api

    def one() -> None:
        results.append(api.run(plan, project.root, project.root, listener=lambda _event: None))

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result.code for result in results] == [Code.FINE] * 2
    assert results[0].run != results[1].run


def test_the_limits_of_the_machine_and_the_user_hold(project: Project) -> None:
    project.run(parallel(*[run(f"n{n}", "sleep 0.3") for n in range(4)]), max_parallel=1)
    running = most = 0
    for event in project.events:
        if isinstance(event, NodeChanged) and event.path:
            running += 1 if event.state == "running" else -1
            most = max(most, running)
    assert most == 1
