"""From Dockerfile lines and BuildKit's steps back to the YAML."""

from __future__ import annotations

import json

import pytest

from imgc.diagnostics import Origin, Span
from imgc.dockerfile.source_map import MapLine, SourceMap, dumps, loads, source_map
from imgc.dockerfile.writer import write
from imgc.instructions.types import (
    Command,
    Copy,
    Env,
    From,
    Instruction,
    Stage,
    Step,
    User,
    Verbatim,
    Workdir,
)

ORIGIN = Origin("/home/me/pipeline.yaml", line=100)  # an island that begins on line 101


def step(line: int, key: str, instruction: Instruction) -> Step:
    return Step(instruction, key, Span(ORIGIN, line - 101, 6, line - 101, 9))


UV = Stage("uv", (Step(From("base", "uv")), step(104, "pip_packages", Command("install uv"))))
ETL = Stage(
    "etl",
    (
        step(102, "base", From("base", "etl")),  # 1
        step(103, "env", Env((("A", "1"), ("B", "2")))),
        step(104, "pip_packages", Command("pip")),  # 2
        step(105, "workdir", Workdir("/")),  # counted in the total, but no step
        step(106, "copy", Copy(("a",), "/a/")),  # 3
        step(106, "copy", Copy(("b",), "/b/")),  # 4
        Step(User("1000")),
        step(107, "commands", Command("make\nmake install")),  # 5
    ),
)


def made(*stages: Stage) -> SourceMap:
    return source_map(write(stages, image="etl", file="pipeline.yaml").lines, file="pipeline.yaml")


def test_the_json() -> None:
    assert dumps(made(Stage("x", (Step(From("base", "x")), ETL.steps[2])))) == (
        '{"version": 1, "file": "Dockerfile", "lines": [\n'
        '  {"line": 1, "end_line": 1, "stage": "x", "instruction": "FROM", "step": 1, "file": null, '
        '"yaml_line": null, "yaml_column": null, "key": ""},\n'
        '  {"line": 3, "end_line": 3, "stage": "x", "instruction": "RUN", "step": 2, '
        '"file": "pipeline.yaml", "yaml_line": 104, "yaml_column": 7, "key": "pip_packages"}\n'
        "]}\n"
    )


def test_it_comes_back() -> None:
    found = made(UV, ETL)
    assert loads(dumps(found)) == found
    assert json.loads(dumps(found))["version"] == 1
    assert loads(dumps(SourceMap("Dockerfile", ()))).lines == ()


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "null",
     '{"version": 2, "file": "x", "lines": []}', '{"version": 1, "file": 1, "lines": []}',
     '{"version": 1, "file": "x", "lines": [{}]}', '{"version": 1, "file": "x", "lines": [1]}',
     '{"version": 1, "file": "x", "lines": 1}'],
)  # fmt: skip
def test_what_is_no_map(text: str) -> None:
    with pytest.raises(ValueError):
        loads(text)


@pytest.mark.parametrize(
    ("vertex", "key", "yaml_line"),
    [
        ("[etl 1/6] FROM docker.io/library/base@sha256:0", "base", 102),
        ("[etl 2/6] RUN pip", "pip_packages", 104),
        ("[etl 3/6] COPY a /a/", "copy", 106),
        ("[etl 4/6] COPY b /b/", "copy", 106),
        ('[etl 5/6] RUN ["/bin/sh", "-ec", "make\\nmake install"]', "commands", 107),
        ("[linux/amd64 etl 2/6] RUN pip", "pip_packages", 104),
        ("[linux/arm64->amd64 etl 2/6] RUN pip", "pip_packages", 104),
        ("[etl  2/6] RUN pip", "pip_packages", 104),
        ("[uv 2/2] RUN install uv", "pip_packages", 104),
        # a base with two ONBUILD triggers
        ("[etl 2/8] ONBUILD RUN x", "base", 102),
        ("[etl 1/8] FROM base", "base", 102),
        ("[etl 4/8] RUN pip", "pip_packages", 104),
        ("[etl 6/8] COPY b /b/", "copy", 106),
    ],
)
def test_find(vertex: str, key: str, yaml_line: int) -> None:
    found = made(UV, ETL).find(vertex)
    assert found is not None
    assert (found.key, found.yaml_line) == (key, yaml_line)


def test_the_two_copies_are_told_apart() -> None:
    lines = [made(UV, ETL).find(f"[etl {n}/6] COPY x") for n in (3, 4)]
    assert [found and found.line for found in lines] == [15, 16]


@pytest.mark.parametrize(
    "vertex",
    ["[internal] load build context", "", "RUN pip", "[etl 9/6] RUN x", "[etl 2/6] COPY x",
     "[nobody 2/6] RUN x", "[auth] sharing credentials", "exporting to image", "[etl 2/6] ", "[2/6] RUN pip"],
)  # fmt: skip
def test_what_is_no_instruction(vertex: str) -> None:
    assert made(UV, ETL).find(vertex) is None


def test_a_single_stage_has_no_name_in_steps() -> None:
    found = made(ETL).find("[2/6] RUN pip")
    assert found is not None
    assert found.key == "pip_packages"


def test_a_users_dockerfile() -> None:
    text = "FROM a\nFROM scratch\nCOPY --from=0 /x /y\n"
    found = made(Stage("x", (step(103, "dockerfile", Verbatim(text)),)))
    copy = found.find("[stage-1 1/1] COPY --from=0 /x /y")
    assert copy == MapLine(3, 3, "stage-1", "COPY", 1, "pipeline.yaml", 103, 7, "dockerfile")


def test_at() -> None:
    found = made(UV, ETL)
    assert [line and line.instruction for line in map(found.at, (1, 2, 3, 4, 5, 8, 9))] == [
        "FROM", "RUN", "RUN", "FROM", "FROM", "ENV", "ENV",
    ]  # fmt: skip
    assert found.at(1000) is None
