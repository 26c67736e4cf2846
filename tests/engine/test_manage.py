"""Runs seen, read, stopped and cleaned up from elsewhere, on a real engine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from plans import parallel, run, serial
from projects import Project, project_on
from test_resume import start, trace, traced, wait_for

from imgc_engine import manage
from imgc_engine.failures import Code
from imgc_engine.run.selection import UnknownNode
from imgc_engine.run.store import UnknownRun


@pytest.fixture
def project(engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    with project_on(engine, tmp_path, monkeypatch) as made:
        yield made


def test_ps_and_logs_of_runs_that_ended(project: Project) -> None:
    with pytest.raises(UnknownRun):
        list(manage.logs(project.root, "", "a"))
    project.run(serial(run("a", "echo 1; echo 2 >&2; exit 4", retry={"attempts": 2}), run("b")))
    project.run(serial(run("a", "echo one")))
    first, second = manage.runs(project.root)
    assert (first.state, second.state, second.pid) == ("failed", "succeeded", None)
    nodes = {node.path: (node.state, node.attempt, node.message) for node in first.nodes}
    assert nodes["a"] == ("failed", 2, "It ended with exit code 4.")
    assert nodes["b"][0] == "omitted"
    assert [text for _, _, text in manage.logs(project.root, "", "a")] == [b"one\n"]
    entries = [(stream, text) for _, stream, text in manage.logs(project.root, first.run, "a", attempt=1)]
    assert sorted(entries) == [("stderr", b"2\n"), ("stdout", b"1\n")]
    assert manage.nodes_with_logs(project.root, first.run) == ["a"]
    for node, attempt, why in [
        ("b", 0, "b has no log in the run .*: omitted: What it waits for failed, or was left out."),
        ("a", 7, "a has no log in the run .*: there is no attempt 7"),
        ("aa", 0, "no node 'aa'. Did you mean 'a'?"),
    ]:
        with pytest.raises(UnknownNode, match=why):
            list(manage.logs(project.root, first.run, node, attempt=attempt))


def test_following_and_stopping_a_run_of_another_process(project: Project) -> None:
    tree = serial(traced("a", "for n in 1 2 3; do echo $n; sleep 0.5; done"), traced("b", "sleep 60"))
    child = start(project, tree)
    wait_for(project.root / "trace/all", "a")
    assert manage.runs(project.root)[0].state == "running"
    assert manage.runs(project.root)[0].pid == child.pid
    followed = [text for _, _, text in manage.logs(project.root, "", "a", follow=True)]
    assert followed == [b"1\n", b"2\n", b"3\n"]
    wait_for(project.root / "trace/all", "b")
    threading.Thread(target=child.communicate).start()
    assert "was stopped" in manage.stop(project.root, "")
    assert manage.runs(project.root)[0].state == "interrupted"
    assert "has ended already" in manage.stop(project.root, "")


@pytest.mark.parametrize("how", ["stop", "clean"])
def test_what_a_crash_left_is_removed(project: Project, how: str) -> None:
    tree = parallel(traced("a", "sleep 60"), traced("b", "sleep 60"))
    child = start(project, tree)
    wait_for(project.root / "trace/all", "b")
    wait_for(project.root / "trace/all", "a")
    child.kill()
    child.wait()
    (info,) = manage.runs(project.root)
    assert info.state == "cut off"
    assert len(project.containers(info.run)) == 2
    if how == "stop":
        assert "was removed" in manage.stop(project.root, "")
        assert manage.runs(project.root)[0].state == "interrupted"
    else:
        assert manage.clean(project.root) == manage.Cleaned(2, 0)
        assert manage.runs(project.root)[0].state == "cut off"
    assert project.containers(info.run) == []
    assert sorted(trace(project)) == ["a", "b"]


def test_clean_leaves_what_runs_and_other_projects_alone(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    child = start(project, serial(traced("a", "sleep 4")))
    wait_for(project.root / "trace/all", "a")
    assert manage.clean(project.root, keep=0) == manage.Cleaned(0, 0)
    other = tmp_path_factory.mktemp("other")
    assert manage.clean(other, keep=0) == manage.Cleaned(0, 0)
    child.communicate(timeout=60)
    assert child.returncode == Code.FINE
    assert manage.clean(project.root, keep=1) == manage.Cleaned(0, 0)
    assert manage.clean(project.root, keep=0) == manage.Cleaned(0, 1)
    assert manage.runs(project.root) == []
