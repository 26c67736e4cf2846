"""Hover: documentation, other systems' names, compiled lines, effective values and their origin."""

from __future__ import annotations

from pathlib import Path

import pytest
from lspkit import Editor, place_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

TEXT = """version: 1
params: {lang: en}
secrets:
  pat: {env: GITHUB_PAT}
images:
  etl:
    base: python:3.12-slim
    apt_packages: [git]
    secrets: [pat]
pipeline:
  image: etl
  cpu: 2
  serial:
    load:
      run: echo ${{ params.lang }} ${{ matrix.py }}
      matrix: {py: ["3.11", "3.12"]}
    train:
      run: python train.py
      when: on_success
"""

CASES = [
    ("apt_packages", ["Elsewhere", "images/etl/Dockerfile", "apt-get install"]),
    ("etl:", ["python:3.12-slim", "```dockerfile", "Used by"]),
    ("etl\n", ["python:3.12-slim"]),
    ("python:3.12-slim", ["debian"]),
    ("pat]", ["GITHUB_PAT"]),
    ("cpu", ["Holds for", "train"]),
    ("train:", ["`cpu`: `2` (from line 12)", "after"]),
    ("params.lang", ["`en`"]),
    ("matrix.py", ["3.11", "3.12"]),
    ("on_success", ["succeeded"]),
    ("version", ["format"]),
]


@pytest.mark.parametrize(("word", "parts"), CASES, ids=[word.strip() for word, _ in CASES])
async def test_hover(ed: Editor, word: str, parts: list[str]) -> None:
    uri, _ = ed.open(TEXT)
    await ed.settled(uri)
    text = await ed.hover(uri, place_of(TEXT, word))
    for part in parts:
        assert part in text


async def test_hover_tells_the_digest_of_the_lock(ed: Editor, tmp_path: Path) -> None:
    (tmp_path / "imgc.lock").write_text(
        "version: 1\nimages:\n  python:3.12-slim: {digest: 'sha256:" + "ab" * 32 + "'}\n"
    )
    uri, _ = ed.open_at(tmp_path / "pipeline.yaml", TEXT)
    await ed.settled(uri)
    assert "sha256:abab" in await ed.hover(uri, place_of(TEXT, "python:3.12-slim"))


async def test_hover_in_a_broken_document(ed: Editor) -> None:
    text = "version: 1\nname: [\nimages:\n  etl:\n    base: 'x\n    env: {A: 1}\n"
    uri, _ = ed.open(text)
    assert "variables" in (await ed.hover(uri, place_of(text, "env"))).lower()
