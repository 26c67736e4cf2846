"""Runs that are cut off, on a real engine: nothing is lost, nothing committed runs again, nothing is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import plans
import pytest
from plans import parallel, run, serial
from projects import Project, project_on

from imgc_engine import api
from imgc_engine.events import NodeChanged
from imgc_engine.failures import Code
from imgc_engine.run.logs import read

CHILD = Path(__file__).with_name("child_run.py")


@pytest.fixture
def project(engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    with project_on(engine, tmp_path, monkeypatch) as made:
        yield made


def traced(name: str, script: str = "true", **settings: Any) -> dict[str, Any]:
    """A leaf that leaves a line in /trace when it runs."""
    mounts = [{"src": "trace", "dst": "/trace", "read_only": False}]
    return run(name, f"echo {name} >> /trace/all; {script}", mounts=mounts, **settings)


def start(project: Project, tree: dict[str, Any], *arguments: str, **env: str) -> subprocess.Popen[str]:
    (project.root / "trace").mkdir(exist_ok=True)
    plan = project.root / "plan.json"
    plan.write_text(json.dumps(plans.plan(tree)))
    return subprocess.Popen(
        [sys.executable, str(CHILD), str(plan), str(project.root), *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def trace(project: Project) -> list[str]:
    return (project.root / "trace/all").read_text().split()


def resume(project: Project, tree: dict[str, Any], run_id: str = "") -> api.Result:
    project.events.clear()
    result = api.run(
        plans.plan(tree), project.root / "compiled", project.root, resume=run_id, listener=project.hear
    )
    assert result.problem == ""
    assert project.containers(result.run) == []
    return result


KILLS = [f"{number}:{moment}" for number in range(1, 9) for moment in ("before", "after")]


@pytest.mark.parametrize("kill_at", KILLS)
def test_kill_9_at_any_write_loses_nothing_and_repeats_nothing(project: Project, kill_at: str) -> None:
    tree = serial(parallel(traced("a", "sleep 0.3"), traced("b"), name="p"), traced("c"))
    child = start(project, tree, KILL_AT=kill_at)
    output, _ = child.communicate(timeout=60)
    assert child.returncode in (-signal.SIGKILL, 0), output
    if not list((project.root / ".imgc/runs").glob("*/plan.json")):
        return  # killed before there was a run
    result = resume(project, tree)
    assert result.code == Code.FINE, result
    assert sorted(trace(project)) == ["a", "b", "c"]
    assert trace(project)[-1] == "c"


def wait_for(path: Path, text: str) -> None:
    deadline = time.monotonic() + 30
    while not path.exists() or text not in path.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_running_container_is_taken_over_with_its_whole_log(project: Project) -> None:
    tree = serial(
        traced("a", "for n in $(seq 30); do echo line $n; sleep 0.1; done; exit 3", accept_return_code=[3])
    )
    child = start(project, tree)
    wait_for(project.root / "trace/all", "a")
    time.sleep(0.5)
    child.kill()
    child.wait()
    result = resume(project, tree)
    assert result.code == Code.FINE, result
    assert trace(project) == ["a"]
    assert result.folder is not None
    log = b"".join(text for _, _, text in read(result.folder / "logs/a/1.log"))
    assert log == b"".join(b"line %d\n" % n for n in range(1, 31))


def test_a_container_that_ended_meanwhile_gives_its_exit_code(project: Project) -> None:
    tree = serial(traced("a", "sleep 1; echo said; exit 7"))
    child = start(project, tree)
    wait_for(project.root / "trace/all", "a")
    child.kill()
    child.wait()
    time.sleep(2)
    result = resume(project, tree)
    assert result.code == Code.STEP_FAILED
    assert result.failures[0].exit_code == 7
    assert result.failures[0].last_lines == ("said",)
    assert trace(project) == ["a"]


def test_after_a_failure_what_was_fine_is_not_run_again(project: Project) -> None:
    (project.root / "trace").mkdir()
    tree = serial(
        traced("a"), traced("b", "test -e /trace/repaired"), traced("c"), traced("d", when="always")
    )
    first = project.run(tree)
    assert first.code == Code.STEP_FAILED
    (project.root / "trace/repaired").touch()
    assert resume(project, tree, first.run).code == Code.FINE
    assert trace(project) == ["a", "b", "d", "b", "c", "d"]
    assert "a" in {event.path for event in project.events if isinstance(event, NodeChanged)}
    again = resume(project, tree)
    assert again.code == Code.FINE
    assert trace(project) == ["a", "b", "d", "b", "c", "d"]


def test_an_interrupted_run_goes_on(project: Project) -> None:
    tree = serial(traced("a"), traced("b", "sleep 3"), traced("c"))
    child = start(project, tree)
    wait_for(project.root / "trace/all", "b")
    child.send_signal(signal.SIGINT)
    output, _ = child.communicate(timeout=60)
    assert child.returncode == 130, output
    assert '"interrupted"' in output
    assert resume(project, tree).code == Code.FINE
    assert trace(project) == ["a", "b", "b", "c"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_signals_are_the_same(project: Project, number: signal.Signals) -> None:
    tree = serial(traced("a", "sleep 60"))
    child = start(project, tree)
    wait_for(project.root / "trace/all", "a")
    child.send_signal(number)
    child.communicate(timeout=60)
    assert child.returncode == 130
    run_id = next((project.root / ".imgc/runs").iterdir()).name
    assert project.containers(run_id) == []


def test_two_signals_are_immediate(project: Project) -> None:
    tree = serial(traced("a", "trap '' TERM INT; while :; do sleep 1; done"))
    child = start(project, tree)
    wait_for(project.root / "trace/all", "a")
    child.send_signal(signal.SIGINT)
    time.sleep(0.3)
    begin = time.monotonic()
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=60)
    assert time.monotonic() - begin < 5
    assert child.returncode == 130
    run_id = next((project.root / ".imgc/runs").iterdir()).name
    assert project.containers(run_id) == []


def test_a_run_that_runs_is_not_resumed(project: Project) -> None:
    tree = serial(traced("a", "sleep 2"))
    child = start(project, tree)
    wait_for(project.root / "trace/all", "a")
    result = api.run(plans.plan(tree), project.root, project.root, resume="", listener=project.hear)
    assert result.code == Code.USAGE
    assert "Another process is running" in result.problem
    child.communicate(timeout=60)
    assert child.returncode == 0
    assert trace(project) == ["a"]


def test_there_is_nothing_to_resume(project: Project) -> None:
    result = api.run(plans.plan(run("a")), project.root, project.root, resume="", listener=project.hear)
    assert result.code == Code.USAGE
    assert result.problem == "Nothing was run here yet."
