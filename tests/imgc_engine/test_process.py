"""`imgc run --engine process` as a user without Docker has it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from gitserver import commit, git
from imgc_engine.process.support import IMAGE, NODE
from imgc_schema import load

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
HEAD = f"""
version: 1
secrets: {{pat: {{env: IMGC_TEST_PAT}}}}
images:
  app: {{python_version: "{VERSION}", copy_dir: ./src, env: {{GREETING: "hi ${{USER}}", PRICE: "5$$"}}}}
"""
NO_DOCKER = "raise ImportError('no docker here', name='docker')\n"


class User:
    """Somebody without a Docker engine, and without its SDK."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder = folder
        (folder / "stub").mkdir()
        (folder / "stub/docker.py").write_text(NO_DOCKER)
        (folder / "project/src").mkdir(parents=True)
        self.project = folder / "project"
        (self.project / "src/job.py").write_text("import os\ndef f(x):\n    print('called', x)\n")
        path = os.pathsep.join([str(folder / "stub"), *sys.path])
        self.env = {
            "PATH": "/usr/bin:/bin", "PYTHONPATH": path, "XDG_CACHE_HOME": str(cache), "IMGC_TEST_PAT": "s3cret-value",
            "USER": "ann", "NOT_FOR_STEPS": "1", "HOME": str(folder),
        }  # fmt: skip

    def write(self, pipeline: str, head: str = HEAD) -> None:
        (self.project / "pipeline.yaml").write_text(head + pipeline.replace("PID", str(os.getpid())))

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "imgc.cli.main", *words], cwd=self.project, env=self.env, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def imgc(self, *words: str) -> tuple[int, str]:
        process = self.start(*words)
        output, _ = process.communicate(timeout=120)
        return process.returncode, output

    def run(self, *words: str) -> tuple[int, str]:
        return self.imgc("run", "--engine", "process", *words)

    @property
    def run_folder(self) -> Path:
        return sorted((self.project / ".imgc/runs").iterdir())[-1]

    def states(self) -> dict[str, str]:
        records = [json.loads(line) for line in (self.run_folder / "journal.jsonl").read_text().splitlines()]
        return {record["path"]: record["state"] for record in records if record["e"] == "node"}


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Virtual environments are made once for all tests: that takes seconds."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def user(tmp_path: Path, cache: Path) -> User:
    return User(tmp_path, cache)


def running(text: str) -> list[int]:
    """Processes with that text on their command line."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if text in line and int(folder.name) != os.getpid() and "pytest" not in line:
            found.append(int(folder.name))
    return found


def wait_for(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_steps_have_what_they_have_in_containers(user: User) -> None:
    user.write("""
pipeline:
  image: app
  stop_on_error: false
  serial:
    one:
      run: |
        pwd; ls; echo "$GREETING|$PRICE|$A|$TOKEN|${NOT_FOR_STEPS:-clean}"; cat
        echo changed >job.py; touch ~/made "$TMPDIR/made"
      env: {A: "b $c"}
      stdin: typed
      secrets: [{secret: pat, env: TOKEN}]
    python: {run: [python, -c, "import sys; print(sys.prefix != sys.base_prefix, *sys.version_info[:2])"]}
    called: {call: {file: src/job.py, function: f, args: {x: 3}}}
    elsewhere: {run: pwd, workdir: /data/in}
    codes: {run: exit 4, accept_return_code: [4]}
    shared:
      container_reuse: new
      serial:
        serve: "echo state >state; sleep 731.PID & echo $! >pid"
        ask: "cat state; kill -0 $(cat pid) && echo alive"
    background: "sleep 732.PID & echo begun"
    deaf: {run: "trap '' TERM; sleep 733.PID & wait; sleep 733.PID", max_time: 1s, suppress_errors: true}
    missing: {run: [no-such-program], suppress_errors: true}
    again: {run: "test -e once && exit 9; touch once; exit 3", retry: {attempts: 2}, suppress_errors: true}
""")
    code, output = user.run("--report", "run.html")
    assert code == 0, output
    lines = output.splitlines()
    work = f"{user.run_folder}/work"
    assert f"one | {work}/one/1/app" in lines
    assert [line for line in lines if line.startswith("one | ")][1:] == [
        "one | job.py", "one | hi ann|5$|b $c|***|clean", "one | typed",
    ]  # fmt: skip
    assert f"python | True {VERSION.replace('.', ' ')}" in lines
    assert "called | called 3" in lines
    assert f"elsewhere | {work}/elsewhere/1/data/in" in lines
    assert "shared/ask | state" in lines
    assert "shared/ask | alive" in lines
    assert "deaf: failed" in output
    assert "missing: failed: 'no-such-program' was not found on this machine." in lines
    assert "again: failed: It ended with exit code 3." in lines, "each attempt has a folder of its own"
    assert not any(running(f"sleep\x00{number}.{os.getpid()}") for number in (731, 732, 733))
    assert "called" in (user.project / "src/job.py").read_text(), "the user's files are as they were"
    assert not Path(work).exists()
    assert "s3cret-value" not in output + (user.project / "run.html").read_text()
    assert "processes of this machine" in (user.project / "run.html").read_text()


def test_a_failure_is_at_its_place_and_its_folder_kept_on_demand(user: User) -> None:
    user.write("pipeline: {image: app, serial: {bad: echo made >made; exit 3}}")
    code, output = user.run("--keep")
    assert code == 4
    assert "bad: It ended with exit code 3.\n  --> pipeline.yaml:6:33" in output
    assert "imgc debug" not in output, "which needs containers"
    assert f"to go on: imgc run --engine process --resume {user.run_folder.name}" in output
    assert (user.run_folder / "work/bad/1/app/made").read_text() == "made\n"
    assert user.imgc("clean") == (0, "there was nothing to remove\n")
    assert not (user.run_folder / "work").exists()


def test_code_that_containers_would_be_given_is_refused(user: User) -> None:
    user.write(
        "pipeline: {image: app, run: ls}\n",
        HEAD.replace("copy_dir: ./src,", "copy_dir: ./src, source_files: download,"),
    )
    git(user.project, "init", "-q")
    commit(user.project, {"src/more.py": ""})
    git(user.folder, "clone", "-q", "--bare", "project", "remote.git")
    git(user.project, "remote", "add", "origin", "../remote.git")
    git(user.project, "fetch", "-q", "origin")
    code, output = user.run()
    assert code == 1
    assert "Code of a commit is put into containers" in output
    assert "pipeline.yaml:5:" in output


def test_what_cannot_be_is_refused_and_what_is_nearly_so_is_said(user: User) -> None:
    user.write(
        """
pipeline:
  image: app
  serial:
    one: {run: x, user: "7", mounts: [{src: src, dst: /d}], docker_run_args: [--init], requires_docker: true}
    two: {run: x, network: none, secrets: [pat], mem: 1Gi, cpu: 1}
    three: {run: x, image: other}
    four: {run: x, image: debian}
    lazy: {lazy: x, image: nearly}
""",
        HEAD
        + """
  other: {base: "python:3.12", apt_packages: [jq], commands: [make], layers: [{npm_packages: [x]}]}
  debian: {base: "debian:bookworm-slim", skip_build: true}
  nearly: {extends: other, user: "5"}
""",
    )
    code, output = user.run()
    assert code == 1
    places = {
        tuple(line.split(":")[-2:]) for line in output.splitlines() if line.startswith("  --> pipeline.yaml:")
    }
    assert len(places) == 11, output
    for text in (
        "System packages would have to change this machine.", "Commands of an image", "npm_packages is not supported",
        "The base debian:bookworm-slim is not known to be Python", "A process runs as you", "nothing can be mounted",
        "docker_run_args need a container", "requires_docker needs a container", "in the network of this machine",
        "cannot be a file at a fixed place here: `{secret: pat, env: NAME}`", "`lazy` needs containers",
    ):  # fmt: skip
        assert text in output, text
    assert not (user.project / ".imgc/runs").exists()
    user.write("pipeline: {image: app, run: 'true', mem: 1Gi, cpu: 1}")
    code, output = user.run()
    assert code == 0
    assert "imgc: pipeline.yaml:6:37: Memory is counted when steps start, and not limited" in output


@pytest.mark.parametrize(
    ("table", "of"), [(IMAGE, ("image", "layer")), (NODE, ("node",))], ids=["images", "nodes"]
)
def test_the_table_has_every_key_and_no_other(table: Mapping[str, Any], of: tuple[str, ...]) -> None:
    schema = load("pipeline")["$defs"]
    assert set(table) == {key for name in of for key in schema[name]["properties"]}
    assert all(support.text for support in table.values() if support.level != "exact")


def test_a_run_that_was_killed_goes_on_and_leaves_no_process(user: User) -> None:
    user.write("""
pipeline:
  image: app
  serial:
    first: echo first >>/tmp/%s
    second: "echo second >>/tmp/%s; test -e /tmp/%s.go || sleep 734.PID"
""".replace("%s", (name := f"imgc-test-{os.getpid()}")))  # fmt: skip
    trace, go = Path("/tmp", name), Path("/tmp", f"{name}.go")
    try:
        process = user.start("run", "--engine", "process")
        wait_for(
            lambda: (
                trace.exists() and "second" in trace.read_text() and running(f"sleep\x00734.{os.getpid()}")
            )
        )
        process.kill()
        process.communicate()
        assert running(f"sleep\x00734.{os.getpid()}"), "nobody could end it"
        assert "cut off" in user.imgc("ps")[1]
        go.touch()
        code, output = user.imgc("run", "--resume")
        assert code == 0, output
        assert not running(f"sleep\x00734.{os.getpid()}")
        assert trace.read_text().split() == ["first", "second", "second"]
    finally:
        trace.unlink(missing_ok=True)
        go.unlink(missing_ok=True)


@pytest.mark.parametrize("how", ["interrupt", "stop", "clean"])
def test_ending_a_run_ends_all_that_it_started(user: User, how: str) -> None:
    number = f"{735 + len(how)}.{os.getpid()}"
    user.write(f"pipeline: {{image: app, run: 'sleep {number} & sleep {number}'}}")
    process = user.start("run", "--engine", "process")
    wait_for(lambda: len(running(f"sleep\x00{number}")) == 2)
    if how == "interrupt":
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    elif how == "stop":
        assert user.imgc("stop")[0] == 0
        assert process.wait(30) == 130
    else:
        process.kill()
        process.wait()
        assert user.imgc("clean") == (0, "removed 1 process group\n")
    wait_for(lambda: not running(f"sleep\x00{number}"))
    assert not (user.run_folder / "work").exists()


def wheel(path: Path, name: str, version: str) -> Path:
    """A package that needs no build and no index."""
    file = path / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"{name}.py", f"version = {version!r}\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return file


@pytest.fixture
def packages(user: User) -> User:
    wheel(user.project, "imgc_demo", "1.0")
    wheel(user.project, "imgc_demo", "2.0")
    head = f"""
version: 1
images:
  one: {{python_version: "{VERSION}", pip_packages: [./imgc_demo-1.0-py3-none-any.whl]}}
  two: {{extends: one, requirements: requirements.txt, pip: {{extra_args: [--no-index, --find-links, .]}}}}
"""
    (user.project / "requirements.txt").write_text("-r inner.txt\n")
    (user.project / "inner.txt").write_text("imgc-demo==2.0\n")
    command = "python -c 'import imgc_demo; print(imgc_demo.version)'"
    user.write(
        f'pipeline: {{serial: {{a: {{image: one, run: "{command}"}}, b: {{image: two, run: "{command}"}}}}}}',
        head,
    )
    return user


def test_environments_are_made_once_for_equal_content(packages: User) -> None:
    code, output = packages.run()
    assert code == 0, output
    assert "a | 1.0" in output
    assert "b | 2.0" in output
    assert output.count(": built (") == 2
    assert packages.run()[1].count(": exists") == 2
    (packages.project / "inner.txt").write_text("imgc-demo==3; python_version < '3'\n")
    code, output = packages.run("b")
    assert "two: built" in output, "an included file takes part"
    assert "b | 1.0" in output


def test_an_install_that_fails_is_at_its_place(packages: User) -> None:
    (packages.project / "inner.txt").write_text("imgc-demo==7.0\n")
    code, output = packages.run("b")
    assert code == 4
    assert "two: The install ended with exit code 1.\n  --> pipeline.yaml:5:23" in output
    assert "No matching distribution found for imgc-demo==7.0" in output
    assert "whole log: .imgc/builds/two.log" in output
    assert not (packages.project / ".imgc/runs").exists()


def test_a_python_that_is_not_there_is_said(user: User) -> None:
    user.write("pipeline: {image: old, run: x}", 'version: 1\nimages: {old: {python_version: "3.4"}}\n')
    code, output = user.run()
    assert code == 3
    assert "There is no Python 3.4 on this machine: install it (`uv python install 3.4`)." in output


def test_imgc_toml_names_the_engine(user: User) -> None:
    (user.project / "imgc.toml").write_text('engine = "process"\n')
    user.write("pipeline: {image: app, serial: {bad: exit 3}}")
    code, output = user.imgc("run")
    assert code == 4, output
    assert f"to go on: imgc run --engine process --resume {user.run_folder.name}" in output
    assert "imgc debug" not in output
    assert user.imgc("run", "--engine", "docker")[0] == 3


def test_the_other_commands_need_no_docker_either(user: User) -> None:
    user.write("pipeline: {image: app, serial: {one: echo said}}")
    assert user.run()[0] == 0
    assert "1 succeeded" in user.imgc("ps")[1]
    assert user.imgc("logs", "one") == (0, "said\n")
    assert user.imgc("logs", "-f", "one") == (0, "said\n")
    assert user.imgc("logs") == (0, "one | said\n")
    assert user.imgc("report")[0] == 0
    assert user.imgc("stop")[1].strip().endswith("has ended already.")
    code, output = user.imgc("run")
    assert code == 3
    assert "this needs the Docker SDK: pip install 'imgc[docker]'" in output
