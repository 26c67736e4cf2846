"""The local environment's packages: which Python is asked, and what of its answer an image can install."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from imgc.lock.lock import LockedEnvironment
from imgc_engine.lookups import environment
from imgc_engine.lookups.environment import local_python, look_up
from imgc_engine.lookups.found import NotFound


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with pip, and packages that came there in all ways."""
    folder = tmp_path_factory.mktemp("env") / "venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    (site,) = folder.glob("lib/python3*/site-packages")
    project = tmp_path_factory.mktemp("project")
    (project / "pyproject.toml").write_text('[project]\nname = "Mine"\nversion = "1"\n')
    commit = {"url": "https://g.example/x", "vcs_info": {"vcs": "git", "commit_id": "ab" * 20}}
    add(site, "zeta", "1.0")
    add(site, "Alpha_Beta", "2.0")
    add(site, "imgc", "0.1")
    add(site, "mine", "1", {"url": project.as_uri(), "dir_info": {"editable": True}})
    add(site, "conda-made", "3.1", {"url": "file:///home/conda/feedstock_root/x/work", "dir_info": {}})
    add(site, "built", "4", {"url": project.as_uri(), "dir_info": {}})
    add(site, "from-git", "5", commit)
    return folder


def add(site: Path, name: str, version: str, direct_url: object = None) -> None:
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    if direct_url is not None:
        (folder / "direct_url.json").write_text(json.dumps(direct_url))


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH but for the shell, with no environment active."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    return folder


def script(path: Path, name: str, text: str) -> None:
    file = path / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


def lists(path: Path, tmp_path: Path, text: str) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    """What is made of a command's output: packages, what is left out, notes."""
    (tmp_path / "out.txt").write_text(text)
    script(path, "listing", f"cat {tmp_path}/out.txt")
    found = look_up(("listing", "--all"), tmp_path)
    assert found.value.command == "listing --all"
    return found.value.packages, found.value.left_out, " ".join(found.notes)


def test_pip_freeze_of_the_active_environment(
    venv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", str(venv))
    found = look_up(("pip_freeze",), tmp_path)
    value: LockedEnvironment = found.value
    assert value.packages == (
        "Alpha_Beta==2.0", "conda-made==3.1", f"from-git @ git+https://g.example/x@{'ab' * 20}", "zeta==1.0",
    )  # fmt: skip
    assert value.left_out == ("built", "mine")
    assert value.python == ".".join(map(str, sys.version_info[:2]))
    assert "copy_dir" in " ".join(found.notes)


def test_an_environment_without_pip_is_asked_through_uv(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    monkeypatch.setenv("VIRTUAL_ENV", str(bare))
    monkeypatch.setattr(environment, "find_uv", lambda: None)
    with pytest.raises(NotFound, match="no pip: pip install uv"):
        look_up(("pip_freeze",), tmp_path)
    script(path, "uv", 'echo "six==1.17.0 # $@"')
    monkeypatch.setattr(environment, "find_uv", lambda: str(path / "uv"))
    assert look_up(("pip_freeze",), tmp_path).value.packages == ("six==1.17.0",)
    assert look_up(("uv_freeze",), tmp_path).value.command == "uv_freeze"


def test_the_python_on_path_and_never_imgcs_own(
    venv: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Path(sys.executable).parent
    monkeypatch.setattr(sys, "prefix", str(own.parent))
    monkeypatch.setattr(sys, "base_prefix", "/elsewhere")
    assert local_python({"PATH": str(own)}) is None
    assert local_python({"PATH": f"{own}:{path}:{venv}/bin"}) == f"{venv}/bin/python3"
    assert local_python({"PATH": f"{venv}/bin", "VIRTUAL_ENV": str(venv)}) == f"{venv}/bin/python"
    assert local_python({}) is None


def test_requirements_as_programs_print_them(path: Path, tmp_path: Path) -> None:
    text = (
        "# made by a program\n--extra-index-url https://i.example\nnumpy==1.26.4 ; python_version >= '3.9' \\\n"
        "    --hash=sha256:aa \\\n    --hash=sha256:bb\n\nsix==1.17.0  # why\nsix==1.17.0\n"
    )
    packages, left_out, notes = lists(path, tmp_path, text)
    assert packages == ("numpy==1.26.4 ; python_version >= '3.9'", "six==1.17.0")
    assert left_out == ()
    assert "--extra-index-url" in notes


def test_what_only_this_machine_has_is_left_out(path: Path, tmp_path: Path) -> None:
    text = (
        "-e git+https://g.example/x@abc#egg=X\n-e git+https://me:pw@g.example/y@abc#egg=y\n-e ./lib\n"
        f"z @ file://{tmp_path}\nsecret @ https://me:pw@g.example/s.whl\n"
    )
    packages, left_out, notes = lists(path, tmp_path, text)
    assert packages == ("X @ git+https://g.example/x@abc",)
    assert left_out == ("lib", "secret", "y", "z")
    assert "pw" not in notes


def test_what_is_no_requirement_is_an_error(path: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="'listing --all' lists 'a b'") as caught:
        lists(path, tmp_path, "a b\n")
    assert caught.value.of_user


def test_a_command_that_fails_or_is_not_there(path: Path, tmp_path: Path) -> None:
    script(path, "fails", "echo it is broken >&2; exit 7")
    with pytest.raises(NotFound, match="'fails --now' ends with 7: it is broken"):
        look_up(("fails", "--now"), tmp_path)
    with pytest.raises(NotFound, match=r"There is no 'poetry' on PATH.*poetry-plugin-export"):
        look_up(("poetry_export",), tmp_path)


def test_poetry_export_is_run_beside_the_pipeline(path: Path, tmp_path: Path) -> None:
    script(path, "poetry", 'echo "$@" > said; echo six==1.17.0')
    assert look_up(("poetry_export",), tmp_path).value.packages == ("six==1.17.0",)
    assert (tmp_path / "said").read_text() == "export --format=requirements.txt --without-hashes\n"


def test_a_command_that_never_ends_is_ended_with_all_it_started(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "SECONDS", 1.0)
    script(path, "hangs", f"sleep 60 & echo $! > {tmp_path}/pid; wait")
    with pytest.raises(NotFound, match="did not end within 1 seconds"):
        look_up(("hangs", "x"), tmp_path)
    pid = int((tmp_path / "pid").read_text())
    for _ in range(100):
        if _is_gone(pid):
            break
        time.sleep(0.05)
    assert _is_gone(pid)


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "Z" in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return True


def test_no_python_at_all(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(path))
    with pytest.raises(NotFound, match="no Python environment to replicate"):
        look_up(("pip_freeze",), tmp_path)
    assert shutil.which("python3", path=str(path)) is None
