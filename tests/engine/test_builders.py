"""Build pipelines by the command line: code that no image holds, built once for its content."""

from __future__ import annotations

import os
import signal
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cli import Pipeline, pipeline_on
from servers import gateway, private_index

from imgc_engine.connection import connect
from imgc_engine.data.owners import take_over

PYTHON = '"python:3.11-slim-bookworm"'


@pytest.fixture
def project(engine: Any, tmp_path: Path) -> Iterator[Pipeline]:
    with pipeline_on(engine, tmp_path / "p") as made:
        yield made
        assert containers(made) == []


def containers(project: Pipeline) -> list[str]:
    label = f"imgc.project={project.folder.resolve()}"
    found = project.engine.client.containers.list(all=True, filters={"label": label})
    return [container.name for container in found]


def pipeline(project: Pipeline, text: str) -> None:
    project.write(textwrap.dedent(text).lstrip("\n"))


def files(project: Pipeline, **texts: str) -> None:
    """`a__b_dot_py` is a/b.py."""
    for name, text in texts.items():
        path = project.folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"))


def test_python_code_runs_with_its_requirements_and_is_edited_without_a_build(project: Pipeline) -> None:
    pipeline(
        project,
        f"""
        images: {{app: {{base: {PYTHON}, builder: {{language: python, path: source}}}}}}
        pipeline: {{image: app, serial: {{one: {{}}, two: "python main.py && ls /pfs/source"}}, workdir: /pfs/source}}
        """,
    )
    files(project, source__main_dot_py="import six\nprint('six', six.__version__[0])\n",
                  source__requirements_dot_txt="six\n", source__helper_dot_py="")  # fmt: skip
    first = project.imgc("run")
    assert "app: code " in first
    assert "one | six 1" in first
    assert "two | six 1" in first, "a node's own command has the packages too"
    assert "two | helper.py" in first
    files(project, source__main_dot_py="import six\nprint('edited', six.__version__[0])\n")
    second = project.imgc("run")
    assert "one | edited 1" in second
    assert " code " not in second, "what requirements.txt says has not changed"
    assert "app: built" not in second
    files(project, source__requirements_dot_txt="six==1.16.0\n")
    third = project.imgc("run")
    assert "app: code " in third
    assert "one | edited 1" in third


def test_without_requirements_there_is_no_build_step(project: Pipeline) -> None:
    pipeline(
        project,
        f"""
        images: {{app: {{base: {PYTHON}, builder: {{language: python}}}}}}
        pipeline: {{image: app}}
        """,
    )
    files(project, main_dot_py="import os\nprint(sorted(os.listdir('/pfs/source')))\n", data__x="")
    said = project.imgc("run")
    assert f"{project.name} | ['data', 'main.py']" in said, (
        "the pipeline file and imgc's own folder are no code"
    )
    assert " code " not in said


CUSTOM = """
    images:
      maker:
        base: "debian:bookworm-slim"
        copy: [{src: builder, dst: /builder/, contents_only: true}]
        workdir: /builder
      app: {builder: {image: maker, path: source}}
      elsewhere: {base: "busybox:1.35", builder: {image: maker, path: source}}
    pipeline:
      serial:
        built: {image: app}
        own: {image: app, run: [sh, /pfs/build/run.sh, "a b", c]}
        based: {image: elsewhere, run: [sh, -c, "sh /pfs/build/run.sh; busybox | head -1"]}
    """
BUILD = """
    set -e
    echo building
    tr a-z A-Z < /pfs/source/text > /pfs/out/text
    cp run.sh /pfs/out/run.sh
    """
RUN = """
    echo "$#: $1"
    cat /pfs/build/text
    """


def test_anyone_s_builder_and_a_base_for_what_it_built(project: Pipeline) -> None:
    pipeline(project, CUSTOM)
    files(project, builder__build_dot_sh=BUILD, builder__run_dot_sh=RUN, source__text="hello\n")
    said = project.imgc("run")
    assert said.count("code ") == 1, "two images share the builder and the source"
    for line in ("built | 0: ", "built | HELLO", "own | 2: a b", "based | HELLO", "based | BusyBox"):
        assert line in said
    files(project, source__text="more\n")
    again = project.imgc("run")
    assert "built | MORE" in again
    assert again.count("code ") == 1
    assert "maker: built" not in again


def test_what_a_pachignore_names_is_no_code(project: Pipeline) -> None:
    pipeline(
        project,
        f"""
        images: {{app: {{base: {PYTHON}, builder: {{language: python, path: source}}}}}}
        pipeline: {{image: app, run: "cd /pfs/source; find . -type f | sort"}}
        """,
    )
    files(
        project,
        source__main_dot_py="",
        source__notes_dot_md="",
        source__data__big="",
        source__lib__x_dot_log="",
    )
    (project.folder / "source/.pachignore").write_text("*.md\ndata/*\n*.log\n")
    said = project.imgc("run")
    listed = [
        line.removeprefix(f"{project.name} | ")
        for line in said.splitlines()
        if line.startswith(f"{project.name} | ")
    ]
    assert listed == ["./.pachignore", "./main.py"]
    (project.folder / "source/.pachignore").write_text("*.md\n[\n")
    assert "source/.pachignore:2: this is no glob: a '[' lacks its ']'" in project.imgc("run", code=1)


def test_a_failed_build_step_is_shown_at_its_line_and_nothing_of_it_is_used(project: Pipeline) -> None:
    pipeline(project, CUSTOM)
    broken = BUILD + "\n    echo half > /pfs/out/half\n    echo the reason >&2\n    exit 3\n"
    files(project, builder__build_dot_sh=broken, builder__run_dot_sh=RUN, source__text="hello\n")
    said = project.imgc("run", code=4)
    assert "app: The build step ended with exit code 3." in said
    assert "--> pipeline.yaml:8:39" in said
    assert "| the reason" in said
    assert "sh ./build.sh" in said
    assert "run.sh into /pfs/out" not in said
    assert not list((project.folder / ".imgc/data/build").glob("*/"))
    files(project, builder__build_dot_sh=BUILD)
    assert "built | HELLO" in project.imgc("run")


def test_a_builder_that_leaves_no_run_sh_is_told(project: Pipeline) -> None:
    pipeline(project, CUSTOM)
    files(project, builder__build_dot_sh="true", builder__run_dot_sh=RUN, source__text="hello\n")
    assert "The builder put no run.sh into /pfs/out" in project.imgc("run", "built", code=4)
    assert "own: failed" in project.imgc("run", "own", code=4), "its own command does not find it"


def test_requirements_that_cannot_be_had_are_told(project: Pipeline) -> None:
    pipeline(
        project,
        f"""
        images: {{app: {{base: {PYTHON}, builder: {{language: python}}}}}}
        pipeline: {{image: app}}
        """,
    )
    files(project, main_dot_py="", requirements_dot_txt="six==0.0.0.nope\n")
    said = project.imgc("run", code=4)
    assert "app: The build step ended with exit code 1." in said
    assert "six==0.0.0.nope" in said


def test_two_runs_at_once_build_once(project: Pipeline) -> None:
    pipeline(project, CUSTOM)
    slow = "sleep 3\n" + textwrap.dedent(BUILD)
    files(project, builder__build_dot_sh=slow, builder__run_dot_sh=RUN, source__text="hello\n")
    project.imgc("build")
    runs = [project.start("run", "built") for _ in range(2)]
    said = [run.communicate(timeout=120)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said
    assert sum(text.count("code ") for text in said) == 1
    assert all("built | HELLO" in text for text in said)


def test_an_interrupted_build_step_leaves_nothing(project: Pipeline) -> None:
    pipeline(project, CUSTOM)
    files(project, builder__build_dot_sh="sleep 60", builder__run_dot_sh=RUN, source__text="hello\n")
    project.imgc("build")
    process = project.start("run", "built")
    wait_for(lambda: any("imgc-code" in name for name in containers(project)))
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[0]
    assert process.returncode == 130, said
    assert containers(project) == []
    assert [path.suffix for path in (project.folder / ".imgc/data/build").iterdir() if path.is_dir()] == []


def test_a_crash_in_a_build_step_is_cleaned_up_and_forgotten(project: Pipeline) -> None:
    pipeline(project, CUSTOM)
    files(project, builder__build_dot_sh="sleep 60", builder__run_dot_sh=RUN, source__text="hello\n")
    project.imgc("build")
    process = project.start("run", "built")
    wait_for(lambda: any("imgc-code" in name for name in containers(project)))
    process.kill()
    process.communicate()
    project.imgc("clean")
    assert containers(project) == []
    files(project, builder__build_dot_sh=BUILD)
    assert "built | HELLO" in project.imgc("run", "built")


def test_a_resumed_run_goes_on_with_the_code_it_began_with(project: Pipeline) -> None:
    pipeline(
        project,
        f"""
        images: {{app: {{base: {PYTHON}, builder: {{language: python}}}}}}
        pipeline: {{image: app, serial: {{one: {{}}, two: {{}}}}}}
        """,
    )
    files(project, main_dot_py="import time\nprint('old', flush=True)\ntime.sleep(3)\n")
    process = project.start("run")
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("one | old"):
            break
    process.kill()
    process.communicate()
    files(project, main_dot_py="print('new')\n")
    said = project.imgc("run", "--resume")
    assert "two | old" in said
    assert "new" not in said
    assert "one | new" in project.imgc("run")


def test_what_a_container_wrote_as_root_becomes_ours(
    engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", engine.env["DOCKER_HOST"])
    (tmp_path / "d").mkdir()
    (tmp_path / "d/f").touch()
    monkeypatch.setattr(os, "getuid", lambda: 4321)
    monkeypatch.setattr(os, "getgid", lambda: 4322)
    take_over(connect(), "busybox:1.35", tmp_path)
    found = (tmp_path / "d/f").stat()
    assert (found.st_uid, found.st_gid) == (4321, 4322)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_the_build_step_has_the_image_s_index_and_secrets(project: Pipeline) -> None:
    with private_index(gateway(project.engine), "robot", "s3cret-word") as address:
        host = address.partition(":")[0]
        pipeline(
            project,
            f"""
            secrets: {{word: {{env: IMGC_TEST_WORD}}}}
            images:
              app:
                base: {PYTHON}
                builder: {{language: python}}
                pip:
                  index_url: {{url: "http://{address}/simple", username: robot, password: word}}
                  extra_args: [--trusted-host, {host}]
            pipeline: {{image: app}}
            """,
        )
        files(project, main_dot_py="import private_package\nprint('imported')\n",
              requirements_dot_txt="private-package\n")  # fmt: skip
        wrong = project.imgc("run", code=4, env={"IMGC_TEST_WORD": "wrong-word"})
        missing = project.imgc("run", code=3)
        said = project.imgc("run", "-v", env={"IMGC_TEST_WORD": "s3cret-word"})
    assert "The build step ended with exit code" in wrong, wrong
    assert "set the environment variable IMGC_TEST_WORD" in missing
    assert "imported" in said
    everything = (wrong + missing + said).encode()
    everything += b"".join(path.read_bytes() for path in project.folder.rglob("*") if path.is_file())
    assert b"s3cret-word" not in everything
    assert b"wrong-word" not in everything
