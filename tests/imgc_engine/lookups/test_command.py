"""`imgc lock` as a user calls it, with a registry of the test's own and no engine."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fake_registry import Registry, hangs_up, layer, stalls, status

from imgc.lock.lock import FILE, read
from imgc_cli import imgc
from imgc_engine.lookups import registry as registries
from imgc_engine.lookups.registry import Patience
from tests_support import SHARED

ALPINE = layer({"bin/sh": b"x", "sbin/apk": b"x", "etc/os-release": b"ID=alpine\n"})


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(registries, "PATIENT", Patience(0.5, 2.0, (0.05,)))
    return folder


def write(text: str) -> None:
    Path("pipeline.yaml").write_text(f"version: 1\nimages:\n{text}")


def two(registry: Registry) -> tuple[str, str]:
    """A file with two bases, and their digests."""
    first, second = registry.image("one", "1", ALPINE), registry.image("two", "1", ALPINE, User="app")
    base = registry.address
    write(f"  a: {{base: '{base}/one:1', system_packages: [jq]}}\n  b: {{base: '{base}/two:1'}}\n")
    return first, second


def locked() -> dict[str, str]:
    lock, problems = read(Path(FILE).read_text())
    assert problems == []
    return {name.rpartition("/")[2]: image.digest for name, image in lock.images.items()}


def test_what_is_locked_is_what_is_built_from(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = two(registry)
    assert imgc(capsys, "compile", "--locked").code == 1
    done = imgc(capsys, "lock")
    assert done.code == 0, done.err
    assert "alpine" in done.err
    assert locked() == {"one:1": first, "two:1": second}
    assert imgc(capsys, "check", "--locked", "--deny-warnings").code == 0
    assert imgc(capsys, "compile", "--locked").code == 0
    text = Path("compiled/images/a/Dockerfile").read_text()
    assert f"/one:1@{first}" in text
    assert "apk add" in text
    explained = imgc(capsys, "explain", "a").out
    assert first in explained
    assert "apk, because the lock says" in explained


def test_a_second_time_asks_nobody_and_writes_nothing(
    registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    two(registry)
    imgc(capsys, "lock")
    before, asked = Path(FILE).stat(), len(registry.asked)
    done = imgc(capsys, "lock")
    assert (done.code, len(registry.asked)) == (0, asked)
    assert "up to date" in done.err
    after = Path(FILE).stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)


def test_only_what_is_asked_for_is_updated(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    old = two(registry)
    imgc(capsys, "lock")
    new = registry.image("one", "1", ALPINE, User="x"), registry.image("two", "1", ALPINE, User="y")
    imgc(capsys, "lock")
    assert locked() == {"one:1": old[0], "two:1": old[1]}
    done = imgc(capsys, "lock", "--update", "a")
    assert "~ " in done.err
    assert locked() == {"one:1": new[0], "two:1": old[1]}
    imgc(capsys, "lock", "--update", f"{registry.address}/two:1")
    assert locked() == {"one:1": new[0], "two:1": new[1]}
    done = imgc(capsys, "lock", "--update", "aa")
    assert (done.code, "did you mean 'a'?" in done.err) == (2, True)
    assert imgc(capsys, "lock", "--update").err.count("= ") == 2


def test_check_lists_and_writes_nothing(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    two(registry)
    assert imgc(capsys, "lock", "--check").code == 1
    assert not Path(FILE).exists()
    imgc(capsys, "lock")
    assert imgc(capsys, "lock", "--check").code == 0
    text = Path(FILE).read_text()
    write(f"  a: {{base: '{registry.address}/one:2'}}\n  b: {{base: '{registry.address}/two:1'}}\n")
    done = imgc(capsys, "lock", "--check")
    assert (done.code, Path(FILE).read_text()) == (1, text)
    assert done.out == f"- images {registry.address}/one:1\n+ images {registry.address}/one:2\n"
    assert imgc(capsys, "lock", "--check", "--update").code == 2


def test_what_is_not_needed_any_more_goes(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    two(registry)
    imgc(capsys, "lock")
    write(f"  b: {{base: '{registry.address}/two:1'}}\n")
    assert f"- {registry.address}/one:1" in imgc(capsys, "lock").err
    assert list(locked()) == ["two:1"]
    write("  b: {base: scratch}\n")
    assert imgc(capsys, "lock").code == 0
    assert not Path(FILE).exists()


def test_pipeline_files_of_one_folder_share_a_lock(
    registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    two(registry)
    other = f"version: 1\nimages: {{c: {{base: '{registry.address}/three:1'}}}}\n"
    registry.image("three", "1", ALPINE)
    Path("other.imgc.yaml").write_text(other)
    assert imgc(capsys, "lock", "pipeline.yaml").code == 0
    assert imgc(capsys, "lock", "other.imgc.yaml").code == 0
    assert list(locked()) == ["one:1", "three:1", "two:1"]
    assert imgc(capsys, "lock", "pipeline.yaml", "--check").code == 0
    assert "unused-lock" not in imgc(capsys, "check", "pipeline.yaml").out
    Path("other.imgc.yaml").write_text(other + "  broken: [")
    write(f"  a: {{base: '{registry.address}/one:1'}}\n")
    assert imgc(capsys, "lock", "pipeline.yaml").code == 0
    assert list(locked()) == ["one:1", "three:1", "two:1"]
    Path("other.imgc.yaml").write_text(other)
    imgc(capsys, "lock", "pipeline.yaml")
    assert list(locked()) == ["one:1", "three:1"]


def test_other_parameters_take_nothing_out(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    two(registry)
    Path("pipeline.yaml").write_text(
        f"version: 1\nparams: {{name: one}}\nimages: {{a: {{base: '{registry.address}/${{{{ params.name }}}}:1'}}}}\n"
    )
    imgc(capsys, "lock")
    assert imgc(capsys, "lock", "--param", "name=two").code == 0
    assert list(locked()) == ["one:1", "two:1"]
    assert imgc(capsys, "check", "--locked", "--param", "name=two").code == 0


def test_interrupted_while_a_command_runs(registry: Registry, tmp_path: Path) -> None:
    registry.image("one", "1", ALPINE)
    command = f"[sh, -c, 'sleep 60 & echo $! > {tmp_path}/pid; wait']"
    write(f"  a: {{base: '{registry.address}/one:1', replicate_local_environment: {command}}}\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "imgc.cli.main", "lock"], stderr=subprocess.DEVNULL,
        env={**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/none.sock"},
    )  # fmt: skip
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    state = Path("/proc", (tmp_path / "pid").read_text().strip(), "stat")
    for _ in range(100):
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.05)
    raise AssertionError("what the command has started still runs")


def test_interrupted_while_a_registry_says_nothing(registry: Registry, tmp_path: Path) -> None:
    first, _ = two(registry)
    registry.faults = [lambda handler: "/two/" in handler.path and stalls(handler)] * 100
    process = subprocess.Popen(
        [sys.executable, "-m", "imgc.cli.main", "lock"], stderr=subprocess.PIPE, text=True,
        env={**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/none.sock"},
    )  # fmt: skip
    assert process.stderr is not None
    assert "one:1" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert (process.returncode, said) == (130, "imgc: interrupted\n")
    assert locked() == {"one:1": first}
    assert sorted(path.name for path in Path().iterdir()) == [FILE, "pipeline.yaml"]


@pytest.mark.parametrize(
    ("fault", "said"),
    [(status(500), "status 500"), (hangs_up, "cannot be reached"), (stalls, "no answer within"),
     (status(401), "docker login"), (status(429), "asked too often")],
)  # fmt: skip
def test_what_fails_leaves_the_rest_alone(
    registry: Registry, capsys: pytest.CaptureFixture[str], fault, said: str
) -> None:  # type: ignore[no-untyped-def]
    first, second = two(registry)
    imgc(capsys, "lock")
    new = registry.image("two", "1", ALPINE, User="new")

    def only_one(handler) -> bool:  # type: ignore[no-untyped-def]
        return "/one/" in handler.path and fault(handler)

    registry.faults = [only_one] * 100
    done = imgc(capsys, "lock", "--update")
    assert done.code == 3
    assert said in done.err
    assert "--> pipeline.yaml:3:13" in done.err
    assert locked() == {"one:1": first, "two:1": new}
    assert second != new


def test_an_image_that_is_nowhere_is_the_files_fault(
    registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    write(f"  a: {{base: '{registry.address}/none:1'}}\n")
    done = imgc(capsys, "lock")
    assert done.code == 1
    assert "has no such image" in done.err
    assert not Path(FILE).exists()


def test_a_file_with_errors_is_not_locked(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    write(f"  a: {{base: '{registry.address}/one:1', pip_package: [x]}}\n")
    done = imgc(capsys, "lock")
    assert (done.code, registry.asked) == (1, [])
    assert "unknown-key" in done.err


def test_conflict_markers(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    two(registry)
    imgc(capsys, "lock")
    good = Path(FILE).read_text()
    Path(FILE).write_text(good.replace("images:\n", "images:\n<<<<<<< HEAD\n=======\n>>>>>>> other\n"))
    done = imgc(capsys, "lock")
    assert done.code == 1
    assert f"--> {FILE}:6:1" in done.err
    assert "git checkout --ours" in done.err
    assert "merge-conflict" in imgc(capsys, "check").out
    assert imgc(capsys, "lock", "--update").code == 0
    assert Path(FILE).read_text() == good


def test_a_link_stays_a_link(registry: Registry, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    two(registry)
    (tmp_path / "elsewhere.lock").touch()
    Path(FILE).symlink_to(tmp_path / "elsewhere.lock")
    assert imgc(capsys, "lock").code == 0
    assert Path(FILE).is_symlink()
    assert len(locked()) == 2


def test_mirrors_of_this_place_are_asked(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    digest = registry.image("hub/library/debian", "bookworm-slim", ALPINE)
    Path("imgc.toml").write_text(f'[mirrors]\n"docker.io" = "{registry.address}/hub"\n')
    write("  a: {base: 'debian:bookworm-slim'}\n")
    done = imgc(capsys, "lock")
    assert done.code == 0, done.err
    assert locked() == {"debian:bookworm-slim": digest}


def test_commits_of_the_own_repository(
    registry: Registry, capsys: pytest.CaptureFixture[str], tmp_path: Path, here: Path
) -> None:
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@y"]
    base = registry.address
    registry.image("one", "1", ALPINE)
    write(
        f"  a: {{base: '{base}/one:1', copy_repo: true}}\n  b: {{base: '{base}/one:1', copy_dir: ., source_files: download}}\n"
    )
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", tmp_path / "remote"], check=True)
    subprocess.run(["git", "init", "-q", "-b", "main"], check=True)
    subprocess.run(["git", "remote", "add", "origin", tmp_path / "remote"], check=True)
    subprocess.run(["git", "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "one"], check=True)
    subprocess.run(["git", "push", "-q", "-u", "origin", "main"], check=True)
    pushed = subprocess.run(
        ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    (here / "more").touch()
    subprocess.run(["git", "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "two"], check=True)
    done = imgc(capsys, "lock")
    assert (done.code, "is not pushed to origin" in done.err) == (1, True)
    lock, _ = read(Path(FILE).read_text())
    assert (list(lock.sources), lock.sources["copy_repo"].commit) == (["copy_repo"], pushed)
    subprocess.run(["git", "push", "-q"], check=True)
    done = imgc(capsys, "lock")
    assert done.code == 0, done.err
    lock, _ = read(Path(FILE).read_text())
    assert lock.sources["copy_repo"].commit == pushed
    own = lock.sources["repo"]
    assert (own.commit != pushed, own.clean, own.pushed, own.branch) == (True, True, True, "main")
    assert imgc(capsys, "check", "--locked").code == 0


def test_code_that_cannot_be_had(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    registry.image("one", "1", ALPINE)
    write(f"  a: {{base: '{registry.address}/one:1', copy_repo: true}}\n")
    done = imgc(capsys, "lock")
    assert done.code == 1
    assert "is in no git repository" in done.err
    assert len(locked()) == 1


def test_the_conformance_case_that_needs_the_lock(
    registry: Registry, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.image("library/python", "3.12-slim-bookworm", ALPINE)
    shutil.copy(SHARED / "conformance/valid/002-03-replicate-local/pipeline.yaml", "pipeline.yaml")
    Path("imgc.toml").write_text(f'[mirrors]\n"docker.io" = "{registry.address}"\n')
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, text in (("python3", "case $2 in pip) echo six==1.17.0;; esac"), ("poetry", "echo idna==3.4")):
        (tools / name).write_text(f"#!/bin/sh\n{text}\n")
        (tools / name).chmod(0o755 | stat.S_IXUSR)
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    assert imgc(capsys, "check").code == 1
    done = imgc(capsys, "lock")
    assert done.code == 0, done.err
    assert imgc(capsys, "check", "--locked", "--deny-warnings").code == 0
    assert imgc(capsys, "compile").code == 0
    assert "six==1.17.0" in Path("compiled/images/frozen/Dockerfile").read_text()
    assert "idna==3.4" in Path("compiled/images/exported/Dockerfile").read_text()
