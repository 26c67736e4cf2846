"""imgc images."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gitserver import commit, git, repository, serving
from imgc_cli import imgc

PIPELINE = """\
version: 1
name: shop
registry: ghcr.io/acme
images:
  base: {base: "python:3.12-slim", pip_packages: [numpy]}
  api: {extends: base, commands: [make]}
  twin: {base: "python:3.12-slim", pip_packages: [numpy]}
  other: {base: "python:3.12-slim", env: {A: 1}}
pipeline: {serial: {a: {image: api, run: ls}, b: {image: twin, run: ls}, c: {image: other, run: ls}}}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    return tmp_path


def test_what_each_shares(capsys: pytest.CaptureFixture[str]) -> None:
    lines = {line.split()[0]: line for line in imgc(capsys, "images", "-q").out.splitlines()}
    assert list(lines) == ["NAME", "base", "api", "twin", "other"]
    assert lines["api"].endswith("all layers of base")
    assert lines["twin"].endswith("everything with base: built once")
    assert lines["other"].endswith("the base with base, api")


def test_the_reference_alone(capsys: pytest.CaptureFixture[str]) -> None:
    (reference,) = imgc(capsys, "images", "--uri", "api").out.splitlines()
    assert reference.startswith("ghcr.io/acme/shop/api:")
    both = imgc(capsys, "images", "--uri", "other", "api").out.splitlines()
    assert [line.split("/")[-1].split(":")[0] for line in both] == ["other", "api"]


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    rows = json.loads(imgc(capsys, "images", "--format", "json").out)
    assert rows[1]["stands_on"] == ["base"]
    assert rows[2]["same_as"] == "base"
    assert [row["nodes"] for row in rows] == [0, 1, 1, 1]


def test_sizes_need_an_engine(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    assert imgc(capsys, "images", "--size").code == 3


def test_the_commit_of_code_from_git_is_part_of_the_reference(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    work = repository(folder / "work", {"a": "1"})
    git(work, "tag", "v1")
    text = "version: 1\nimages:\n  app: {base: 'busybox:1.35', copy_url: '%s', copy_branch: main}\n"
    with serving(folder / "served") as server:
        (folder / "pipeline.yaml").write_text(text % server.publish(work, "demo"))
        first = imgc(capsys, "images", "--uri", "app").out
        commit(work, {"a": "2"})
        git(work, "push", "-q", "origin", "main")
        assert imgc(capsys, "images", "--uri", "app").out != first
        git(work, "push", "-q", "-f", "origin", "v1:main")
        assert imgc(capsys, "images", "--uri", "app").out == first
    (folder / "pipeline.yaml").write_text(text % "http://127.0.0.1:9/x")
    result = imgc(capsys, "images", "--uri", "app")
    assert (result.code, result.out) == (3, "")
    assert "source-unreachable" in result.err


def test_an_unknown_image(capsys: pytest.CaptureFixture[str]) -> None:
    assert imgc(capsys, "images", "nope").code == 2
