"""Broken, half-typed and random files: diagnostics, never a stack trace."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgc.analysis.analysis import analyse
from imgc.plan.compiled import compile_pipeline
from tests_support import ROOT, SHARED

EXAMPLES = int(os.environ.get("IMGC_EXAMPLES", "2000"))
SOURCES = sorted(
    [
        *(SHARED / "conformance" / "valid").glob("*/pipeline.yaml"),
        *(ROOT / "tests" / "cases").glob("*/pipeline.yaml"),
    ]
)
PIECES = ["\n", "  ", ":", "- ", "{", "}", "[", "]", "'", '"', "#", "&a", "*a", "<<: ", "|", ">", "${{ ", " }}", "\t", "null", "3.10", "true", "\x00", "é", "\u2028", "!x ", "? ", "---\n"]  # fmt: skip


def mutated(text: str, random_: random.Random) -> str:
    """A few pieces of a text cut, doubled, moved, replaced or typed in."""
    for _ in range(random_.randint(1, 6)):
        at = random_.randrange(len(text) + 1)
        to = min(len(text), at + random_.randint(0, 30))
        match random_.randrange(5):
            case 0:
                text = text[:at] + text[to:]
            case 1:
                text = text[:to] + text[at:]
            case 2:
                text = text[:at] + random_.choice(PIECES) + text[at:]
            case 3:
                text = text[:at] + random_.choice(PIECES) + text[to:]
            case _:
                lines = text.split("\n")
                number = random_.randrange(len(lines))
                lines[number] = random_.choice(["", "  ", "    "]) + lines[number].lstrip()
                text = "\n".join(lines)
    return text


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("fuzz")
    made = []
    for number, source in enumerate(SOURCES):
        target = folder / str(number)
        shutil.copytree(source.parent, target)
        made.append(target)
    return made


@given(st.integers(0, 2**62))
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_mutated_files(places: list[Path], seed: int) -> None:
    random_ = random.Random(seed)
    folder = random_.choice(places)
    text = mutated((folder / "pipeline.yaml").read_text(encoding="utf-8"), random_)
    analysis = analyse("pipeline.yaml", text, folder)
    for diagnostic in analysis.diagnostics:
        assert diagnostic.span.start <= diagnostic.span.end
        assert diagnostic.message
    if not analysis.failed:
        compile_pipeline(analysis.resolved, folder / "compiled")


@given(st.text(max_size=200))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text(tmp_path: Path, text: str) -> None:
    analyse("pipeline.yaml", text, tmp_path)
