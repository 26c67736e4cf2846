"""The examples of the page are what imgc import prints, but for its first line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from importkit import import_text
from tests_support import ROOT

PAGE = (ROOT / "docs/howto/import.md").read_text(encoding="utf-8")
PAIR = re.compile(
    r'^```\w+ title="(?P<name>Dockerfile|compose\.yaml)"\n(?P<text>.*?)^```\n\n```yaml title="pipeline.yaml"\n(?P<result>.*?)^```$',
    re.MULTILINE | re.DOTALL,
)
PAIRS = [(found["name"], found["text"], found["result"]) for found in PAIR.finditer(PAGE)]


def test_there_are_examples() -> None:
    assert [name for name, _, _ in PAIRS] == ["Dockerfile", "compose.yaml"]


@pytest.mark.parametrize(("name", "text", "result"), PAIRS, ids=[name for name, _, _ in PAIRS])
def test_an_example(name: str, text: str, result: str, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    for other, content, _ in PAIRS:
        (folder / other).write_text(content)
    for there in ("requirements.txt", "app.py"):
        (folder / there).write_text("")
    assert import_text(text, folder, name).text.split("\n", 1)[1] == result
