"""Images of hand-written plans, built on a real engine."""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker.errors
import plans
import pytest
from projects import Project, project_on

from imgc_engine.events import ImageEnded, ImageStep
from imgc_engine.failures import Code
from imgc_engine.interrupt import Interrupt


@pytest.fixture
def project(engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    with project_on(engine, tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture(params=["by request", "by docker"])
def either(project: Project, request: pytest.FixtureRequest) -> Project:
    """A project that is built by one way, then by the other."""
    project.by_docker = request.param == "by docker"
    return project


def test_parents_come_first_and_what_is_there_is_not_built_again(either: Project) -> None:
    base = either.image("base", "FROM debian:bookworm-slim\nRUN echo base > /made\n")
    left = either.image("left", "FROM {base}\nRUN echo left >> /made\n", after=["base"])
    right = either.image("right", "FROM {base}\nRUN echo right >> /made\n", after=["base"])
    result = either.build()
    assert result.code == Code.FINE, result
    assert either.states(result) == {"base": "built", "left": "built", "right": "built"}
    assert either.file(left, "/made") == "base\nleft\n"
    assert either.file(right, "/made") == "base\nright\n"
    again = either.build()
    assert either.states(again) == {"base": "exists", "left": "exists", "right": "exists"}
    either.client.images.remove(base)
    assert either.states(either.build("left")) == {"left": "exists"}  # its parent is not asked for


def test_equal_images_are_built_once(project: Project) -> None:
    project.image("first", "FROM debian:bookworm-slim\nRUN echo 1 > /made\n")
    second = project.image("second", "FROM debian:bookworm-slim\nRUN echo 1 > /made\n", same_as="first")
    result = project.build("second")
    assert project.states(result) == {"first": "built", "second": "same"}
    assert project.file(second, "/made") == "1\n"
    assert project.states(project.build()) == {"first": "exists", "second": "exists"}


def test_a_step_that_fails_is_named_with_its_last_lines_and_the_rest_goes_on(either: Project) -> None:
    either.image("bad", "FROM debian:bookworm-slim\nRUN seq 100 && echo why && exit 3\n")
    either.image("child", "FROM {bad}\n", after=["bad"])
    either.image("other", "FROM debian:bookworm-slim\n")
    result = either.build()
    assert result.code == Code.STEP_FAILED
    assert either.states(result) == {"bad": "failed", "child": "omitted", "other": "built"}
    (failure,) = result.failures
    assert failure.exit_code == 3
    assert failure.message == "The step ended with exit code 3."
    assert failure.detail.endswith("RUN seq 100 && echo why && exit 3")
    assert failure.last_lines[-2:] == ("100", "why")
    assert failure.log is not None
    assert failure.log.read_text().splitlines().count("55") == 1
    assert ImageStep("bad", failure.detail, "failed") in either.events


@pytest.mark.parametrize(
    ("dockerfile", "words", "code"),
    [
        ("FROM debian:bookworm-slim\nCOPY nowhere /x\n", "nowhere", Code.STEP_FAILED),
        ("FROM registry.invalid/base:1\n", "registry.invalid", Code.ENVIRONMENT),
        ("FROM debian:bookworm-slim\nRUNN true\n", "unknown instruction: RUNN", Code.STEP_FAILED),
    ],
)
def test_other_failures_say_why(either: Project, dockerfile: str, words: str, code: Code) -> None:
    either.image("bad", dockerfile)
    result = either.build()
    assert result.code == code
    assert words in result.failures[0].message


BROKEN = [
    ("RUN true", "RUN echo 1 && false", 13),
    ("COPY a /a", "COPY nowhere /a", 14),
    ("WORKDIR /w", "WORKDIR /etc/passwd", 15),
    ("FROM debian:bookworm-slim AS one", "FROM registry.invalid/base:1 AS one", 11),
    ("FROM debian:bookworm-slim AS two", "FROM missing.invalid/b", 17),
    ("ENV A=1", "ENVV A=1", 12),
]


@pytest.mark.parametrize(("good", "bad", "line"), BROKEN, ids=[bad for _, bad, _ in BROKEN])
def test_what_fails_is_found_in_the_yaml(either: Project, good: str, bad: str, line: int) -> None:
    text = (
        "# a comment\nFROM debian:bookworm-slim AS one\nENV A=1\nRUN true\nCOPY a /a\nWORKDIR /w\n"
        "FROM debian:bookworm-slim AS two\nCOPY --from=one /a /b\n"
    )
    (either.root / "a").write_text("a")
    either.image("app", text.replace(good, bad))
    either.map(
        "app",
        (2, 2, "one", "FROM", 1, 11),
        (3, 3, "one", "ENV", None, 12),
        (4, 4, "one", "RUN", 2, 13),
        (5, 5, "one", "COPY", 3, 14),
        (6, 6, "one", "WORKDIR", 4, 15),
        (7, 7, "two", "FROM", 1, 17),
        (8, 8, "two", "COPY", 2, 18),
    )
    result = either.build()
    assert str(result.failures[0].place) == f"pipeline.yaml:{line}:5", result.failures[0]


def test_a_tag_that_is_no_hash_does_not_hide_a_change(either: Project) -> None:
    reference = either.image("app", "FROM debian:bookworm-slim\nRUN echo 1 > /made\n", tag="1.0")
    assert either.states(either.build()) == {"app": "built"}
    assert either.states(either.build()) == {"app": "exists"}
    either.image("app", "FROM debian:bookworm-slim\nRUN echo 2 > /made\n", tag="1.0")
    assert either.states(either.build()) == {"app": "built"}
    assert either.file(reference, "/made") == "2\n"


def test_what_must_not_be_reused_is_built(project: Project) -> None:
    project.image("app", "FROM debian:bookworm-slim\nRUN date +%N > /made\n", reuse=False)
    project.build()
    assert project.states(project.build()) == {"app": "built"}
    project.image(
        "app", "FROM debian:bookworm-slim\nRUN date +%N > /made\n", build=plans.build(no_cache=True)
    )
    reference = project.images["app"]["reference"]
    project.build()
    before = project.file(reference, "/made")
    assert project.states(project.build(no_cache=True)) == {"app": "built"}
    assert project.file(reference, "/made") != before


def test_args_target_network_and_labels_reach_the_build(project: Project) -> None:
    text = (
        "FROM debian:bookworm-slim AS one\nARG WHO\nRUN echo $WHO > /made; cat /proc/net/dev > /net\n"
        "FROM one AS two\nRUN echo two >> /made\n"
    )
    settings = plans.build(network="none", options={"label": ["a=1", "b=2"]})
    reference = project.image("app", text, args={"WHO": "a 'quoted' $word"}, target="one", build=settings)
    result = project.build()
    assert result.code == Code.FINE, result
    assert project.file(reference, "/made") == "a 'quoted' $word\n"
    assert "eth0" not in project.file(reference, "/net")
    labels = project.client.images.get(reference).labels
    assert (labels["a"], labels["b"]) == ("1", "2")


def test_only_what_the_ignore_file_lets_through_is_sent(either: Project) -> None:
    (either.root / "keep.txt").write_text("kept")
    (either.root / "leave.txt").write_text("left")
    reference = either.image("app", "FROM debian:bookworm-slim\nCOPY . /all\nRUN ls -A /all > /made\n")
    (either.root / "compiled/images/app/Dockerfile.dockerignore").write_text("*\n!keep.txt\n")
    assert either.build().code == Code.FINE
    assert either.file(reference, "/made") == "keep.txt\n"


SECRET_STEP = (
    "FROM debian:bookworm-slim\nRUN --mount=type=secret,id=token cat /run/secrets/token && "
    "wc -c < /run/secrets/token > /made && echo && sleep 0.5 # KIND\n"
)


def command_lines() -> str:
    """Those of all processes of the machine."""
    texts = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            texts.append(path.read_text(errors="replace"))
    return "\n".join(texts)


@pytest.mark.parametrize("kind", ["env", "file"])
def test_a_build_secret_arrives_and_shows_nowhere(
    project: Project, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    value = f"planted-{uuid.uuid4().hex}"
    monkeypatch.setenv("IMGC_TEST_TOKEN", value)
    (project.root / "token").write_text(value)
    project.secrets["token"] = {"env": "IMGC_TEST_TOKEN"} if kind == "env" else {"file": "token"}
    text = SECRET_STEP.replace("KIND", f"{kind} {project.id}")
    reference = project.image(
        "app", text, secrets=[{"id": "token", "required": True}], args={"K": value[-4:]}
    )
    processes: list[str] = []
    project.on_output = lambda: processes.append(command_lines())
    result = project.build()
    assert result.code == Code.FINE, result
    assert project.file(reference, "/made").strip() == str(len(value))
    assert "***" in project.output()  # it was printed, and masked
    assert value not in repr(project.events)
    for path in (project.root / ".imgc").rglob("*"):
        assert path.is_dir() or value not in path.read_text()
    assert "build" in processes[0]
    assert value not in processes[0]
    saved = b"".join(project.client.images.get(reference).save())
    assert value.encode() not in saved
    assert value not in json.dumps(project.client.images.get(reference).history())


def test_a_required_secret_that_is_missing_stops_before_docker(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IMGC_TEST_TOKEN", raising=False)
    project.secrets["token"] = {"env": "IMGC_TEST_TOKEN"}
    project.image("app", SECRET_STEP, secrets=[{"id": "token", "required": True}])
    result = project.build()
    assert result.code == Code.USER_FILE
    assert "set the environment variable IMGC_TEST_TOKEN" in result.failures[0].message
    project.image("app", "FROM debian:bookworm-slim\n", secrets=[{"id": "token", "required": False}])
    assert project.build().code == Code.FINE


def test_an_ssh_agent_reaches_the_build(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = subprocess.run(["ssh-agent", "-s"], capture_output=True, text=True, check=True).stdout
    variables = dict(line.split(";")[0].split("=") for line in agent.splitlines() if "=" in line)
    try:
        monkeypatch.setenv("SSH_AUTH_SOCK", variables["SSH_AUTH_SOCK"])
        text = "FROM debian:bookworm-slim\nRUN --mount=type=ssh test -S $SSH_AUTH_SOCK && echo yes > /made\n"
        reference = project.image("app", text, ssh=["default"])
        result = project.build()
        assert result.code == Code.FINE, result
        assert project.file(reference, "/made") == "yes\n"
    finally:
        subprocess.run(["kill", variables["SSH_AGENT_PID"]], check=False)


def test_what_is_refused_is_refused_before_anything_is_built(project: Project) -> None:
    project.image("fine", "FROM debian:bookworm-slim\n")
    project.image("app", "FROM debian:bookworm-slim\n", build=plans.build(options={"memory": "1g"}))
    result = project.build()
    assert result.code == Code.USER_FILE
    (refusal,) = result.refusals
    assert "'memory'" in refusal.message
    assert str(refusal.place) == "pipeline.yaml:2:3"
    assert project.events == []


def test_inline_cache_goes_out_and_comes_back(project: Project, registry: Any) -> None:
    text = "FROM debian:bookworm-slim\nRUN date +%N > /made\n"
    cached = f"{registry.address}/imgc-test/{project.id}-cache:1"
    settings = plans.build(cache_to=["type=inline"])
    project.image("app", text, reference=cached, tag="1", build=settings)
    assert project.states(project.build(push=True)) == {"app": "pushed"}
    made = project.file(cached, "/made")
    project.client.images.remove(cached)
    subprocess.run(["docker", "builder", "prune", "-af"], check=True, capture_output=True)
    other = project.image("other", text, build=plans.build(cache_from=[f"type=registry,ref={cached}"]))
    assert project.build("other").code == Code.FINE
    assert project.file(other, "/made") == made


def test_a_content_tag_in_the_registry_is_not_built_again(project: Project, registry: Any) -> None:
    content = uuid.uuid4().hex * 2
    reference = f"{registry.address}/imgc-test/{project.id}:{content[:20]}"
    settings = {"reference": reference, "tag": content[:20]}
    project.image("app", "FROM debian:bookworm-slim\nRUN date +%N > /made\n", **settings)
    project.images["app"]["content"] = f"sha256:{content}"
    assert project.states(project.build(push=True)) == {"app": "pushed"}
    project.client.images.remove(reference)
    assert project.states(project.build(push=True)) == {"app": "in registry"}
    with pytest.raises(docker.errors.ImageNotFound):
        project.client.images.get(reference)


def test_a_registry_that_is_not_there_costs_a_push_and_nothing_else(project: Project) -> None:
    content = uuid.uuid4().hex * 2
    reference = f"127.0.0.1:9/imgc-test/{project.id}:{content[:20]}"
    project.image("app", "FROM debian:bookworm-slim\n", reference=reference, tag=content[:20])
    project.images["app"]["content"] = f"sha256:{content}"
    assert project.states(project.build()) == {"app": "built"}
    result = project.build(push=True)
    assert result.code == Code.ENVIRONMENT
    assert "The push failed" in result.failures[0].message


def test_an_engine_that_is_away_is_a_sentence(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    project.image("app", "FROM debian:bookworm-slim\n")
    result = project.build()
    assert result.code == Code.ENVIRONMENT
    assert result.problem.startswith("No Docker engine answers at unix:///nowhere/docker.sock")


def test_twenty_images_that_are_there_take_no_time(project: Project) -> None:
    for number in range(20):
        project.image(f"i{number}", f"FROM debian:bookworm-slim\nLABEL n={number}\n")
    assert project.build().code == Code.FINE
    again = project.build()
    assert set(project.states(again).values()) == {"exists"}
    assert again.seconds < 0.5
    assert sum(isinstance(event, ImageEnded) for event in project.events) == 20


def test_an_interrupt_ends_the_builds_and_leaves_no_process(either: Project) -> None:
    either.image("slow", f"FROM debian:bookworm-slim\nRUN echo begun && sleep 600 # {either.id}\n")
    either.image("child", "FROM {slow}\n", after=["slow"])
    interrupt = Interrupt()
    either.on_output = interrupt.request
    begin = time.monotonic()
    result = either.build(interrupt=interrupt)
    assert time.monotonic() - begin < 30
    assert result.code == Code.INTERRUPTED
    assert either.states(result) == {"slow": "omitted", "child": "omitted"}
    deadline = time.monotonic() + 20  # the engine ends the step in its own time
    while either.id in command_lines() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert either.id not in command_lines()
