"""What a lazy node prints, resolved as if it stood in the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from imgc.analysis.analysis import Analysis, Options, analyse
from imgc.diagnostics import Severity
from imgc.plan.compiled import compile_pipeline

TEXT = """
version: 1
params: {lang: en}
secrets: {token: {env: TOKEN}}
images: {app: {base: "python:3.11-slim-bookworm"}, other: {base: "debian:bookworm-slim"}}
pipeline:
  image: app
  env: {A: above, B: above}
  parallel:
    gen:
      lazy: make list
      env: {B: lazy, C: lazy}
      retry: {attempts: 3}
      max_time: 1m
      needs: [first]
      suppress_errors: true
    first: make
"""


def grown(tmp_path: Path, printed: str, path: str = "gen", text: str = TEXT, **more: str) -> Analysis:
    return analyse("pipeline.yaml", text.lstrip(), tmp_path, Options(printed={path: printed, **more}))


def nodes(analysis: Analysis, tmp_path: Path) -> dict[str, dict[str, Any]]:
    assert not analysis.failed, analysis.diagnostics
    plan = compile_pipeline(analysis.resolved, tmp_path / "out").plan
    return {node["path"]: node for node in plan["nodes"]}


def test_it_becomes_a_group_with_what_holds_for_the_lazy_node(tmp_path: Path) -> None:
    text = "env: {C: printed}\nretry: {attempts: 2}\nserial: {x: make x, y: {run: y, image: other}}\n"
    found = nodes(grown(tmp_path, text), tmp_path)
    assert list(found) == ["", "gen", "gen/x", "gen/y", "first"]
    group = found["gen"]
    assert (group["kind"], group["after"], group["needs"], group["suppress_errors"]) == (
        "serial", ["first"], ["first"], True,
    )  # fmt: skip
    assert group["retry"]["attempts"] == 2
    assert group["max_time"] is None
    assert found["gen/x"]["env"] == {"A": "above", "B": "lazy", "C": "printed"}
    assert found["gen/x"]["image"] == "app"
    assert found["gen/y"]["image"] == "other"
    assert found["gen/y"]["after"] == ["gen/x"]
    assert found["gen/x"]["source"] == {"file": "<output of gen>", "line": 3, "column": 10}
    assert group["source"]["file"] == "pipeline.yaml"


@pytest.mark.parametrize(
    ("printed", "paths"),
    [
        ("run: x", ["gen/run"]),
        ("call: {file: f.py, function: f}", ["gen/call"]),
        ("lazy: x", ["gen/lazy"]),
        (
            "matrix: {n: [1, 2]}\nserial: {a: x}",
            ["gen/serial", "gen/serial/serial[n=1]", "gen/serial/serial[n=1]/a"],
        ),
    ],
)
def test_what_is_no_group_is_its_only_child(tmp_path: Path, printed: str, paths: list[str]) -> None:
    (tmp_path / "f.py").write_text("def f(): pass\n")
    text = TEXT.replace(
        'app: {base: "python:3.11-slim-bookworm"}', 'app: {base: "python:3.11-slim", copy: f.py}'
    )
    found = nodes(grown(tmp_path, printed, text=text), tmp_path)
    assert list(found)[1 : len(paths) + 2] == ["gen", *paths]


def test_params_matrix_and_lazy_nodes_in_it(tmp_path: Path) -> None:
    text = TEXT.replace("    gen:\n", "    gen:\n      matrix: {py: [3.10]}\n")
    printed = "serial: {a: 'echo ${{ params.lang }} ${{ matrix.py }}', more: {lazy: x}}"
    more = {"gen/gen[py=3.10]/more": "run: echo ${{ matrix.py }}"}
    found = nodes(grown(tmp_path, printed, "gen/gen[py=3.10]", text, **more), tmp_path)
    assert found["gen/gen[py=3.10]/a"]["command"][-1] == "echo en 3.10"
    assert found["gen/gen[py=3.10]/more/run"]["command"][-1] == "echo 3.10"


WRONG = [
    ("serial: {a: {run: x, image: nowhere}}", "unknown-image", 1, 29),
    ("serial: {a: {run: x, secrets: [tok]}}", "unknown-secret", 1, 32),
    ("serial: {a: 'x ${{ params.no }}'}", "unknown-param", 1, 16),
    ("needs: [first]\nserial: {a: x}", "misplaced-key", 1, 1),
    ("images: {}\nserial: {a: x}", "unknown-key", 1, 1),
    ("- a", "yaml-syntax", 1, 1),
    (" \n", "empty-file", 1, 1),
    ("parallel: {a: {run: x, needs: [gen]}}", "cycle", 1, 32),
]


@pytest.mark.parametrize(("printed", "code", "line", "column"), WRONG, ids=[code for _, code, *_ in WRONG])
def test_problems_are_at_their_place_in_the_output(
    tmp_path: Path, printed: str, code: str, line: int, column: int
) -> None:
    errors = [d for d in grown(tmp_path, printed).diagnostics if d.severity is Severity.ERROR]
    assert (code, "<output of gen>", line, column) in [
        (error.code, error.span.file, error.span.place.line, error.span.place.column) for error in errors
    ]
    assert errors[0].span.file in grown(tmp_path, printed).sources


def test_what_only_the_output_may_use_is_not_called_unused(tmp_path: Path) -> None:
    assert "unused-name" not in [
        found.code for found in analyse("pipeline.yaml", TEXT.lstrip(), tmp_path).diagnostics
    ]
