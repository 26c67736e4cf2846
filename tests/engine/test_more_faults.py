"""Clocks that jump, disks that are full, secrets that must not show, floods: against a real engine."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from plans import parallel, run, serial
from projects import Project, project_on
from test_faults import BUSYBOX, project_on_own, tiny_disk  # noqa: F401
from test_resume import resume, start, trace, traced, wait_for

from imgc_engine.failures import Code
from imgc_engine.run.logs import read

SHARED = {"mode": "group", "group": ""}


@pytest.fixture
def project(engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    with project_on(engine, tmp_path, monkeypatch) as made:
        yield made


def faked(offset: Path) -> dict[str, str]:
    """The environment of a process whose wall clock is off by what the file says, at any moment."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    return {
        "LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(offset), "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }  # fmt: skip


@pytest.mark.parametrize(("before", "after"), [("+0", "+3600"), ("+3600", "-3600"), ("-86400", "+86400")])
def test_a_clock_that_jumps_changes_nothing(project: Project, before: str, after: str) -> None:
    """Neither deadlines nor waiting, nor what is asked of the engine, whose clock is another."""
    offset = project.root / "offset"
    offset.write_text(f"{before}\n")
    tree = serial(
        traced("a", "sleep 1.5; echo said; kill -9 $$", max_time=20, suppress_errors=True),
        traced("b", "sleep 1; exit 3", accept_return_code=[3], retry={"attempts": 2, "backoff": 1}),
        traced("c", "kill -9 $$", container=SHARED, suppress_errors=True),
        traced("late", "sleep 60", max_time=1, suppress_errors=True),
        name="root",
    )
    begin = time.monotonic()
    child = start(project, tree, **faked(offset))
    wait_for(project.root / "trace/all", "a")
    offset.write_text(f"{after}\n")
    output, _ = child.communicate(timeout=90)
    assert child.returncode == 0, output
    assert time.monotonic() - begin < 60
    assert trace(project) == ["a", "b", "c", "late"]
    assert "exit code 137 (SIGKILL)" in output
    assert "It took longer than its max_time, 1 s." in output


def test_all_of_the_journal_can_be_cut(project: Project) -> None:
    """The tests that kill at each write count up to the eighth: there is no ninth in their pipeline."""
    tree = serial(parallel(traced("a", "sleep 0.3"), traced("b"), name="p"), traced("c"))
    child = start(project, tree, KILL_AT="9:before")
    output, _ = child.communicate(timeout=60)
    assert child.returncode == 0, output


def test_a_journal_that_cannot_be_written_ends_the_run_and_it_goes_on_later(
    project: Project,
    tiny_disk: Path,  # noqa: F811
) -> None:
    project.root = tiny_disk
    once = (
        "test -e /trace/filled || { touch /trace/filled; head -c 3000000 /dev/zero > /trace/fill || true; }"
    )
    many = parallel(*[run(f"{n}-{'x' * 200}") for n in range(30)], name="many")  # more than a page of records
    tree = serial(traced("a"), traced("b", once), many)
    child = start(project, tree)
    output, _ = child.communicate(timeout=60)
    assert child.returncode == 3, output
    assert "No space left on device" in output
    (folder,) = (tiny_disk / ".imgc/runs").iterdir()
    assert project.containers(folder.name) == []
    (tiny_disk / "trace/fill").unlink()
    result = resume(project, tree)
    if (
        result.code == Code.ENVIRONMENT
    ):  # that b could not write its log may have been the last thing in the journal
        result = resume(project, tree)
    assert result.code == Code.FINE, result
    assert trace(project) in (["a", "b"], ["a", "b", "b"])


SECRET = "planted-s3cr3t-of-a-run"


def test_a_secret_is_nowhere_while_it_is_used(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in the process list, nor in what the engine tells of the container's command, nor on the disk."""
    monkeypatch.setenv("IMGC_TEST_TOKEN", SECRET)
    project.secrets |= {"t": {"env": "IMGC_TEST_TOKEN"}}
    uses = [{"name": "t", "env": "TOKEN", "target": None}, {"name": "t", "env": None, "target": None}]
    seen: list[str] = []

    def look() -> None:
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if SECRET.encode() in process.read_bytes():
                    seen.append(str(process))
            except OSError:
                continue
        for container in project.client.containers.list(filters={"label": f"imgc.project={project.root}"}):
            attributes = container.attrs
            shown = [attributes["Config"]["Cmd"], attributes["Config"]["Labels"], attributes["HostConfig"], attributes["Path"], attributes["Args"]]  # fmt: skip
            seen.extend(part for part in map(repr, shown) if SECRET in part)
            for exec_id in attributes["ExecIDs"] or ():
                seen.extend([exec_id] if SECRET in repr(project.client.api.exec_inspect(exec_id)) else [])

    project.on_output = look
    script = 'test "$TOKEN" = "$(cat /run/secrets/t)"; echo begun $TOKEN; sleep 0.5; echo end'
    result = project.run(
        parallel(run("own", script, secrets=uses), run("shared", script, secrets=uses, container=SHARED))
    )
    assert result.code == Code.FINE, result
    assert seen == []
    assert project.printed("own") == project.printed("shared") == b"begun ***\nend\n"
    for path in (project.root / ".imgc").rglob("*"):
        assert path.is_dir() or SECRET.encode() not in path.read_bytes()


def test_no_volume_of_an_image_is_left(project: Project) -> None:
    project.image("app", "FROM busybox:1.35\nVOLUME /data\n")
    label = {"filters": {"dangling": True}}
    before = {volume.name for volume in project.client.volumes.list(**label)}
    tree = serial(
        run("a", "touch /data/x; hostname", image="app"),
        run("b", "sleep 60", image="app", max_time=0.5, suppress_errors=True),
        run("c", "touch /data/y", image="app", container=SHARED),
        image="app",
    )
    mine: set[str] = set()

    def note() -> None:
        for container in project.client.containers.list(filters={"label": f"imgc.project={project.root}"}):
            mine.update(mount["Name"] for mount in container.attrs["Mounts"] if mount["Type"] == "volume")

    project.on_output = note
    assert project.run(tree).code == Code.FINE
    assert mine
    assert mine.isdisjoint({volume.name for volume in project.client.volumes.list()} - before)


def test_a_flood_in_a_shared_container_needs_little_memory_too(project: Project) -> None:
    script = "head -c 100000000 /dev/zero | tr '\\0' y | fold -w 100"
    child = start(project, serial(run("flood", script, container=SHARED)))
    peak = 0
    assert child.stdout is not None
    for number, _ in enumerate(child.stdout):
        if number % 200 == 0:
            status = Path(f"/proc/{child.pid}/status").read_text()
            peak = max(peak, int(status.partition("VmRSS:")[2].split()[0]))
    assert child.wait() == 0
    assert peak < 150_000  # kB
    log = next((project.root / ".imgc/runs").glob("*/logs/flood/1.log"))
    assert sum(len(text) for _, _, text in read(log)) == 101_000_000 - 1


def test_an_engine_that_is_killed_takes_shared_containers_with_it(
    own_engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The leaf is an error of the surroundings, and a resumed run makes the state anew."""
    (tmp_path / "project").mkdir()
    with project_on_own(own_engine, tmp_path / "project", monkeypatch) as project:
        project.images |= BUSYBOX
        tree = serial(
            run("a", "touch /state", container=SHARED),
            run("b", "test -e /state; echo begun; sleep 8", container=SHARED),
        )

        def fault() -> None:
            project.on_output = None
            for pid in own_engine.processes("dockerd", "containerd"):
                os.kill(pid, signal.SIGKILL)
            own_engine.start()

        project.on_output = fault
        result = project.run(tree)
        assert result.code == Code.ENVIRONMENT, result
        assert project.nodes.get("b") == "error", result
        tree["children"][1]["command"][-1] = "test -e /state"
        again = project.run(tree)
        assert again.code == Code.FINE, again
