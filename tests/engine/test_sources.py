"""Code from git servers and buckets, built and run on a real engine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli import Pipeline, pipeline_on, planted_in
from projects import tags_with

from gitserver import Server, commit, git, repository, serving

PASSWORD = "planted-7c1e-sources"
CI = ("GITHUB_", "CI_", "BITBUCKET_", "SYSTEM_PULLREQUEST_", "BUILDKITE", "CHANGE_")

COPY_URL = """
images:
  app: {{base: "busybox:1.35", copy_url: "{url}", copy_branch: {branch}}}
pipeline: {{image: app, run: cat a.txt}}
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path / "served") as running:
        yield running


@pytest.fixture
def work(tmp_path: Path) -> Path:
    return repository(tmp_path / "work", {"a.txt": "first\n"})


@pytest.fixture
def pipeline(engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    for name in os.environ:
        if name.startswith(CI):
            monkeypatch.delenv(name)
    with pipeline_on(engine, tmp_path / "project") as made:
        yield made


def test_the_commit_is_part_of_the_tag_before_anything_is_skipped(
    pipeline: Pipeline, server: Server, work: Path
) -> None:
    pipeline.write(COPY_URL.format(url=server.publish(work, "demo"), branch="main"))
    assert "first" in pipeline.imgc("run")
    server.asked.clear()
    assert "app: exists" in pipeline.imgc("run")
    assert not [path for path, _ in server.asked if "git-upload-pack" not in path]
    first = pipeline.reference("app")
    commit(work, {"a.txt": "second\n"})
    git(work, "push", "-q", "origin", "main")
    said = pipeline.imgc("run")
    assert "app: built" in said
    assert "second" in said
    git(work, "push", "-q", "-f", "origin", "main~1:main")
    said = pipeline.imgc("run")
    assert "app: exists" in said
    assert "first" in said
    assert first.partition(":")[2] in pipeline.imgc("build", "--format", "json")


def test_a_private_repository_and_its_password_is_nowhere(
    any_engine: Any, tmp_path: Path, server: Server, work: Path
) -> None:
    lib = repository(tmp_path / "lib", {"l.txt": "lib\n"})
    server.publish(lib, "lib")
    git(work, "config", "-f", ".gitmodules", "submodule.lib.path", "lib")
    git(work, "config", "-f", ".gitmodules", "submodule.lib.url", "../lib.git")
    git(work, "update-index", "--add", "--cacheinfo", f"160000,{git(lib, 'rev-parse', 'HEAD')},lib")
    git(work, "add", ".gitmodules")
    git(work, "commit", "-q", "-m", "A submodule")
    url = server.publish(work, "demo")
    server.login = f"me:{PASSWORD}"
    secrets = "secrets: {GIT_AUTH_TOKEN: {env: IMGC_TEST_TOKEN}}"
    with pipeline_on(any_engine, tmp_path / "project") as pipeline:
        pipeline.write(secrets + COPY_URL.format(url=url, branch="main"))
        wrong = pipeline.imgc("build", code=3, env={"IMGC_TEST_TOKEN": "me:planted-wrong"})
        assert "source-unreachable" in wrong
        assert "wants other credentials" in wrong
        assert "planted-wrong" not in wrong
        missing = pipeline.imgc("build", code=3)
        assert "set the environment variable IMGC_TEST_TOKEN" in missing
        said = pipeline.imgc("run", "--format", "json", env={"IMGC_TEST_TOKEN": f"me:{PASSWORD}"})
        assert PASSWORD not in said
        assert pipeline.run("app", "cat", "a.txt", "lib/l.txt") == "first\nlib\n"
        assert pipeline.run("app", "ls", "-A").split() == [".gitmodules", "a.txt", "lib"]
        assert planted_in(pipeline, "app", PASSWORD.encode(), b"planted-wrong") == []


@pytest.mark.parametrize(
    ("branch", "down", "code", "said"),
    [
        ("mian", False, 1, ["source-unknown", "pipeline.yaml:5:", "did you mean 'main'?"]),
        ("0123456789012345678901234567890123456789", False, 1, ["source-unknown", "has no commit 0123"]),
        ("main", True, 3, ["source-unreachable", "pipeline.yaml:5:", "cannot be reached"]),
    ],
)
def test_what_cannot_be_had_is_said_at_its_place(
    pipeline: Pipeline, server: Server, work: Path, branch: str, down: bool, code: int, said: list[str]
) -> None:
    url = server.publish(work, "demo")
    if down:
        url = "http://127.0.0.1:9/demo.git"
    pipeline.write(COPY_URL.format(url=url, branch=f"'{branch}'"))
    found = pipeline.imgc("build", code=code)
    assert [text for text in said if text not in found] == []


def test_a_server_that_is_down_does_not_matter_to_other_images(pipeline: Pipeline) -> None:
    pipeline.write(
        'images:\n  away: {base: "busybox:1.35", copy_url: "http://127.0.0.1:9/x", copy_branch: main}\n'
        '  here: {base: "busybox:1.35", env: {A: b}}\n'
    )
    said = pipeline.imgc("build", "here")
    assert "warning[source-unreachable]" in said
    assert "here: built" in said


def test_copy_repo_takes_the_remote_s_default_branch(
    pipeline: Pipeline, server: Server, work: Path, tmp_path: Path
) -> None:
    url = server.publish(work, "demo")
    git(work, "push", "-q", "origin", "HEAD:refs/heads/topic")
    git(tmp_path, "clone", "-q", url, "project")
    pipeline.write(
        "images: {app: {base: 'busybox:1.35', copy_repo: true}}\npipeline: {image: app, run: cat a.txt}\n"
    )
    git(pipeline.folder, "checkout", "-q", "--detach")
    (pipeline.folder / "a.txt").write_text("not committed\n")
    said = pipeline.imgc("run")
    assert "copy_repo takes the default branch of http" in said
    assert "first" in said
    head = commit(work, {"a.txt": "topic\n"})
    git(work, "push", "-q", "origin", "HEAD:topic")
    request = {"CHANGE_ID": "7", "CHANGE_BRANCH": "topic"}
    said = pipeline.imgc("run", env=request)
    assert "topic" in said
    assert head[:12] in said


def test_a_bucket(pipeline: Pipeline, tmp_path: Path) -> None:
    """`aws` is the one program that is not real here."""
    program = tmp_path / "bin/aws"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nfor last; do :; done\ncp -R {tmp_path}/bucket/. "$last"\n')
    program.chmod(0o755)
    (tmp_path / "bucket").mkdir()
    (tmp_path / "bucket/a.txt").write_text("from a bucket\n")
    pipeline.env["PATH"] = f"{program.parent}:{pipeline.env['PATH']}"
    pipeline.write(
        "images: {app: {base: 'busybox:1.35', copy_url: 's3://bucket/code'}}\npipeline: {image: app, run: cat a.txt}\n"
    )
    assert "from a bucket" in pipeline.imgc("run")
    assert "app: exists" in pipeline.imgc("build")
    (tmp_path / "bucket/a.txt").write_text("changed\n")
    assert "changed" in pipeline.imgc("run")


def test_two_builds_of_two_branches_at_once(pipeline: Pipeline, server: Server, work: Path) -> None:
    """They put their code at the same place: each gets its own."""
    url = server.publish(work, "demo")
    text = "images: {app: {base: 'busybox:1.35', copy_url: '%s', copy_branch: main, commands: ['sleep 1']}}\n"
    pipeline.write(text % url)
    first = pipeline.start("build")
    assert first.stdout is not None
    while "build" not in first.stdout.readline():
        pass
    commit(work, {"a.txt": "second\n"})
    git(work, "push", "-q", "origin", "main")
    assert "app: built" in pipeline.imgc("build")
    assert "app: built" in first.communicate(timeout=120)[0]
    client = pipeline.engine.client
    tags = tags_with(client, pipeline.name)
    held = sorted(client.containers.run(tag, ["cat", "a.txt"], remove=True).decode() for tag in tags)
    assert held == ["first\n", "second\n"]


def test_plain_docker_builds_what_a_lock_has_fetched(
    pipeline: Pipeline, server: Server, work: Path, tmp_path: Path
) -> None:
    pipeline.write(COPY_URL.format(url=server.publish(work, "demo"), branch="main"))
    assert "not-fetched" in pipeline.imgc("compile", "--context", code=1)
    pipeline.imgc("lock")
    commit(work, {"a.txt": "after the lock\n"})
    git(work, "push", "-q", "origin", "main")
    server.status = 503
    pipeline.imgc("compile", "--context", "--locked")
    folder = pipeline.folder / "compiled/images/app"
    tag = f"{pipeline.name}/app:plain"
    words = ["docker", "build", "-q", "-t", tag, "-f", str(folder / "Dockerfile"), str(folder / "context")]
    subprocess.run(
        words, env={**pipeline.env, "DOCKER_BUILDKIT": "1"}, cwd=tmp_path, check=True, capture_output=True
    )
    assert pipeline.run("app", "cat", "a.txt") == "first\n"


# source_files: download

DOWNLOAD = """
images:
  app: {base: "busybox:1.35", copy_dir: src, source_files: download, user: app, workdir: /code/of it}
pipeline:
  image: app
  serial:
    own: 'cat a.txt; id -u; stat -c "%u %n" a.txt deep/run.sh . ; sh deep/run.sh; echo changed > a.txt'
    next: cat a.txt
    shared: {container_reuse: new, serial: {one: echo kept > a.txt, two: cat a.txt deep/link}}
"""


@pytest.fixture
def clone(server: Server, tmp_path: Path) -> Path:
    """A clone with a folder of code, in which the pipeline of the tests is committed."""
    first = repository(
        tmp_path / "first", {"src/a.txt": "first\n", "src/deep/run.sh": "echo ran\n", "other": "x"}
    )
    (first / "src/deep/link").symlink_to("run.sh")
    commit(first, {"readme": "x"})
    url = server.publish(first, "demo")
    git(tmp_path, "clone", "-q", url, "project")
    return tmp_path / "project"


def committed(pipeline: Pipeline, text: str) -> None:
    pipeline.write(text)
    git(pipeline.folder, "add", "-A")
    git(pipeline.folder, "commit", "-q", "-m", "The pipeline")
    git(
        pipeline.folder,
        "remote",
        "set-url",
        "--push",
        "origin",
        str(pipeline.folder.parent / "served/demo.git"),
    )
    git(pipeline.folder, "push", "-q", "origin", "main")


def test_containers_get_the_code_of_a_commit(any_engine: Any, clone: Path) -> None:
    with pipeline_on(any_engine, clone) as pipeline:
        committed(pipeline, DOWNLOAD)
        said = pipeline.imgc("run")
        lines = [line.partition(" | ")[2] for line in said.splitlines() if line.startswith("own |")]
        assert lines == ["first", "10001", "10001 a.txt", "10001 deep/run.sh", "10001 .", "ran"]
        assert "next | first" in said
        assert "shared/two | kept" in said
        assert "shared/two | echo ran" in said
        assert pipeline.run("app", "ls", "-A", "/code/of it") == ""
        (clone / "src/a.txt").write_text("not committed\n")
        refused = pipeline.imgc("run", code=1)
        assert "pipeline.yaml:5:" in refused
        assert "changes that are not committed (src/a.txt)" in refused
        git(clone, "commit", "-q", "-am", "Change")
        assert "is not pushed to origin" in pipeline.imgc("run", code=1)
        git(clone, "push", "-q", "origin", "main")
        said = pipeline.imgc("run", "next")
        assert "app: exists" in said
        assert "next | not committed" in said


def test_data_is_worked_on_again_by_other_code(pipeline: Pipeline, clone: Path) -> None:
    (clone / "data").mkdir()
    (clone / "data/one").write_text("1")
    committed(
        pipeline,
        "repos: {in: {path: data}}\n"
        "images: {app: {base: 'busybox:1.35', copy_dir: src, source_files: download}}\n"
        "pipeline: {image: app, serial: {each: {input: {repo: in, glob: '/*'}, run: cat a.txt}}}\n",
    )
    assert "| first" in pipeline.imgc("run")
    assert "| first" not in pipeline.imgc("run")
    (clone / "src/a.txt").write_text("second\n")
    git(clone, "commit", "-q", "-am", "Change")
    git(clone, "push", "-q", "origin", "main")
    assert "| second" in pipeline.imgc("run")


def test_what_is_mounted_over_the_code_is_not_written_to(
    pipeline: Pipeline, clone: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    (data / "below").mkdir(parents=True)
    (data / "mine.txt").write_text("mine\n")
    committed(
        pipeline,
        "images: {app: {base: 'busybox:1.35', copy_dir: src, source_files: download}}\n"
        "pipeline:\n  image: app\n  serial:\n"
        f"    over: {{run: ls, mounts: [{{src: {data}, dst: /app}}]}}\n"
        f"    below: {{run: 'ls . deep', mounts: [{{src: {data}/below, dst: /app/deep}}]}}\n",
    )
    said = pipeline.imgc("run", "--allow-outside", str(data))
    assert [line for line in said.splitlines() if line.startswith("over |")] == [
        "over | below",
        "over | mine.txt",
    ]
    assert [line for line in said.splitlines() if line.startswith("below | ")] == [
        "below | .:", "below | a.txt", "below | deep", "below | ", "below | deep:",
    ]  # fmt: skip
    assert sorted(path.name for path in data.rglob("*")) == ["below", "mine.txt"]
    assert clone.is_dir()


def test_a_commit_that_vanished_since_it_was_locked(pipeline: Pipeline, clone: Path, server: Server) -> None:
    committed(pipeline, "images: {app: {base: 'busybox:1.35', copy_dir: src, source_files: download}}\n"
                        "pipeline: {image: app, run: cat a.txt}\n")  # fmt: skip
    pipeline.imgc("lock")
    assert "first" in pipeline.imgc("run")
    git(clone, "commit", "-q", "--amend", "--no-edit", "-m", "Another")
    git(clone, "push", "-q", "-f", "origin", "main")
    lock = (clone / "imgc.lock").read_text()
    old = git(clone, "rev-parse", "main@{1}")
    assert old in lock
    (clone / "imgc.lock").write_text(lock.replace(old, "0123456789" * 4))
    said = pipeline.imgc("run", code=1)
    assert "has no commit 0123456789" in said
    assert "pipeline.yaml:3:" in said
    server.status = 503
    assert "cannot be reached" in pipeline.imgc("run", code=3)


def test_a_locked_commit_decides_whether_code_is_included(pipeline: Pipeline, clone: Path) -> None:
    committed(
        pipeline,
        "images:\n  app: {base: 'busybox:1.35', copy_dir: src, source_files: download_or_include}\n"
        "  other: {base: 'busybox:1.35', copy_dir: src, source_files: download}\n"
        "  plain: {base: 'busybox:1.35', copy_dir: src}\n"
        "pipeline: {parallel: {a: {image: app, run: ls}, b: {image: other, run: ls}, c: {image: plain, run: ls}}}\n",
    )
    for image in ("app", "plain"):
        assert "COPY" in pipeline.imgc("compile", "--stdout", image)
    pipeline.imgc("lock")
    assert "COPY" not in pipeline.imgc("compile", "--stdout", "app")
    assert "COPY" in pipeline.imgc("compile", "--stdout", "plain")
    (clone / "src/a.txt").write_text("not committed, and the commit is locked\n")
    said = pipeline.imgc("run")
    assert [line for line in sorted(said.splitlines()) if line.endswith("| a.txt")] == [
        "a | a.txt", "b | a.txt", "c | a.txt",
    ]  # fmt: skip


LIVE = """
images:
  repo: {{base: "busybox:1.35", copy_repo: true}}
  url: {{base: "busybox:1.35", copy_url: "{url}", copy_branch: main, path_map: {{./src: /app/src}}}}
  start: {{base: "busybox:1.35", copy_dir: src, source_files: download}}
pipeline:
  parallel:
    repo: {{image: repo, run: cat src/a.txt}}
    url: {{image: url, run: cat src/a.txt}}
    start: {{image: start, run: cat a.txt}}
"""


def test_live_debugging_has_the_local_files_of_every_kind_of_source(pipeline: Pipeline, clone: Path) -> None:
    committed(pipeline, LIVE.format(url=git(clone, "remote", "get-url", "origin")))
    (clone / "src/a.txt").write_text("local\n")
    for node in ("repo", "url", "start"):
        done = subprocess.run(
            [sys.executable, "-m", "imgc.cli.main", "debug", "--live", node], cwd=clone, env=pipeline.env,
            input="/.imgc/run\n", capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.stdout == "local\n", (node, done)
    git(clone, "checkout", "-q", "src/a.txt")
    assert "start | first" in pipeline.imgc("run", "start")


def test_an_interrupt_while_a_server_is_silent(pipeline: Pipeline) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        pipeline.write(COPY_URL.format(url=f"http://127.0.0.1:{silent.getsockname()[1]}/x", branch="main"))
        process = pipeline.start("build")
        connection, _ = silent.accept()
        process.send_signal(signal.SIGTERM)  # a shell may have its background ignore SIGINT
        said, _ = process.communicate(timeout=100)
        connection.close()
    assert process.returncode == 130, said
    assert "interrupted" in said
