"""`imgc run --dry-run` and `--set`, on a real engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli import Pipeline, pipeline_on

TEXT = """
images:
  box: {base: "busybox:1.35", env: {A: b}}
  more: {extends: box, commands: ["true"]}
pipeline:
  image: box
  serial:
    first: "true"
    group:
      image: more
      parallel: {x: "exit 3", y: {run: "true", skip: true}, z: {run: "true", needs: [x]}}
    last: {run: "true", when: always}
"""


@pytest.fixture
def pipeline(engine: Any, tmp_path: Path) -> Iterator[Pipeline]:
    with pipeline_on(engine, tmp_path / "project") as made:
        made.write(TEXT)
        yield made


def steps(pipeline: Pipeline, *words: str) -> dict[str, tuple[str, str]]:
    said = pipeline.imgc("run", "--dry-run", "--format", "json", *words)
    found = [json.loads(line) for line in said.splitlines() if line.startswith('{"event": "step"')]
    return {step["name"]: (step["action"], step["why"]) for step in found}


def test_it_says_what_would_be_done_and_does_nothing(pipeline: Pipeline) -> None:
    found = steps(pipeline)
    assert list(found) == ["box", "more", "first", "group/x", "group/y", "group/z", "last"]
    assert found["box"][0] == found["more"][0] == "build"
    assert found["box"][1].endswith("is not there")
    assert found["more"][1].endswith("is not there, after box")
    assert found["first"] == ("run", "at once")
    assert found["group/x"] == ("run", "after first")
    assert found["group/y"] == ("nothing", "it is skipped")
    assert found["group/z"] == ("run", "after group/x, first")
    assert found["last"] == ("run", "after group, whatever became of that")
    assert not (pipeline.folder / ".imgc/runs").exists()
    assert not [
        image for image in pipeline.engine.client.api.images() if pipeline.name in str(image["RepoTags"])
    ]
    assert list(steps(pipeline, "group/z")) == ["box", "more", "group/z"]
    said = pipeline.imgc("run", "--dry-run")
    assert "group/x: run: after first" in said


def test_it_knows_what_is_there_and_what_was_done(pipeline: Pipeline) -> None:
    pipeline.imgc("run", code=4)
    runs = list((pipeline.folder / ".imgc/runs").iterdir())
    found = steps(pipeline, "--resume")
    assert found["more"][0] == "nothing"
    assert found["more"][1].endswith("is on the engine")
    assert found["first"] == ("nothing", "it has succeeded in this run")
    assert found["group/x"][0] == found["group/z"][0] == found["last"][0] == "run"
    assert steps(pipeline, "--rebuild")["box"][1].endswith("is to be built anew")
    assert list((pipeline.folder / ".imgc/runs").iterdir()) == runs
    assert "there is nothing to resume" not in pipeline.imgc("run", "--dry-run", "--resume")


def test_what_would_be_refused_is_refused(pipeline: Pipeline) -> None:
    assert "It wants 900 CPUs" in pipeline.imgc("run", "--dry-run", "--set", "first.cpu=900", code=1)


def test_settings_of_the_command_line_hold_in_the_run(pipeline: Pipeline) -> None:
    said = pipeline.imgc("run", "--set", "group/x.run=echo set here", "--set", "first.env={A: x}")
    assert "group/x | set here" in said
    wrong = pipeline.imgc("run", "--set", "group/x.rnu=x", code=1)
    assert "--> --set group/x.rnu=x:1:9" in wrong
    assert "did you mean 'run'?" in wrong
    assert "NODE.key=value" in pipeline.imgc("run", "--set", "nothing", code=2)
