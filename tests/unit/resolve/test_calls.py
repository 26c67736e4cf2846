"""What a `call` runs in the container, run here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from imgc.resolve.calls import command

FILE = """\
def plain(a, b=2):
    print(a, b)

async def waits(a):
    print("waited", a)

class Group:
    @staticmethod
    def inside(*words):
        print(*words)
"""


@pytest.mark.parametrize(
    ("function", "arguments", "printed"),
    [
        ("plain", [1], "1 2"),
        ("plain", {"a": "x", "b": [None, True]}, "x [None, True]"),
        ("waits", {"a": 1}, "waited 1"),
        ("Group.inside", ["a b", "c"], "a b c"),
    ],
)
def test_a_function_is_called(function: str, arguments: object, printed: str, tmp_path: Path) -> None:
    (tmp_path / "steps.py").write_text(FILE)
    words = command("steps.py", function, arguments)
    ran = subprocess.run(
        [sys.executable, *words[1:]], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == printed
