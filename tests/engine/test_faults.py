"""Runs while the engine, the connection to it, the disk or the machine's memory fail: real faults."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docker
import plans
import pytest
from plans import parallel, run, serial
from projects import Project, project_on
from proxy import Proxy
from test_resume import start

from imgc_engine.events import NodeChanged
from imgc_engine.failures import Code
from imgc_engine.run.logs import read


@pytest.fixture
def project(engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    with project_on(engine, tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
def proxied(engine: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """The project's engine behind a proxy."""
    with tempfile.TemporaryDirectory() as folder:  # short: a socket's path has at most 107 bytes
        proxy = Proxy(Path(folder, "p.sock"), engine.env["DOCKER_HOST"].removeprefix("unix://"))
        monkeypatch.setenv("DOCKER_HOST", f"unix://{proxy.path}")
        yield proxy
        proxy.close()


def at_output(project: Project, do: Any, after: int = 1) -> None:
    """Do it once, when so many pieces of output have come."""
    left = after

    def count() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            do()

    project.on_output = count


LINES = "for n in $(seq 60); do echo line $n; sleep 0.05; done; exit 3"
ALL_LINES = b"".join(b"line %d\n" % n for n in range(1, 61))


def test_a_cut_connection_loses_no_line_and_no_exit_code(project: Project, proxied: Proxy) -> None:
    at_output(project, proxied.cut, after=5)
    result = project.run(serial(run("a", LINES)))
    assert result.failures[0].exit_code == 3
    assert project.printed("a") == ALL_LINES
    assert result.folder is not None
    assert b"".join(text for _, _, text in read(result.folder / "logs/a/1.log")) == ALL_LINES


def test_an_engine_that_cannot_be_reached_for_a_while_is_waited_for(project: Project, proxied: Proxy) -> None:
    def away() -> None:
        proxied.refusing = True
        proxied.cut()
        threading.Timer(4, lambda: setattr(proxied, "refusing", False)).start()

    at_output(project, away, after=5)
    result = project.run(serial(run("a", LINES, accept_return_code=[3]), run("b", "echo then")))
    assert result.code == Code.FINE, result
    assert project.printed("a") == ALL_LINES
    assert project.printed("b") == b"then\n"


def test_connections_that_are_cut_all_the_time_start_nothing_twice(project: Project, proxied: Proxy) -> None:
    (project.root / "trace").mkdir()
    mounts = [{"src": "trace", "dst": "/trace", "read_only": False}]
    leaves = [run(f"n{n}", f"echo {n} >> /trace/{n}; echo said {n}", mounts=mounts) for n in range(6)]
    over = threading.Event()

    def cutting() -> None:
        while not over.wait(0.35):
            proxied.cut()

    threading.Thread(target=cutting, daemon=True).start()
    try:
        result = project.run(parallel(*leaves))
    finally:
        over.set()
    assert result.code == Code.FINE, result
    for n in range(6):
        assert (project.root / f"trace/{n}").read_text() == f"{n}\n"
        assert project.printed(f"n{n}") == b"said %d\n" % n


def test_a_slow_engine_changes_nothing_but_the_time(project: Project, proxied: Proxy) -> None:
    proxied.delay = 0.2
    result = project.run(serial(run("a", "echo 1"), run("b", "echo 2; exit 5")))
    assert result.code == Code.STEP_FAILED
    assert project.printed("a") == b"1\n"


@contextmanager
def project_on_own(own: Any, root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    client = docker.DockerClient(base_url=own.host, timeout=60)
    real = SimpleNamespace(env={**os.environ, **own.variables()}, client=client)
    with project_on(real, root, monkeypatch) as made:
        yield made
    client.close()


BUSYBOX = {"box": plans.image("busybox:1.35")}


def kill_engine(own: Any) -> None:
    for pid in own.processes("dockerd", "containerd"):
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_an_engine_that_dies_and_comes_back(
    own_engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """What it took with it is told apart from a failure of the user's, and repeated where that is allowed."""
    (tmp_path / "project").mkdir()
    with project_on_own(own_engine, tmp_path / "project", monkeypatch) as project:
        project.images |= BUSYBOX

        def fault() -> None:
            if how == "kill":
                kill_engine(own_engine)
            else:
                for pid in own_engine.processes("dockerd"):
                    os.kill(pid, signal.SIGTERM)
                    while own_engine.processes("dockerd"):
                        time.sleep(0.1)
            threading.Thread(target=own_engine.start).start()

        at_output(project, lambda: threading.Thread(target=fault).start(), after=2)
        again = run("again", "echo begun; sleep 8; echo done", retry={"attempts": 2})
        once = run("once", "echo begun; sleep 8; echo done")
        result = project.run(serial(parallel(again, once, name="p"), run("z")))
        states = [
            (event.path, event.state)
            for event in project.events
            if isinstance(event, NodeChanged) and event.path.startswith("p/")
        ]
        assert result.code in (Code.ENVIRONMENT, Code.FINE), (result, states)
        assert project.nodes["p/again"] == "succeeded", states
        assert project.nodes["p/once"] in ("error", "succeeded")
        if project.nodes["p/once"] == "error":
            assert "killed" in result.failures[0].message
            assert project.nodes["z"] == "omitted"


def test_an_engine_that_does_not_come_back_is_an_end(
    own_engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imgc_engine.run.steady.Steady.__init__.__defaults__", (3.0,))
    (tmp_path / "project").mkdir()
    with project_on_own(own_engine, tmp_path / "project", monkeypatch) as project:
        project.images |= BUSYBOX
        at_output(project, lambda: threading.Thread(target=own_engine.stop).start())
        project.client = SimpleNamespace(
            containers=SimpleNamespace(list=lambda **_: []), images=project.client.images
        )
        result = project.run(serial(run("a", "echo begun; sleep 60"), run("b")))
        assert result.code == Code.ENVIRONMENT
        assert "did not come back" in result.failures[0].message or "killed" in result.failures[0].message
        own_engine.start()


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "tiny"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_below_the_logs_is_said_and_nothing_is_left(project: Project, tiny_disk: Path) -> None:
    project.root = tiny_disk
    flood = run("flood", "head -c 3000000 /dev/zero | tr '\\0' x")
    result = project.run(serial(run("a", "echo fine"), flood, run("z")))
    assert result.code == Code.ENVIRONMENT
    assert "No space left on device" in repr(result)


def test_a_flood_of_output_needs_little_memory(project: Project) -> None:
    script = "head -c 100000000 /dev/zero | tr '\\0' y | fold -w 100"
    child = start(project, run("flood", script))
    peak = 0
    assert child.stdout is not None
    for number, _ in enumerate(child.stdout):
        if number % 200 == 0:
            status = Path(f"/proc/{child.pid}/status").read_text()
            peak = max(peak, int(status.partition("VmRSS:")[2].split()[0]))
    assert child.wait() == 0
    assert peak < 150_000  # kB
    log = next((project.root / ".imgc/runs").glob("*/logs/1.log"))
    assert sum(len(text) for _, _, text in read(log)) == 101_000_000 - 1
