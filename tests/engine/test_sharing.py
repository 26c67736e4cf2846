"""Leaves that share containers, on a real engine."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from plans import parallel, run, serial
from projects import Project, project_on
from test_faults import proxied  # noqa: F401
from test_resume import resume, start, trace, traced, wait_for

from imgc_engine.events import NodeChanged, RunStarted
from imgc_engine.failures import Code
from imgc_engine.interrupt import Interrupt
from imgc_engine.run.logs import read

SHARED = {"mode": "group", "group": ""}
IN_G = {"mode": "group", "group": "g"}
POOL = {"mode": "pool", "group": None}


@pytest.fixture
def project(engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    with project_on(engine, tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
def on_any(any_engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    with project_on(any_engine, tmp_path, monkeypatch) as made:
        yield made


def shared(name: str, command: str | list[str] = "true", **settings: Any) -> dict[str, Any]:
    return run(name, command, container=SHARED, **settings)


def messages(result: Any) -> dict[str, str]:
    return {failure.subject: failure.message for failure in result.failures if failure.subject}


def test_what_a_leaf_leaves_behind_is_there_for_the_next(on_any: Project) -> None:
    """A file, an installed program, and a server that runs on; their logs are their own."""
    server = 'import http.server as h; h.HTTPServer(("", 8123), h.SimpleHTTPRequestHandler).serve_forever()'
    up = 'import socket; socket.create_connection(("localhost", 8123))'
    serve = f"cd /; python3 -c '{server}' >/dev/null 2>&1 & until python3 -c '{up}' 2>/dev/null; do sleep 0.1; done"
    on_any.image("python", "FROM python:3.11-slim-bookworm\n")
    ask = 'import urllib.request as u; print(u.urlopen("http://localhost:8123/w/state").read().decode())'
    result = on_any.run(
        serial(
            shared(
                "write",
                "mkdir /w; echo kept > /w/state; cp /bin/cat /usr/bin/other; hostname",
                image="python",
            ),
            shared("serve", serve, image="python"),
            shared("ask", ["python3", "-c", ask], image="python"),
            shared("again", "other /w/state; hostname", image="python"),
            run("apart", "ls /w 2>/dev/null || echo nothing; hostname", image="python"),
            image="python",
        )
    )
    assert result.code == Code.FINE, result
    host = on_any.printed("write")
    assert on_any.printed("ask") == b"kept\n\n"
    assert on_any.printed("again") == b"kept\n" + host
    assert on_any.printed("apart").startswith(b"nothing\n")
    assert not on_any.printed("apart").endswith(host)


def test_a_failure_in_a_shared_container_is_as_in_ones_own(on_any: Project) -> None:
    (on_any.root / "f").write_text("no program")
    mounts = [{"src": "f", "dst": "/f", "read_only": True}]
    result = on_any.run(
        parallel(
            shared("three", "echo why >&2; exit 3", mounts=mounts),
            shared("none", ["no-such-command"], mounts=mounts),
            shared("no_x", ["/f"], mounts=mounts),
            shared("shell", "no-such", mounts=mounts),
            shared("user", user="nobody-here", mounts=mounts),
            shared("own", "kill -9 $$", mounts=mounts),
            shared("binary", "printf '\\377\\000'; head -c 10000000 /dev/zero | tr '\\0' x", mounts=mounts),
        )
    )
    codes = {failure.subject: failure.exit_code for failure in result.failures if failure.subject}
    assert codes == {"three": 3, "none": 127, "no_x": 126, "shell": 127, "user": None, "own": 137}
    said = messages(result)
    assert said["none"] == "'no-such-command' was not found in the image."
    assert said["no_x"] == "'/f' is not an executable file."
    assert "unable to find user nobody-here" in said["user"]
    assert said["own"] == "It ended with exit code 137 (SIGKILL)."
    assert next(f for f in result.failures if f.subject == "three").last_lines == ("why",)
    assert on_any.printed("binary") == b"\xff\x00" + b"x" * 10_000_000
    assert result.folder is not None
    assert b"".join(text for _, _, text in read(result.folder / "logs/binary/1.log")) == on_any.printed(
        "binary"
    )


def test_settings_of_a_command_hold_in_a_shared_container(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMGC_TEST_TOKEN", "planted-s3cr3t-value")
    project.secrets |= {"t": {"env": "IMGC_TEST_TOKEN"}}
    as_file = [{"name": "t", "env": None, "target": None}]
    as_variable = [{"name": "t", "env": "TOKEN", "target": None}]
    arguments = ["-e", "MORE=1 2", "--hostname", "box"]
    same = {"docker_run_args": arguments, "mem": 64 << 20}
    result = project.run(
        serial(
            shared("a", "pwd; id -u; echo $A $MORE; cat", env={"A": "b $C"}, workdir="/opt/w", user="1234",
                   stdin="typed\n", **same),
            shared("b", "pwd; id -u; echo ${A-unset}; hostname; cat", **same),
            shared("file", "cat /run/secrets/t; test ${TOKEN-unset} = unset", secrets=as_file, **same),
            shared("other", "cat /run/secrets/t", secrets=as_file, user="1234:5", **same),
            shared("variable", "echo $TOKEN", secrets=as_variable, **same),
        )
    )  # fmt: skip
    assert result.code == Code.FINE, (result, project.printed("a"), project.printed("other"))
    assert project.printed("a") == b"/opt/w\n1234\nb $C 1 2\ntyped\n"
    assert project.printed("b") == b"/\n0\nunset\nbox\n"
    assert project.printed("file") == project.printed("other") == b"***"
    assert project.printed("variable") == b"***\n"
    assert not list(Path("/dev/shm").glob(f"*{result.run}*"))


def test_the_images_own_user_and_folder_hold(project: Project) -> None:
    project.image("app", "FROM debian:bookworm-slim\nRUN mkdir /here\nWORKDIR /here\nENV X=1\nUSER 77\n")
    tree = serial(
        shared("a", "pwd; id -u; echo $X", image="app"),
        shared("b", "id -u; pwd", image="app", user="0", workdir="/n"),
        image="app",
    )
    assert project.run(tree).code == Code.FINE
    assert project.printed("a") == b"/here\n77\n1\n"
    assert project.printed("b") == b"0\n/n\n"


def test_a_pool_hands_on_containers_that_were_left_well(project: Project) -> None:
    def pooled(name: str, then: str = "true", **settings: Any) -> dict[str, Any]:
        return run(name, f"hostname; {then}", container=POOL, **settings)

    result = project.run(
        serial(
            pooled("a"),
            pooled("b"),
            pooled("small", mem=64 << 20),
            pooled("bad", "exit 1", suppress_errors=True),
            pooled("after"),
            parallel(pooled("x", "sleep 1"), pooled("y", "sleep 1"), name="p"),
        )
    )
    assert result.code == Code.FINE, result
    hosts = {path: project.printed(path) for path in ("a", "b", "small", "bad", "after", "p/x", "p/y")}
    assert hosts["a"] == hosts["b"] == hosts["bad"]
    assert hosts["small"] != hosts["a"]
    assert hosts["after"] != hosts["bad"]
    assert hosts["p/x"] != hosts["p/y"]
    assert hosts["after"] in (hosts["p/x"], hosts["p/y"])


def test_a_group_that_is_tried_again_gets_a_new_container_and_a_leaf_does_not(project: Project) -> None:
    leaf = run("leaf", "test -e /w || { touch /w; exit 1; }; hostname", container=IN_G, retry={"attempts": 2})
    group = serial(leaf, run("once", "test -e /v && exit 1; touch /v; hostname", container=IN_G),
                   run("bad", "hostname; exit 1", container=IN_G), name="g", retry={"attempts": 2})  # fmt: skip
    result = project.run(serial(group))
    assert result.code == Code.STEP_FAILED
    assert messages(result)["g/bad"] == "It ended with exit code 1."
    assert len(set(project.printed("g/bad").split())) == 2
    assert (
        project.printed("g/leaf").split()
        == project.printed("g/once").split()
        == project.printed("g/bad").split()
    )


def test_a_group_within_has_a_container_of_its_own(project: Project) -> None:
    inner = {"mode": "group", "group": "g"}
    tree = serial(
        shared("a", "hostname"),
        serial(run("b", "hostname", container=inner), run("c", "hostname", container=inner), name="g"),
        shared("d", "hostname"),
    )
    assert project.run(tree).code == Code.FINE
    hosts = [project.printed(path) for path in ("a", "g/b", "g/c", "d")]
    assert hosts[0] == hosts[3] != hosts[1] == hosts[2]


LEAVES_CHILDREN = """
    trap '' TERM
    (trap '' TERM; while :; do sleep 0.2; done) &
    setsid sh -c 'while :; do sleep 0.2; done' &
    (env -i sh -c 'while :; do sleep 0.2; done') &
    echo begun; while :; do sleep 0.2; done
"""
COUNT = (
    "for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline 2>/dev/null; echo; done | grep -c '[w]hile' || true"
)


def test_max_time_ends_all_that_the_command_started_and_nothing_else(project: Project) -> None:
    server = "setsid sh -c 'while :; do sleep 0.3; done' >/dev/null 2>&1 & echo up"
    result = project.run(
        serial(
            shared("server", server),
            shared("polite", "trap 'echo bye; exit 0' TERM; sleep 60 & wait", max_time=0.7, suppress_errors=True),
            shared("deaf", LEAVES_CHILDREN, max_time=0.7,
                   suppress_errors=True),
            shared("user", ["sleep", "60"], max_time=0.7, user="1234", suppress_errors=True),
            shared("count", COUNT),
        )
    )  # fmt: skip
    assert result.code == Code.FINE, result
    assert project.nodes["deaf"] == project.nodes["polite"] == project.nodes["user"] == "failed"
    assert project.printed("polite") == b"bye\n"
    assert project.printed("count") == b"1\n"  # the server


@pytest.mark.parametrize("times", [1, 2])
def test_an_interrupt_ends_what_shares_a_container_too(project: Project, times: int) -> None:
    interrupt = Interrupt()

    def on_output() -> None:
        project.on_output = None
        for _ in range(times):
            interrupt.request()

    project.on_output = on_output
    tree = serial(
        shared("a", "trap '' TERM; echo begun; while :; do sleep 1; done"), shared("z", when="always")
    )
    begin = time.monotonic()
    result = project.run(tree, interrupt=interrupt)
    assert result.code == Code.INTERRUPTED
    assert project.nodes == {"": "interrupted", "a": "interrupted", "z": "omitted"}
    assert time.monotonic() - begin < (30 if times == 1 else 10)


def test_out_of_memory_in_a_shared_container_is_named(project: Project) -> None:
    tree = serial(
        shared("eat", ["tail", "/dev/zero"], mem=32 << 20, suppress_errors=True), shared("next", mem=32 << 20)
    )
    result = project.run(tree)
    assert result.code == Code.FINE, result
    said = [
        e.message
        for e in project.events
        if isinstance(e, NodeChanged) and (e.path, e.state) == ("eat", "failed")
    ]
    assert said == ["It ran out of the memory of the container that it shares."]


def test_a_container_that_ends_takes_its_leaves_with_it(project: Project) -> None:
    def kill() -> None:
        run_id = next(event.run for event in project.events if isinstance(event, RunStarted))
        for container in project.containers(run_id):
            container.kill()

    project.on_output = kill
    result = project.run(serial(shared("a", "echo begun; sleep 60", retry={"attempts": 3}), shared("z")))
    assert result.code == Code.ENVIRONMENT
    assert messages(result)["a"] == "The container that it shares has ended, and what was in it is gone."
    assert project.nodes == {"": "error", "a": "error", "z": "omitted"}
    pooled = run("a", "echo begun; sleep 1", container=POOL, retry={"attempts": 2})

    def once() -> None:
        project.on_output = None
        kill()

    project.on_output = once
    assert project.run(serial(pooled)).code == Code.FINE


def test_an_image_without_sleep_cannot_be_shared(project: Project) -> None:
    project.image("bare", "FROM busybox:1.35 AS b\nFROM scratch\nCOPY --from=b /bin/busybox /only/busybox\n")
    tree = serial(
        shared("a", ["/only/busybox", "echo", "said"], image="bare"),
        shared("b", ["/only/busybox", "true"], image="bare"),
        image="bare",
    )
    result = project.run(tree)
    assert result.code == Code.ENVIRONMENT
    assert "has no 'sleep'" in messages(result)["a"]
    assert (
        project.run(serial(run("a", ["/only/busybox", "echo", "said"], image="bare"), image="bare")).code
        == Code.FINE
    )


def test_without_a_shell_the_whole_container_is_stopped(project: Project) -> None:
    project.image("bare", "FROM busybox:1.35 AS b\nFROM scratch\nCOPY --from=b /bin/busybox /bin/sleep\n")
    tree = serial(
        shared("a", ["sleep", "60"], image="bare", max_time=0.5, suppress_errors=True), image="bare"
    )
    begin = time.monotonic()
    assert project.run(tree).code == Code.FINE
    assert project.nodes["a"] == "failed"
    assert time.monotonic() - begin < 20


def test_two_secrets_in_one_place_are_refused(project: Project) -> None:
    project.secrets |= {"x": {"file": "x"}, "y": {"file": "x"}}
    (project.root / "x").write_text("?")
    uses = [{"name": name, "env": None, "target": "t"} for name in ("x", "y")]
    result = project.run(serial(shared("a", secrets=uses[:1]), shared("b", secrets=uses[1:])))
    assert result.code == Code.USER_FILE
    assert [str(refusal.place) for refusal in result.refusals] == ["pipeline.yaml:3:5"]
    assert "/run/secrets/t is another secret" in result.refusals[0].message


# Cut off


def test_a_shared_container_is_taken_over_and_nothing_runs_twice_in_it(project: Project) -> None:
    alone = "mkdir /running || exit 9; sleep 3; rmdir /running"
    tree = serial(
        traced("a", "hostname > /state", container=SHARED),
        traced("b", f"trap 'exit 1' TERM; cat /state; test ! -e /second || exit 0; touch /second; {alone}",
               container=SHARED),
        traced("c", "hostname | cmp - /state", container=SHARED),
    )  # fmt: skip
    child = start(project, tree)
    wait_for(project.root / "trace/all", "b")
    child.kill()
    child.wait()
    result = resume(project, tree)
    assert result.code == Code.FINE, result
    assert trace(project) == ["a", "b", "b", "c"]


def test_what_was_in_a_shared_container_that_is_gone_is_made_again(project: Project) -> None:
    tree = serial(
        traced("a", "touch /state", container=SHARED),
        traced("b", "test -e /state; sleep 3", container=SHARED),
    )
    child = start(project, tree)
    wait_for(project.root / "trace/all", "b")
    child.kill()
    child.wait()
    run_id = next((project.root / ".imgc/runs").iterdir()).name
    for container in project.containers(run_id):
        container.kill()
    result = resume(project, tree)
    assert result.code == Code.FINE, result
    assert trace(project) == ["a", "b", "a", "b"]


KILLS = [f"{number}:{moment}" for number in range(2, 9) for moment in ("before", "after")]


@pytest.mark.parametrize("kill_at", KILLS)
def test_kill_9_at_any_write_with_shared_containers(project: Project, kill_at: str) -> None:
    tree = serial(
        traced("a", "echo 1 >> /state", container=IN_G),
        traced("b", "test -e /state", container=IN_G),
        name="g",
    )
    tree = serial(tree, traced("p", container=POOL), traced("q", container=POOL))
    child = start(project, tree, KILL_AT=kill_at)
    output, _ = child.communicate(timeout=60)
    assert child.returncode in (-signal.SIGKILL, 0), output
    result = resume(project, tree)
    assert result.code == Code.FINE, result
    counts = {name: trace(project).count(name) for name in "abpq"}
    assert max(counts.values()) <= 2
    assert list(dict.fromkeys(trace(project))) == ["a", "b", "p", "q"]


def test_cut_connections_start_nothing_twice_in_shared_containers(project: Project, proxied: Any) -> None:  # noqa: F811
    (project.root / "trace").mkdir()
    leaves = [traced(f"n{n}", f"echo said {n}; exit {n % 3}", container=SHARED) for n in range(6)]
    over = threading.Event()

    def cutting() -> None:
        while not over.wait(0.35):
            proxied.cut()

    threading.Thread(target=cutting, daemon=True).start()
    try:
        result = project.run(parallel(*leaves))
    finally:
        over.set()
    assert len(trace(project)) == len(set(trace(project)))
    for n in range(6):
        state = project.nodes[f"n{n}"]
        assert state in ("error", "failed" if n % 3 else "succeeded"), result
        if state == "error":  # what never started is neither the command's failure nor its success
            assert "connection to the engine was lost" in messages(result)[f"n{n}"]
        else:
            assert f"n{n}" in trace(project)
