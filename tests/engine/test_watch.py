"""`imgc run --watch`, edited as editors do it."""

from __future__ import annotations

import queue
import signal
import subprocess
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cli import Pipeline, pipeline_on

WAITING = "watching: an edit runs again what it touches"


class Watched:
    """A running `imgc run --watch`, and what it said since it was last asked."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def until(self, text: str) -> str:
        """All that it says up to a line with the text."""
        said: list[str] = []
        while True:
            try:
                line = self._lines.get(timeout=60)
            except queue.Empty:
                line = None
            assert line is not None, (text, said)
            said.append(line)
            if text in line:
                return "".join(said)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)


@pytest.fixture
def project(engine: Any, tmp_path: Path) -> Iterator[Pipeline]:
    with pipeline_on(engine, tmp_path / "p") as made:
        made.folder.mkdir()
        yield made


@contextmanager
def watching(project: Pipeline, *arguments: str) -> Iterator[Watched]:
    watched = Watched(project.start("run", "--watch", *arguments))
    try:
        yield watched
    finally:
        if watched.process.poll() is None:
            watched.process.send_signal(signal.SIGINT)
        try:
            watched.process.wait(timeout=30)
        finally:
            watched.process.kill()


def save(path: Path, text: str) -> None:
    """As editors do: a new file in the place of the old."""
    part = path.with_name(f".{path.name}.swp")
    part.parent.mkdir(exist_ok=True)
    part.write_text(textwrap.dedent(text))
    part.replace(path)


BUILD_PIPELINE = """\
images:
  app: {base: "python:3.11-slim-bookworm", builder: {language: python, path: source}}
  box: {base: "debian:bookworm-slim"}
pipeline:
  image: box
  serial:
    first: echo first ran
    code: {image: app}
    after: echo after ran
    sides: {parallel: {a: echo a ran, b: echo b ran}}
"""


def test_an_edit_runs_its_nodes_and_what_follows_without_a_build(project: Pipeline) -> None:
    project.write(BUILD_PIPELINE)
    save(project.folder / "source/main.py", "print('one')")
    with watching(project) as watched:
        said = watched.until(WAITING)
        assert all(text in said for text in ("first | first ran", "code | one", "after | after ran"))
        save(project.folder / "source/main.py", "print('two')")
        said = watched.until(WAITING)
        assert "edited: running code, after, sides/a, sides/b" in said
        assert "code | two" in said
        assert "after | after ran" in said
        assert "first |" not in said
        assert "build" not in said
        (project.folder / "source/main.py").write_text("print('three')\n")
        assert "code | three" in watched.until(WAITING)
        (project.folder / "notes.txt").write_text("touches nothing")
        text = (project.folder / "pipeline.yaml").read_text()
        save(project.folder / "pipeline.yaml", text.replace("echo a ran", "echo a changed"))
        said = watched.until(WAITING)
        assert "edited: running sides/a\n" in said
        assert "sides/a | a changed" in said
        watched.process.send_signal(signal.SIGINT)
        assert watched.process.wait(timeout=30) == 0


def test_a_file_that_is_wrong_is_said_and_waited_for(project: Pipeline) -> None:
    project.write(BUILD_PIPELINE)
    save(project.folder / "source/main.py", "print('one')")
    with watching(project, "code") as watched:
        said = watched.until(WAITING)
        assert "code | one" in said
        assert "after |" not in said
        text = (project.folder / "pipeline.yaml").read_text()
        save(project.folder / "pipeline.yaml", text.replace("serial:", "seril:"))
        watched.until("did you mean")
        save(project.folder / "pipeline.yaml", text.replace("{image: app}", "{image: app, env: {A: b}}"))
        assert "code | one" in watched.until(WAITING)


def test_what_failed_runs_again_with_what_waited_for_it(project: Pipeline) -> None:
    project.write(BUILD_PIPELINE)
    save(project.folder / "source/main.py", "raise SystemExit('broken')")
    with watching(project) as watched:
        said = watched.until(WAITING)
        assert "code: failed" in said
        assert "after: omitted" in said
        save(project.folder / "source/main.py", "print('mended')")
        said = watched.until(WAITING)
        assert "code | mended" in said
        assert "sides/b | b ran" in said
        watched.process.send_signal(signal.SIGINT)
        assert watched.process.wait(timeout=30) == 0


def test_code_in_an_image_is_built_again(project: Pipeline) -> None:
    project.write("""\
images: {app: {base: "debian:bookworm-slim", copy_dir: source}}
pipeline: {image: app, serial: {show: cat text, other: {image: "debian:bookworm-slim", run: echo other ran}}}
""")
    save(project.folder / "source/text", "one\n")
    with watching(project) as watched:
        assert "show | one" in watched.until(WAITING)
        save(project.folder / "source/text", "two\n")
        said = watched.until(WAITING)
        assert "app: built" in said
        assert "show | two" in said


def test_an_edit_while_it_runs_counts_when_it_has_run(project: Pipeline) -> None:
    project.write(BUILD_PIPELINE)
    save(project.folder / "source/main.py", "import time; print('one', flush=True); time.sleep(2)")
    with watching(project, "code") as watched:
        watched.until("code | one")
        save(project.folder / "source/main.py", "print('two')")
        watched.until(WAITING)
        assert "code | two" in watched.until(WAITING)


def test_an_interrupt_in_a_run_ends_all_and_leaves_nothing(project: Pipeline) -> None:
    project.write(BUILD_PIPELINE)
    save(project.folder / "source/main.py", "import time; print('one', flush=True); time.sleep(60)")
    with watching(project, "code") as watched:
        watched.until("code | one")
        watched.process.send_signal(signal.SIGINT)
        assert watched.process.wait(timeout=60) == 130
    label = f"imgc.project={project.folder.resolve()}"
    assert project.engine.client.containers.list(all=True, filters={"label": label}) == []


def test_it_does_not_go_with_resume(project: Pipeline) -> None:
    project.write(BUILD_PIPELINE)
    assert "give one of them" in project.imgc("run", "--watch", "--resume", code=2)
    assert [path.name for path in project.folder.iterdir()] == ["pipeline.yaml"]
