"""Images that start from the user's own Dockerfile: what Docker would refuse is said before any build."""

from __future__ import annotations

from pathlib import Path

import pytest

from imgc.analysis.analysis import analyse
from imgc.diagnostics import Severity

FILE = "version: 1\nimages: {a: {dockerfile: Dockerfile}}\n"


def said(dockerfile: str, folder: Path) -> list[tuple[str, int, str]]:
    (folder / "Dockerfile").write_text(dockerfile)
    found = analyse("pipeline.yaml", FILE, folder).diagnostics
    return [
        (each.code, each.span.place.line, each.message) for each in found if each.severity is Severity.ERROR
    ]


@pytest.mark.parametrize(
    ("dockerfile", "message"),
    [
        ("RUN make\n", "this Dockerfile has no FROM"),
        ("FROM debian:12\nFRM x\n", "unknown instruction 'FRM', at Dockerfile:2: did you mean 'FROM'?"),
        (
            "FROM debian:12\nRUN a \\\n  b\ncopy a b\nENVV A=1\n",
            "'ENVV', at Dockerfile:5: did you mean 'ENV'?",
        ),
        (
            "# syntax=docker/dockerfile:1\nFROM debian:12\nINCLUDE x\n",
            "instruction 'INCLUDE', at Dockerfile:3",
        ),
        ("", "this Dockerfile cannot be read: the Dockerfile has no instructions, at Dockerfile:1"),
    ],
)
def test_what_docker_would_refuse(dockerfile: str, message: str, tmp_path: Path) -> None:
    ((code, line, found),) = said(dockerfile, tmp_path)
    assert (code, line) == ("bad-dockerfile", 2)
    assert message in found, found


@pytest.mark.parametrize(
    "dockerfile",
    [
        "FROM debian:12\nfrom debian:12\nrun ls\nONBUILD RUN ls\nMAINTAINER me\n",
        "# syntax=devthefuture/dockerfile-x\nFROM debian:12\nINCLUDE other\n",  # its frontend knows more
        "FROM debian:12\nRUN <<E\nNOT an instruction\nE\n",
    ],
)
def test_what_docker_would_take(dockerfile: str, tmp_path: Path) -> None:
    assert said(dockerfile, tmp_path) == []
