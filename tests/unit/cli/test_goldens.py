"""What each renderer writes, whole: IMGC_UPDATE=1 writes the expected texts, to be read before they are kept."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from imgc import __version__
from imgc_cli import imgc
from tests_support import ROOT

EXPECTED = ROOT / "tests" / "expected" / "renderers"
BROKEN = """\
version: 1
images:
  app:
    base: python
    pip_package: [numpy, ümlaut]
    copy_dir: scr
    env: {API_TOKEN: 8c7e0d}
  other: {extends: ap}
pipeline:
  image: app
  serial:
    train: {run: python train.py, needs: [load]}
"""
TEXTS = {
    "check.txt": ("check", "broken.imgc.yaml"),
    "check.json": ("check", "--format", "json", "broken.imgc.yaml"),
    "check.sarif": ("check", "--format", "sarif", "broken.imgc.yaml"),
    "check.github": ("check", "--format", "github", "broken.imgc.yaml"),
    "plan.txt": ("plan", "pipeline.yaml"),
    "plan.json": ("plan", "--format", "json", "pipeline.yaml"),
    "graph.mmd": ("graph", "--format", "mermaid", "pipeline.yaml"),
    "graph.dot": ("graph", "--format", "dot", "pipeline.yaml"),
    "graph.svg": ("graph", "--format", "svg", "pipeline.yaml"),
    "graph.html": ("graph", "--format", "html", "pipeline.yaml"),
    "explain-image.txt": ("explain", "etl"),
    "explain-node.txt": ("explain", "join"),
    "explain-code.txt": ("explain", "untagged-base"),
    "images.txt": ("images",),
    "images.json": ("images", "--format", "json"),
    "init.yaml": ("init", "--stdout", "web"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_renderer_writes_what_is_expected(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    left_out = shutil.ignore_patterns(".imgc", "compiled", "out")
    shutil.copytree(ROOT / "samples/data-pipeline", tmp_path / "project", ignore=left_out)
    monkeypatch.chdir(tmp_path / "project")
    Path("broken.imgc.yaml").write_text(BROKEN, encoding="utf-8")
    Path("web").mkdir()
    Path("web/requirements.txt").write_text("flask\npytest\n")
    Path("web/.python-version").write_text("3.12\n")
    Path("web/app.py").touch()
    Path("web/tests").mkdir()
    text = imgc(capsys, *TEXTS[name]).out.replace(__version__, "VERSION")
    file = EXPECTED / name
    if os.environ.get("IMGC_UPDATE"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")
