"""What a request to the engine can carry, and what is left to the `docker` program."""

from __future__ import annotations

import base64
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import plans
import pytest

from imgc_engine.build import process, sending, trace
from imgc_engine.build.command import Flags
from imgc_engine.build.progress import Output, Step, TraceProgress
from imgc_engine.plan import Image, load
from imgc_engine.secrets import Secrets


def an_image(**settings: Any) -> Image:
    made = plans.image("test/app:1.0", dockerfile="images/app/Dockerfile", **settings)
    made["content"] = "sha256:" + "a" * 64
    return load(plans.plan(images={"app": made})).images["app"]


CARRIED: list[tuple[str, str, set[str]]] = [
    ("FROM scratch\nCOPY a.txt sub/b /x/\n", "COPY @a.txt @sub/b /x/", set()),
    ("FROM scratch\nCOPY . ./\n", "COPY @. ./", set()),
    ("FROM scratch\nCOPY --chown=1:2 a/../b *.txt /x/\n", "COPY --chown=1:2 @a/../b @*.txt /x/", set()),
    ('FROM scratch\nCOPY ["a b", "./", "/x/"]\n', 'COPY ["@a b", "@./", "/x/"]', set()),
    ("FROM scratch\nCOPY a \\\n  # why\n  b /x/\n", "COPY @a \\\n  # why\n  @b /x/", set()),
    ("FROM scratch\nADD http://a.b/c d /x/\n", "ADD http://a.b/c @d /x/", set()),
    (
        "FROM d:1 AS one\nFROM one\nCOPY --from=one /a /b\nCOPY --from=0 /a /b\n",
        "COPY --from=0 /a /b",
        {"d:1"},
    ),
    ("FROM d:1\nCOPY --from=b:1 /a /b\n", "COPY --from=b:1 /a /b", {"d:1", "b:1"}),
    (
        "FROM d:1\nRUN --mount=type=cache,target=/c \\\n    --mount=type=bind,source=r.txt,target=/r \\\n    true\n",
        "RUN --mount=type=cache,target=/c \\\n    --mount=type=bind,source=@r.txt,target=/r \\\n    true",
        {"d:1"},
    ),
    (
        "FROM d:1\nRUN --mount=from=b:1,source=/a,target=/x true\n",
        "RUN --mount=from=b:1,source=/a,target=/x true",
        {"d:1", "b:1"},
    ),
    ("ARG V=12\nFROM d:$V\nRUN echo $V # source=x\n", "RUN echo $V # source=x", {"d:12"}),
]


@pytest.mark.parametrize(("text", "line", "needs"), CARRIED, ids=range(len(CARRIED)))
def test_what_is_carried(text: str, line: str, needs: set[str]) -> None:
    sent = sending.sendable(text, an_image())
    assert sent is not None
    assert line.replace("@", sending.FOLDER) in sent.text
    assert sent.text.replace(sending.FOLDER, "") == text
    assert sent.needs == needs


NOT_CARRIED = [
    "FROM d:1\nCOPY ../a /x\n",
    "FROM d:1\nARG P\nCOPY $P /x/\n",
    'FROM d:1\nCOPY "a b" /x/\n',
    'FROM d:1\nCOPY ["a\\"b", "/x/"]\n',
    "FROM d:1\nCOPY --exclude=b a /x/\n",
    "FROM d:1\nCOPY <<A /x\n1\nA\n",
    "FROM d:1\nRUN --mount=type=bind,target=/all true\n",
    'FROM d:1\nRUN --mount=type=bind,"source=a b",target=/all true\n',
    "FROM d:1\nRUN --mount=type=bind,source=$A,target=/all true\n",
    "FROM d:1\nRUN --mount=type=secret,id=a true\n",
    "FROM d:1\nRUN --mount=type=ssh true\n",
    "FROM d:1\nRUN --security=insecure true\n",
    "FROM d:1\nCOPY --from=$A /a /a\n",
    "FROM d:1\nONBUILD COPY a /a\n",
    "# syntax=docker/dockerfile:1\nFROM d:1\n",
    "FROM d:${TARGETARCH}\n",
    "",
]


@pytest.mark.parametrize("text", NOT_CARRIED)
def test_what_is_not_carried(text: str) -> None:
    assert sending.sendable(text, an_image()) is None


SETTINGS: list[tuple[dict[str, Any], Flags]] = [
    ({"secrets": [{"id": "a", "required": True}]}, Flags()),
    ({"ssh": ["default"]}, Flags()),
    ({"platforms": ["linux/arm64"]}, Flags()),
    ({"build": plans.build(pull=True)}, Flags()),
    ({"build": plans.build(shm_size=1 << 27)}, Flags()),
    ({"build": plans.build(network="mine")}, Flags()),
    ({"build": plans.build(cache_from=["a/b"])}, Flags()),
    ({"build": plans.build(cache_to=["type=inline"])}, Flags()),
    ({"build": plans.build(options={"label": "a=b"})}, Flags()),
    ({}, Flags(builder="far")),
    ({}, Flags(platforms=("linux/arm64",))),
]


@pytest.mark.parametrize(("settings", "flags"), SETTINGS, ids=range(len(SETTINGS)))
def test_settings_that_only_docker_knows(settings: dict[str, Any], flags: Flags) -> None:
    assert not sending.carries_settings(an_image(**settings), flags)


def test_every_setting_that_is_carried_is_said() -> None:
    settings = plans.build(network="none", no_cache=True)
    image = an_image(args={"A": "1 2"}, target="two", build=settings)
    assert sending.carries_settings(image, Flags())
    assert sending.parameters(image, Flags()) == {
        "version": "2", "t": "test/app:1.0", "dockerfile": "Dockerfile", "rm": "1", "nocache": "1",
        "buildargs": '{"A": "1 2"}', "target": "two", "networkmode": "none",
        "labels": f'{{"dev.imgc.content": "sha256:{"a" * 64}"}}',
    }  # fmt: skip
    plain = sending.parameters(an_image(tag="a" * 20), Flags())
    assert plain.keys() == {"version", "t", "dockerfile", "rm"}


def members(root: Path, ignore: str) -> dict[str, tarfile.TarInfo]:
    dockerfile = root.parent / "Dockerfile"
    Path(f"{dockerfile}.dockerignore").write_text(ignore)
    context = sending.Context.of(root, dockerfile)
    assert context is not None
    with tarfile.open(fileobj=io.BytesIO(context.body("FROM scratch\n"))) as archive:
        return {member.name.removeprefix(sending.FOLDER): member for member in archive}


def test_the_body_holds_what_the_ignore_file_lets_through(tmp_path: Path) -> None:
    root = tmp_path / "context"
    (root / "a" / "deep").mkdir(parents=True)
    (root / "a" / "deep" / "kept").write_text("kept")
    (root / "a" / "out").write_text("out")
    (root / "a").chmod(0o750)
    (root / "run").write_text("run")
    (root / "run").chmod(0o755)
    (root / "link").symlink_to("run")
    os.link(root / "run", root / "twin")
    found = members(root, "*\n!a/deep\n!run\n!link\n!twin\n")
    assert found.keys() == {
        "Dockerfile",
        ".imgc-context",
        "a",
        "a/deep",
        "a/deep/kept",
        "run",
        "link",
        "twin",
    }
    assert (found["a"].mode, found["run"].mode) == (0o750, 0o755)
    assert (found["link"].issym(), found["link"].linkname) == (True, "run")
    assert found["twin"].isreg()
    assert found["twin"].size == 3
    assert {member.uid for member in found.values()} == {0}


def test_contexts_that_are_left_to_docker(tmp_path: Path) -> None:
    root = tmp_path / "context"
    root.mkdir()
    dockerfile = tmp_path / "Dockerfile"
    assert sending.Context.of(root, dockerfile) is not None
    os.mkfifo(root / "pipe")
    assert sending.Context.of(root, dockerfile) is None
    (root / "pipe").unlink()
    with (root / "large").open("wb") as file:
        file.truncate(sending.LIMIT + 1)
    assert sending.Context.of(root, dockerfile) is None
    (root / ".dockerignore").write_text("large\n")
    assert sending.Context.of(root, dockerfile) is not None
    (root / "link").symlink_to("/elsewhere")
    assert sending.Context.of(root, dockerfile, ["a", "*", "/large", "."]) is not None
    assert sending.Context.of(root, dockerfile, ["link/below"]) is None


def message(*parts: tuple[int, bytes | int]) -> bytes:
    made = b""
    for number, value in parts:
        if isinstance(value, int):
            made += varint(number << 3) + varint(value)
        else:
            made += varint(number << 3 | 2) + varint(len(value)) + value
    return made


def varint(value: int) -> bytes:
    made = b""
    while value > 0x7F:
        made += bytes([value & 0x7F | 0x80])
        value >>= 7
    return made + bytes([value])


def test_a_trace_is_decoded_and_what_is_unknown_in_it_passed_over() -> None:
    vertex = message(
        (1, b"sha:1"), (2, b"sha:0"), (3, "RUN ä".encode()), (5, message((1, 300))), (4, 1), (9, b"?")
    )
    log = message((1, b"sha:1"), (2, message((1, 5))), (3, 2), (4, b"text\n"))
    status = trace.decode(message((1, vertex), (2, b"?"), (3, log), (77, 5)) + b"\xd9\x04" + b"8" * 8)
    (found,) = status.vertexes
    assert found == {"digest": "sha:1", "name": "RUN ä", "started": True, "cached": True}
    assert status.logs == (("sha:1", b"text\n"),)


@pytest.mark.parametrize("data", [b"\x0a\x05abc", b"\x0a", b"\xff" * 11, b"\x0b"])
def test_a_trace_that_is_none(data: bytes) -> None:
    with pytest.raises(ValueError, match="protobuf"):
        trace.decode(data)


def test_what_the_engine_answers_becomes_steps_and_lines() -> None:
    def line(*parts: tuple[int, bytes | int]) -> str:
        return json.dumps({"id": "moby.buildkit.trace", "aux": base64.b64encode(message(*parts)).decode()})

    begun = message((1, b"sha:1"), (3, b"COPY .imgc-context/. x"), (5, b""))
    failed = message((1, b"sha:1"), (3, b"COPY .imgc-context/. x"), (5, b""), (6, b""), (7, b"exit code: 3"))
    progress = TraceProgress(".imgc-context/")
    lines = [
        line((1, begun)),
        line((3, message((1, b"sha:1"), (4, b"one\ntw")))),
        line((3, message((1, b"sha:1"), (4, b"o")))),
        line((1, failed)),
        '{"errorDetail":{"message":"failed to solve: /.imgc-context/why"},"error":"failed to solve: /.imgc-context/why"}',
        "",
    ]
    updates = [update for text in lines for update in progress.feed(text)]
    assert updates == [
        Step("COPY . x", "started"),
        Output("COPY . x", "one"),
        Output("COPY . x", "two"),
        Step("COPY . x", "failed", "exit code: 3"),
        Output("", "failed to solve: /why"),
    ]
    assert not progress.done
    assert list(progress.feed('{"id":"moby.image.id","aux":{"ID":"sha256:1"}}')) == []
    assert progress.done


class Answers:
    """In the place of requests: what the engine answers to one after the other."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)

    def again(self) -> Answers:
        return self

    def progress(self) -> TraceProgress:
        return TraceProgress(sending.FOLDER)

    def lines(self) -> list[str]:
        return self.answers.pop(0)

    def send_signal(self, number: int, /) -> None:
        raise AssertionError(number)


def failing(error: str) -> list[str]:
    step = message((1, b"sha:1"), (3, b"[internal] load"), (5, b""), (6, b""), (7, error.encode()))
    aux = base64.b64encode(message((1, step))).decode()
    return [json.dumps({"id": "moby.buildkit.trace", "aux": aux}), json.dumps({"error": f"failed: {error}"})]


LOST = failing('Get "http://build-context-x": context not found')
MADE = ['{"id":"moby.image.id","aux":{"ID":"sha256:1"}}']


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([LOST, MADE], None),
        ([LOST, LOST], "context not found"),
        ([LOST, failing("exit code: 3")], "exit code 3"),
        ([failing("exit code: 3")], "exit code 3"),
    ],
)
def test_a_context_that_the_engine_has_lost_is_sent_again_once(
    answers: list[list[str]], said: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = Answers(*answers)
    monkeypatch.setattr(process, "request", lambda *_: sent)
    image = an_image()
    file = tmp_path / "compiled" / str(image.dockerfile)
    file.parent.mkdir(parents=True)
    file.write_text("FROM scratch\n")
    plan = load(plans.plan(images={"app": plans.image("test/app:1.0", dockerfile=image.dockerfile)}))
    client: Any = None
    bench = process.Bench(
        plan, tmp_path / "compiled", tmp_path, tmp_path / "logs", client, client, Flags(),
        Secrets({}, tmp_path), process.Processes(), lambda _: None,
    )  # fmt: skip
    failure = process.build_image("app", bench)
    assert (failure is None) == (said is None)
    assert said is None or (failure is not None and said in failure.message)
    assert sent.answers == []
