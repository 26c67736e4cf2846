"""Marks of failed builds: at what failed, however the file around it is edited."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lspkit import read as snapshot_of

from imgc.analysis.analysis import analyse
from imgc.plan.compiled import compile_pipeline
from imgc_engine.build.record import record, written
from imgc_engine.build.work import Outcome
from imgc_engine.failures import Code, Failure
from imgc_engine.plan import Image, Place, load
from imgc_lsp import journal

FILE = """\
version: 1
bundles:
  tools: {apt_packages: [git, jqq]}
images:
  app:
    base: debian:bookworm-slim
    bundles: [tools]
    env: {A: "1"}
    commands:
      - make all
      - make test
pipeline:
  serial:
    one: {image: app, run: x}
    two: {image: {base: "debian:bookworm-slim", commands: [make two]}, run: x}
"""


def images_of(folder: Path) -> dict[str, Image]:
    analysis = analyse("pipeline.yaml", FILE, folder)
    assert not analysis.failed
    return dict(load(compile_pipeline(analysis.resolved, folder / "compiled").plan).images)


def failed(folder: Path, marked: str, *, inline: bool = False) -> journal.Results:
    """What the server reads after a build of FILE failed where `marked` stands."""
    (folder / "pipeline.yaml").write_text(FILE)
    images = images_of(folder)
    name = next(name for name in images if (name != "app") == inline)
    before = FILE[: FILE.index(marked)]
    place = Place("pipeline.yaml", before.count("\n") + 1, len(before) - before.rfind("\n"))
    failure = Failure(name, "It ended with exit code 2.", place, Code.STEP_FAILED)
    texts = written(folder, images)
    record(folder / ".imgc/builds", images, {name: Outcome("failed", 1.0, failure)}, texts)
    return journal.read(folder)


def marks(text: str, results: journal.Results, folder: Path) -> list[str]:
    """The marked words."""
    snapshot = snapshot_of(folder / "pipeline.yaml", text)
    found = []
    for finding in journal.diagnostics(snapshot, results):
        (line, column), (_, end) = finding.span.start, finding.span.end
        found.append(text.split("\n")[line][column:end])
    return found


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("", "", "make test"),
        ("version: 1\n", "# a comment\n\nversion: 1\n", "make test"),
        # Edits inside the image: lines above, a key between, an item ahead, another order, one line.
        ("    env:", "    user: me\n    workdir: /w\n    env:", "make test"),
        ('    env: {A: "1"}\n', "", "make test"),
        ("      - make all\n", "      - ./configure\n      - make all\n", "make test"),
        ("      - make all\n", "", "make test"),
        ("      - make all\n      - make test\n", "      - make test\n      - make all\n", "make test"),
        ("\n      - make all\n      - make test\n", " [make all, make test]\n", "make test"),
        # The command itself is being put right: its place in the list.
        ("make test", "make test -j2", "make test -j2"),
        # What failed is gone: what is left of the way to it.
        ("      - make all\n      - make test\n", "      - true\n", "commands"),
        ("    commands:\n      - make all\n      - make test\n", "", "app"),
        ("  app:", "  other:", None),
    ],
)
def test_the_mark_stays_with_the_command(old: str, new: str, expected: str | None, tmp_path: Path) -> None:
    results = failed(tmp_path, "make test")
    text = FILE.replace(old, new, 1) if old else FILE
    assert marks(text, results, tmp_path) == ([expected] if expected else [])


def test_a_failure_in_a_bundle_is_marked_there(tmp_path: Path) -> None:
    results = failed(tmp_path, "jqq")
    assert marks(FILE, results, tmp_path) == ["jqq"]
    assert marks(FILE.replace("[git, jqq]", "[jq, git, curl]"), results, tmp_path) == ["git"]
    assert marks(FILE.replace("  tools: {apt_packages: [git, jqq]}\n", ""), results, tmp_path) == ["app"]


def test_a_failure_in_an_inline_image_is_marked_in_the_node(tmp_path: Path) -> None:
    results = failed(tmp_path, "make two", inline=True)
    moved = FILE.replace("    one: {image: app, run: x}\n", "")
    assert marks(moved, results, tmp_path) == ["make two"]
    gone = FILE.replace("    two: {image", "    three: {image")
    assert marks(gone, results, tmp_path) == []


def test_a_key_that_is_no_item(tmp_path: Path) -> None:
    results = failed(tmp_path, "base")
    assert marks(FILE.replace("    base:", "    # now\n    base:"), results, tmp_path) == ["base"]


def test_a_record_without_a_path_is_marked_at_the_image(tmp_path: Path) -> None:
    results = failed(tmp_path, "make test")
    file = tmp_path / ".imgc/builds/last.jsonl"
    row = json.loads(file.read_text())
    assert row["path"] == ["images", "app", "commands", 1]
    for path in (None, [], ["images", None], "images"):
        file.write_text(json.dumps(row | {"path": path}) + "\n")
        assert marks(FILE, journal.read(tmp_path), tmp_path) == ["app"]
    assert results.places["app"] == (("images", "app", "commands", 1), "make test")


def test_a_file_that_is_gone_before_the_build_is_recorded_by_lines(tmp_path: Path) -> None:
    assert written(tmp_path, images_of(tmp_path)) == {}
