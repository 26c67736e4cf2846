"""The structure check: jsonschema judges the same documents, and every finding has its place and its fix."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import imgc_schema
from imgc.checks.structure import check
from imgc.diagnostics import Diagnostic, in_order
from imgc.document.document import load
from imgc.document.nodes import plain

SCHEMA = imgc_schema.load("pipeline")
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def findings(text: str) -> list[Diagnostic]:
    document = load("p.yaml", text)
    found = list(document.diagnostics)
    check(document.root, found.append)
    return in_order(found)


def images(body: str) -> list[Diagnostic]:
    return findings(f"version: 1\nimages:\n  a:\n    base: python:3.12-slim\n{body}")


@pytest.mark.parametrize(
    ("body", "code", "line", "column", "words"),
    [
        ("    pip_package: [numpy]\n", "unknown-key", 5, 5, ["pip_packages"]),
        ("    reqs_py: [numpy]\n", "foreign-key", 5, 5, ["pip_packages", "Conducto"]),
        ("    pip: [numpy]\n", "foreign-key", 5, 5, ["pip_packages"]),
        ("    max_time: 1h\n", "unknown-key", 5, 5, ["a node"]),
        ("    python_version: 3.10\n", "unquoted-text", 5, 21, ['"3.10"', "3.1"]),
        ("    pip_packages: numpy\n", "wrong-type", 5, 19, ["a list"]),
        ("    commands: [1]\n", "unquoted-text", 5, 16, ['"1"']),
        ("    commands:\n      - make: all\n", "wrong-type", 6, 9, ["quotes"]),
        ("    copy_dir:\n", "missing-value", 5, 5, ["copy_dir"]),
        ("    auto_workdir: maybe\n", "wrong-type", 5, 19, ["true or false"]),
        ("    dockerfile: x\n", "conflicting-keys", 5, 5, ["base", "dockerfile"]),
        ("    expose: [99999999]\n", "wrong-value", 5, 14, []),
        ("    layers: [{env: {A: 1}, workdir: /x}]\n", "conflicting-keys", 5, 28, ["env", "workdir"]),
        ("    layers: [{pip: {}}]\n", "missing-key", 5, 14, []),
        ("    layers:\n      - pip: {}\n", "missing-key", 6, 9, []),
        ("    copy_branch: main\n", "missing-key", 5, 5, ["copy_url"]),
        ("    pip: {installer: uvv}\n", "wrong-value", 5, 22, ["uv"]),
        ("    builder: {language: python, image: x:1}\n", "conflicting-keys", 5, 33, ["language", "image"]),
    ],
)
def test_findings_of_an_image(body: str, code: str, line: int, column: int, words: list[str]) -> None:
    found = images(body)
    assert next((d.code, d.span.place.line, d.span.place.column) for d in found) == (code, line, column)
    said = " ".join(
        [found[0].text, *(r.message for r in found[0].related), *(f.title for f in found[0].fixes)]
    )
    for word in words:
        assert word in said


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("images: {}\n", "missing-key", 1, 1),
        ("version: 1\n", "missing-key", 1, 1),
        ("version: 2\nimages: {}\n", "wrong-value", 1, 10),
        ("version: 1\npipeline: {serial: {a: }}\n", "missing-value", 2, 21),
        ("version: 1\npipeline: {serial: {a/b: x}}\n", "wrong-name", 2, 21),
        ("version: 1\nimages: {A: {}}\n", "wrong-name", 2, 10),
        ("version: 1\npipeline: {run: x, serial: {}}\n", "conflicting-keys", 2, 20),
        ("version: 1\npipeline: {run: x, when: allways}\n", "wrong-value", 2, 26),
        ("version: 1\npipeline: {run: x, max_time: 5}\n", "unquoted-text", 2, 30),
        ("version: 1\npipeline: {run: x, steps: {}}\n", "foreign-key", 2, 20),
        ("version: 1\npipeline: {run: x, retry: {}}\n", "missing-key", 2, 27),
        ("version: 1\npipeline:\n  run: x\n  retry:\n    backoff: 1s\n", "missing-key", 4, 3),
        ("versoin: 1\nimages: {}\n", "unknown-key", 1, 1),
    ],
)  # fmt: skip
def test_findings_of_a_document(text: str, code: str, line: int, column: int) -> None:
    found = findings(text)
    assert [(d.code, d.span.place.line, d.span.place.column) for d in found][:1] == [(code, line, column)]
    assert len(found) == 1


def apply(text: str, diagnostic: Diagnostic, number: int = 0) -> str:
    lines = text.split("\n")
    for edit in sorted(diagnostic.fixes[number].edits, key=lambda edit: edit.span.start, reverse=True):
        (line, column), (end_line, end_column) = edit.span.start, edit.span.end
        assert line == end_line
        lines[line] = lines[line][:column] + edit.text + lines[line][end_column:]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("    python_version: 3.10", '    python_version: "3.10"'),
        ("    pip_package: [numpy]", "    pip_packages: [numpy]"),
        ("    pip_packages: numpy", "    pip_packages: [numpy]"),
        ("    reqs_py: [numpy]", "    pip_packages: [numpy]"),
        ("    pip: numpy", "    pip_packages: [numpy]"),
    ],
)
def test_fixes(before: str, after: str) -> None:
    head = "version: 1\nimages:\n  a:\n    ref: x\n"
    found = findings(head + before + "\n")
    fixed = apply(head + before + "\n", found[0])
    assert fixed == head + after + "\n"
    assert not findings(fixed)


def test_a_warning_per_value_that_is_wrong_in_a_list() -> None:
    assert [d.span.place.column for d in images("    commands: [1, make, true]\n")] == [16, 25]


# jsonschema and the walker


def documents(shared: Path) -> list[dict[str, Any]]:
    found = []
    for file in sorted((shared / "conformance" / "valid").glob("*/pipeline.yaml")):
        document = load("p.yaml", file.read_text())
        found.append(plain(document.root))
    return found  # type: ignore[return-value]


VALUES: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    "",
    "x",
    "${{ params.x }}",
    "1h",
    "2Gi",
    [],
    ["x"],
    [1],
    {},
    {"x": "y"},
    {"env": "X"},
]


def mutated(data: Any, random_: random.Random) -> Any:
    """A document with one place of it changed: a key renamed, removed or added, a value replaced."""
    data = copy.deepcopy(data)
    places: list[Any] = []
    stack = [data]
    while stack:
        current = stack.pop()
        if (isinstance(current, dict) and current) or (isinstance(current, list) and current):
            places.append(current)
            stack.extend(current.values() if isinstance(current, dict) else current)
    place = random_.choice(places)
    key = random_.choice(list(place) if isinstance(place, dict) else range(len(place)))
    match random_.randrange(4):
        case 0:
            del place[key]
        case 1 if isinstance(place, dict):
            place[str(key) + random_.choice(["x", "s", "/"])] = place.pop(key)
        case 2 if isinstance(place, dict):
            names = [*SCHEMA["$defs"]["image"]["properties"], *SCHEMA["$defs"]["node"]["properties"]]
            place[random_.choice(names)] = random_.choice(VALUES)
        case _:
            place[key] = random_.choice(VALUES)
    return data


@given(st.integers(0, 2**32))
@settings(max_examples=1500, deadline=None)
def test_jsonschema_accepts_and_refuses_the_same(seed: int) -> None:
    shared = Path(__file__).resolve().parents[3].parent / "shared"
    random_ = random.Random(seed)
    data = mutated(random_.choice(_documents(shared)), random_)
    text = json.dumps(data, ensure_ascii=False)
    document = load("p.yaml", text.replace("\t", " "))
    found: list[Diagnostic] = []
    check(document.root, found.append)
    if document.root.broken:
        return
    valid = VALIDATOR.is_valid(plain(document.root))
    assert valid == (not found), (
        text,
        [(d.text, str(d.span.place)) for d in found],
        [e.message for e in VALIDATOR.iter_errors(data)][:3],
    )


_CACHE: list[dict[str, Any]] = []


def _documents(shared: Path) -> list[dict[str, Any]]:
    import os

    if not _CACHE:
        _CACHE.extend(documents(Path(os.environ.get("IMGC_SHARED", shared))))
    return _CACHE
