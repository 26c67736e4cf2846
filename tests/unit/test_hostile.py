"""Hostile text in every field: a value never becomes another instruction, flag or command.

2,000 documents here; IMGC_EXAMPLES=100000 for more.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import dockerfile
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgc.analysis.analysis import analyse
from imgc.diagnostics import Severity
from imgc.plan.compiled import compile_pipeline

EXAMPLES = int(os.environ.get("IMGC_EXAMPLES", "2000"))
NASTY = [
    '"', "'", "\\", "$", "${A}", "${A:-x}", "$(touch /pwned)", "`touch /pwned`", ";", "&&", "|", ">", "<<EOF", "\n", "\r\n",
    "RUN touch /pwned", "--mount=type=bind", "--from=x", "[", "]", '["a"]', "#", "\t", " ", "%", "*", "?", "é", "\u2028", "\U0001f600",
    "${{ params.x }}", "{", "}", ":", ",", "a", "b", "/", "..", "=", "@", "-", "\x00", "\x1b[31m", "\ud800",
]  # fmt: skip
hostile = st.lists(st.sampled_from(NASTY), min_size=1, max_size=6).map("".join)
KINDS = [
    "FROM",
    "ENV",
    "RUN",
    "WORKDIR",
    "USER",
    "LABEL",
    "CMD",
    "ENTRYPOINT",
    "HEALTHCHECK",
    "COPY",
    "EXPOSE",
    "STOPSIGNAL",
    "SHELL",
]


def image(field: str, value: str) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "env": {"env": {"A": "x", "V": value}},
        "runtime_env": {"runtime_env": {"V": value}},
        "labels": {"labels": {"v": value}},
        "label key": {"labels": {value: "v"}},
        "workdir": {"workdir": value},
        "user": {"user": value},
        "entrypoint": {"entrypoint": ["x", value]},
        "cmd": {"cmd": [value]},
        "healthcheck": {"healthcheck": {"cmd": ["x", value]}},
        "command": {"commands": [value]},
        "pip": {"pip_packages": [value]},
        "apt": {"apt_packages": [value]},
        "system": {"system_packages": [value]},
        "base": {"base": value},
        "copy dst": {"copy": [{"src": "src", "dst": value}]},
        "copy src": {"copy": [value]},
        "copy_dir": {"copy_dir": value},
        "index": {"pip_packages": ["six"], "pip": {"index_url": value}},
        "extra args": {"pip_packages": ["six"], "pip": {"extra_args": [value]}},
        "npm": {"base": "node:20-bookworm-slim", "npm_packages": [value]},
        "conda": {"base": "mambaorg/micromamba:2.0.5", "conda": {"packages": [value]}},
        "dockerfile arg": {
            "base": None,
            "dockerfile": {"text": "FROM debian:12\nARG X\n", "args": {"X": value}},
        },
        "copy_url": {"copy_url": "https://git.example/" + value, "copy_branch": value},
        "stop signal": {"stop_signal": value},
        "shell": {"shell": ["/bin/sh", value], "commands": ["true"]},
        "secret target": {"secrets": [{"secret": "s", "target": "/run/" + value}], "commands": ["true"]},
        "platform": {"platforms": [value]},
        "tag": {"tag": value},
        "expose": {"expose": [value]},
        "chown": {"copy": [{"src": "src", "dst": "/x/", "chown": value}]},
        "local install": {"local_project_install": value},
    }
    merged = {"base": "debian:bookworm-slim", **fields[field]}
    return {key: value for key, value in merged.items() if value is not None}


FIELDS = list(dict.fromkeys([
    "env", "runtime_env", "labels", "label key", "workdir", "user", "entrypoint", "cmd", "healthcheck", "command", "pip", "apt", "system",
    "base", "copy dst", "copy src", "copy_dir", "index", "extra args", "npm", "conda", "dockerfile arg", "copy_url", "stop signal", "shell",
    "secret target", "platform", "tag", "expose", "chown", "local install",
]))  # fmt: skip


def quoted(data: object) -> str:
    """Data as YAML: JSON is YAML, once halves of surrogates are gone from where YAML cannot have them."""
    return json.dumps(data, ensure_ascii=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hostile")
    (path / "src").mkdir()
    (path / "src" / "a.txt").write_text("a\n")
    return path


@given(st.sampled_from(FIELDS), hostile)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
def test_a_value_stays_a_value(folder: Path, field: str, value: str) -> None:
    document = {"version": 1, "secrets": {"s": {"env": "S"}}, "images": {"a": image(field, value)}}
    analysis = analyse("pipeline.yaml", quoted(document), folder)
    if any(diagnostic.severity is Severity.ERROR for diagnostic in analysis.diagnostics):
        return
    harmless = analyse("pipeline.yaml", quoted({**document, "images": {"a": image(field, "plain")}}), folder)
    compiled = compile_pipeline(analysis.resolved, folder / "compiled")
    text = compiled.dockerfiles["a"]
    instructions = dockerfile.parse_string(text)
    mapped = json.loads(compiled.files["images/a/Dockerfile.map.json"])["lines"]
    assert len(instructions) == len(mapped), text
    for instruction, line in zip(instructions, mapped, strict=True):
        assert instruction.cmd.upper() == line["instruction"]
        assert instruction.start_line == line["line"]
        if instruction.cmd.upper() == "RUN":
            assert all(
                flag.startswith(
                    ("--mount=type=cache", "--mount=type=bind", "--mount=type=secret", "--mount=type=ssh")
                )
                for flag in instruction.flags
            ), text
    checked(field, value, instructions)
    del harmless


def checked(field: str, value: str, instructions: Any) -> None:
    """Where the value stands alone in an instruction, decoding it gives the value back."""
    exec_form = {"entrypoint": ("ENTRYPOINT", ("x", value)), "cmd": ("CMD", (value,))}
    if field in exec_form:
        keyword, expected = exec_form[field]
        found = next(i for i in instructions if i.cmd.upper() == keyword)
        assert tuple(found.value) == expected
    if field == "healthcheck":
        found = next(i for i in instructions if i.cmd.upper() == "HEALTHCHECK")
        assert tuple(found.value)[-1] == value
