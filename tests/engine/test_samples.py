"""The samples, as a user runs them: compiled, built and run on a real engine by the command line."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests_support import ROOT

SAMPLES = sorted(path.parent for path in (ROOT / "samples").glob("*/pipeline.yaml"))
EXPECTED = {
    "hello": ["Hello, world!", "This is Debian GNU/Linux 12 (bookworm)."],
    "wordcount": ["2 files, 115 words", '"the":7'],
    "python-package": [
        "All checks passed!",
        "Success: no issues found",
        "2 passed",
        "lint, types and tests are fine",
    ],
    "sklearn-training": [
        "forest: trained on 105 flowers",
        '"flowers": 45',
        "best of 3 models: logistic with an accuracy of 0.9",
    ],
    "c-program": ["sieve: all tests passed", "2 3 5 7 11 13 17 19 23 29"],
    "data-pipeline": [
        "6 orders of 4 customers",
        "GB: 149.00",
        "Alan: 99.00",
        "orders: 4,3,",
        "customers: 5,,SE",
    ],
    "own-dockerfile": ["4 passed", "what is shipped has no pytest"],
    "ways-of-code": [
        "4 for 3 each: 12",
        "6 for 5 each: 30",
        "8 for 7 each: 56",
        "installed: 90",
        "called: 132",
    ],
    "node-project": ["# pass 2", "# fail 0", "Hello, Ada!"],
    "monorepo": [
        "tests[service=worker] | 2 passed",
        '"apples": 3',
        "apples and pears cost 7",
        "smoke/report | plums",
    ],
    "build-pipeline": ["primes | 2 3 5 7", "37 41 43 47", "report | main.py"],
    "datums": ["count/count[fox.txt] | fox 9", "total/total[count] | 40 words", "begins"],
    "team": ["2 passed", '"with_token": true', "Ghent         31"],
}
SECRETS = {"FIGURES_TOKEN": "figures-token-of-the-test"}
"""What the samples' secrets read: it must be shown nowhere."""


def imgc(engine: Any, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "imgc.cli.main", *arguments],
        cwd=folder,
        env=engine.env | SECRETS,
        capture_output=True,
        text=True,
        check=False,
    )


def left_behind(engine: Any, folder: Path) -> list[str]:
    """Containers of a folder's runs; the engine has those of other tests too."""
    label = f"imgc.project={folder.resolve()}"
    return [container.name for container in engine.client.containers.list(all=True, filters={"label": label})]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_a_sample_runs(sample: Path, engine: Any, tmp_path: Path) -> None:
    folder = tmp_path / sample.name
    shutil.copytree(sample, folder, ignore=shutil.ignore_patterns(".imgc", "compiled", "out"))
    checked = imgc(engine, folder, "check", "--deny-warnings")
    assert checked.returncode == 0, checked.stdout
    result = imgc(engine, folder, "run")
    assert result.returncode == 0, result.stderr
    for text in EXPECTED[sample.name]:
        assert text in result.stderr
    assert not any(value in result.stderr for value in SECRETS.values())
    again = imgc(engine, folder, "build", "-v")
    assert again.returncode == 0
    assert "built" not in again.stderr, "what exists is not built again"


def test_the_compiled_files_need_no_imgc(engine: Any, tmp_path: Path) -> None:
    """`docker build -f` of the output alone, parents first, by the plan's own context, order and references."""
    folder = tmp_path / "python-package"
    shutil.copytree(
        ROOT / "samples" / "python-package", folder, ignore=shutil.ignore_patterns(".imgc", "compiled")
    )
    assert imgc(engine, folder, "compile").returncode == 0
    plan = json.loads((folder / "compiled" / "plan.json").read_text())
    for image in plan["images"].values():
        built = subprocess.run(
            ["docker", "build", "-q", "-f", f"compiled/{image['dockerfile']}", "-t", image["reference"], image["context"]],
            cwd=folder, env={**engine.env, "DOCKER_BUILDKIT": "1"}, check=False, capture_output=True, text=True,
        )  # fmt: skip
        assert built.returncode == 0, built.stderr[-2000:]


PIPELINE = """\
version: 1
name: failing
images:
  a: {base: "debian:bookworm-slim"}
  broken: {base: "debian:bookworm-slim", commands: ["true", "echo about to fail && false"]}
pipeline:
  image: a
  serial:
    ok: echo fine
    bad:
      parallel:
        one: echo one
        two: "echo the reason >&2; exit 7"
    never: touch /never
"""


def test_a_failed_node_is_shown_at_its_line(engine: Any, tmp_path: Path) -> None:
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    result = imgc(engine, tmp_path, "run")
    assert result.returncode == 4
    assert "bad/two: It ended with exit code 7." in result.stderr
    assert "--> pipeline.yaml:13:9" in result.stderr
    assert "| the reason" in result.stderr
    assert "never: omitted" in result.stderr
    assert left_behind(engine, tmp_path) == []


def test_a_failed_build_step_is_shown_at_its_line(engine: Any, tmp_path: Path) -> None:
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    result = imgc(engine, tmp_path, "build", "broken")
    assert result.returncode == 4
    assert "--> pipeline.yaml:5:61" in result.stderr
    assert "| about to fail" in result.stderr


def test_what_cannot_be_honoured_is_refused_at_its_place(engine: Any, tmp_path: Path) -> None:
    """A setting never does nothing: it is refused before anything starts."""
    (tmp_path / "pipeline.yaml").write_text(
        "version: 1\npipeline:\n  image: debian:bookworm-slim\n  run: touch /started\n  cpu: 4000\n"
    )
    result = imgc(engine, tmp_path, "run")
    assert result.returncode == 1
    assert "pipeline.yaml:5:3" in result.stderr


def test_without_an_engine_the_message_says_so(tmp_path: Path) -> None:
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    result = subprocess.run(
        [sys.executable, "-m", "imgc.cli.main", "run"], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={"PATH": "/usr/bin:/bin", "DOCKER_HOST": f"unix://{tmp_path}/none.sock"},
    )  # fmt: skip
    assert result.returncode == 3
    assert "No Docker engine answers" in result.stderr


def test_runs_are_listed_read_stopped_and_cleaned(engine: Any, tmp_path: Path) -> None:
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    imgc(engine, tmp_path, "run")
    listed = imgc(engine, tmp_path, "ps", "-v")
    assert "failed" in listed.stdout
    assert "bad/two: failed" in listed.stdout
    assert imgc(engine, tmp_path, "logs", "bad/two").stderr == "the reason\n"
    assert imgc(engine, tmp_path, "logs", "ok").stdout == "fine\n"
    assert imgc(engine, tmp_path, "logs", "nope").returncode == 2
    assert "has ended already" in imgc(engine, tmp_path, "stop").stderr
    imgc(engine, tmp_path, "run")
    assert "1 run" in imgc(engine, tmp_path, "clean", "--keep", "1").stderr
    assert len(imgc(engine, tmp_path, "ps").stdout.splitlines()) == 1


def test_a_killed_run_is_resumed_and_nothing_runs_twice(engine: Any, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "pipeline.yaml").write_text(
        "version: 1\nimages: {a: {base: 'debian:bookworm-slim'}}\npipeline:\n  image: a\n"
        "  mounts: [{src: data, dst: /data}]\n  serial:\n    one: echo one >> /data/log\n"
        "    two: sleep 4; echo two >> /data/log\n    three: echo three >> /data/log\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "imgc.cli.main", "run"],
        cwd=tmp_path,
        env=engine.env,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("two: running"):
            break
    process.kill()
    process.wait()
    result = imgc(engine, tmp_path, "run", "--resume")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "data" / "log").read_text() == "one\ntwo\nthree\n"
    assert left_behind(engine, tmp_path) == []
