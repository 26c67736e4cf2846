"""Runs imgc's command line in the test's process."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from imgc.cli.main import main


@dataclass(frozen=True, slots=True)
class Result:
    code: int
    out: str
    err: str


def imgc(capsys: pytest.CaptureFixture[str], *words: str) -> Result:
    """Exit code and what was written; a usage error is code 2."""
    try:
        code = main([str(word) for word in words])
    except SystemExit as end:
        code = int(end.code or 0)
    captured = capsys.readouterr()
    return Result(code, captured.out, captured.err)
