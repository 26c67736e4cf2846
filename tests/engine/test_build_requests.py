"""Builds by request to the engine, beside the same builds by the `docker` program."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from projects import Project, project_on

from imgc_engine.build.sending import LIMIT
from imgc_engine.events import ImageStep
from imgc_engine.failures import Code
from imgc_engine.interrupt import Interrupt

TREE = "FROM busybox:1.35\nCOPY tree /tree\nCOPY --chown=5:6 more/x more/y /more/\n"


@pytest.fixture
def project(any_engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    with project_on(any_engine, tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
def no_docker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No `docker` program: what is built, is built by request."""
    request.getfixturevalue("project")  # which sets PATH itself
    monkeypatch.setenv("PATH", "/nowhere")


def a_tree(root: Path) -> None:
    tree = root / "tree"
    for folder in ("open", "closed", "empty", "left"):
        (tree / folder).mkdir(parents=True)
    for name, mode in (("a", 0o644), ("run", 0o755), ("open/wide", 0o666), ("closed/own", 0o600)):
        (tree / name).write_text(f"{name} ä\n" * 100)
        (tree / name).chmod(mode)
    (tree / "left" / "kept.txt").write_text("kept")
    (tree / "left" / "out.txt").write_text("out")
    (tree / "empty").chmod(0o750)
    (tree / "link").symlink_to("open/wide")
    (tree / "broken").symlink_to("/no/where")
    os.link(tree / "a", tree / "twin")
    for path in tree.rglob("*"):
        os.utime(path, (1_700_000_000, 1_700_000_000), follow_symlinks=False)
    (root / "more").mkdir()
    for name in "xy":
        (root / "more" / name).write_text(name)
    (root / ".dockerignore").write_text("tree/left/*\n!tree/left/kept.txt\n")


def listed(project: Project, reference: str) -> list[str]:
    found = []
    for path in ("/tree", "/more"):
        for member, data in project.taken(reference, path):
            # Docker 20.10 gives folders the time of their copying, now and then.
            time = None if member.isdir() else member.mtime
            found.append(
                f"{member.name} {member.type!r} {member.mode:o} {member.uid}:{member.gid} {time} {member.linkname} {data!r}"
            )
    return sorted(found)


def test_a_request_brings_what_docker_brings(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    a_tree(project.root)
    project.by_docker = True
    theirs = project.image("theirs", TREE)
    assert project.build().code == Code.FINE
    monkeypatch.setenv("PATH", "/nowhere")
    project.by_docker = False
    ours = project.image("ours", TREE)
    result = project.build("ours")
    assert result.code == Code.FINE, result
    found = listed(project, ours)
    assert any("kept.txt" in line for line in found)
    assert not any("out.txt" in line for line in found)
    assert found == listed(project, theirs)


@pytest.mark.usefixtures("no_docker")
def test_all_of_the_context_is_what_the_ignore_file_lets_through(project: Project) -> None:
    (project.root / "keep.txt").write_text("kept")
    (project.root / "leave.txt").write_text("left")
    reference = project.image("app", 'FROM busybox:1.35\nCOPY . /all\nCOPY ["./", "/more/"]\n')
    (project.root / "compiled/images/app/Dockerfile.dockerignore").write_text("*\n!keep.txt\n")
    result = project.build()
    assert result.code == Code.FINE, result
    for folder in ("all", "more"):
        assert [member.name for member, _ in project.taken(reference, f"/{folder}")] == [
            folder,
            f"{folder}/keep.txt",
        ]
    names = {event.name for event in project.events if isinstance(event, ImageStep)}
    assert "[2/3] COPY . /all" in names or "[stage-0 2/3] COPY . /all" in names, names


@pytest.mark.usefixtures("no_docker")
def test_what_is_not_there_is_named_as_it_is_written(project: Project) -> None:
    project.image("bad", "FROM busybox:1.35\nCOPY nowhere /x\n")
    project.map("bad", (1, 1, "stage-0", "FROM", 1, 11), (2, 2, "stage-0", "COPY", 2, 12))
    (failure,) = project.build().failures
    assert "nowhere" in failure.message
    assert ".imgc-context" not in failure.message + failure.detail + "".join(failure.last_lines)
    assert str(failure.place) == "pipeline.yaml:12:5"


@pytest.mark.usefixtures("no_docker")
def test_an_edit_runs_only_the_steps_behind_it(project: Project) -> None:
    (project.root / "code").mkdir()
    (project.root / "requirements.txt").write_text("six\n")
    text = (
        "FROM busybox:1.35 AS app\n"
        "RUN --mount=type=bind,source=requirements.txt,target=/r --mount=type=cache,target=/c cat /r > /made\n"
        "WORKDIR /app\nCOPY code ./\n"
    )
    references = []
    for line in ("one", "two"):
        (project.root / "code" / "main.py").write_text(f"{line} {project.id}")
        references.append(project.image("app", f"{text}LABEL line={line}\n"))
        result = project.build()
        assert result.code == Code.FINE, result
    steps = {
        event.name.partition("] ")[2][:3]: event.state
        for event in project.events
        if isinstance(event, ImageStep)
    }
    assert (steps["RUN"], steps["COP"]) == ("cached", "done")
    assert project.file(references[1], "/app/main.py") == f"two {project.id}"
    assert project.file(references[1], "/made") == "six\n"


@pytest.mark.usefixtures("no_docker")
def test_parents_args_and_a_label_of_the_content(project: Project) -> None:
    base = project.image(
        "base", "FROM busybox:1.35\nARG WHO\nRUN echo $WHO > /made\n", args={"WHO": "a 'b' $c"}
    )
    child = project.image("child", "FROM {base}\nRUN echo more >> /made\n", after=["base"], tag="1.0")
    result = project.build()
    assert result.code == Code.FINE, result
    assert project.file(child, "/made") == "a 'b' $c\nmore\n"
    assert project.states(project.build()) == {"base": "exists", "child": "exists"}
    assert base != child


@pytest.mark.usefixtures("no_docker")
def test_a_step_that_fails_is_told_as_it_is(project: Project) -> None:
    project.image("bad", "FROM busybox:1.35\nRUN seq 100 && echo why && exit 3\n")
    project.map("bad", (1, 1, "stage-0", "FROM", 1, 11), (2, 2, "stage-0", "RUN", 2, 12))
    result = project.build()
    (failure,) = result.failures
    assert (result.code, failure.exit_code, failure.message) == (
        Code.STEP_FAILED, 3, "The step ended with exit code 3.",
    )  # fmt: skip
    assert failure.last_lines[-2:] == ("100", "why")
    assert failure.log is not None
    assert failure.log.read_text().splitlines().count("55") == 1
    assert str(failure.place) == "pipeline.yaml:12:5"


@pytest.mark.usefixtures("no_docker")
def test_a_dockerfile_that_is_none_is_told_with_its_line(project: Project) -> None:
    project.image("bad", "FROM busybox:1.35\nRUNN true\n")
    project.map("bad", (1, 1, "stage-0", "FROM", 1, 11), (2, 2, "stage-0", "RUN", 2, 12))
    (failure,) = project.build().failures
    assert "unknown instruction: RUNN" in failure.message
    assert str(failure.place) == "pipeline.yaml:12:5"


@pytest.mark.usefixtures("no_docker")
def test_an_interrupt_calls_the_build_off(project: Project) -> None:
    mark = f"imgc-{project.id}"
    project.image("slow", f"FROM busybox:1.35\nRUN echo begun; sleep 600 # {mark}\n")
    interrupt = Interrupt()
    project.on_output = interrupt.request
    result = project.build(interrupt=interrupt)
    assert result.code == Code.INTERRUPTED
    assert project.states(result) == {"slow": "omitted"}
    deadline = time.monotonic() + 20  # the engine ends the step in its own time
    while _runs(mark) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _runs(mark)


NOT_SENT = {
    "a source that only the build knows": "ARG A=a\nCOPY $A /all\n",
    "a base that is not here": "COPY --from=registry.invalid/x:1 /a /a\n",
    "a secret": "RUN --mount=type=secret,id=a true\n",
}


@pytest.mark.usefixtures("no_docker")
@pytest.mark.parametrize("line", NOT_SENT.values(), ids=NOT_SENT)
def test_what_a_request_cannot_carry_needs_docker(project: Project, line: str) -> None:
    project.image("app", f"FROM busybox:1.35\n{line}")
    (failure,) = project.build().failures
    assert failure.code == Code.ENVIRONMENT
    assert "no `docker` program" in failure.message


def test_a_large_context_is_left_to_docker(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with (project.root / "large").open("wb") as file:
        file.truncate(LIMIT + 1)
    reference = project.image("app", "FROM busybox:1.35\nCOPY large /large\nRUN wc -c < /large > /made\n")
    with monkeypatch.context() as without:
        without.setenv("PATH", "/nowhere")
        assert "no `docker` program" in project.build().failures[0].message
    assert project.build().code == Code.FINE
    assert project.file(reference, "/made").strip() == str(LIMIT + 1)


def _runs(mark: str) -> bool:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark in path.read_text(errors="replace"):
                return True
        except OSError:
            continue
    return False
