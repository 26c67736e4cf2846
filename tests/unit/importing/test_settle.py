"""A draft with mistakes becomes a file without, and each thing that is left out is said."""

from __future__ import annotations

from pathlib import Path

from imgc.analysis.analysis import analyse
from imgc.diagnostics import Origin, Span
from imgc.importing.draft import Draft, Expression
from imgc.importing.settle import settled

START = Span(Origin("source"), 0, 0, 0, 0)
AT = Span(Origin("source"), 7, 0, 7, 1)


def text_of(draft: Draft, folder: Path) -> str:
    text = settled(draft, folder, "made", START)
    assert not analyse("pipeline.yaml", text, folder).failed, text
    return text


def said(draft: Draft) -> list[tuple[int, str]]:
    return [(one.span.place.line, one.message) for one in draft.diagnostics]


def app(draft: Draft) -> None:
    draft.images.block("app").set("base", "debian:bookworm-slim")


def test_only_the_wrong_item_goes(tmp_path: Path) -> None:
    draft = Draft()
    app(draft)
    image = draft.images.block("app")
    image.set("pip_packages", ["numpy", "!!", "idna"], AT)
    text = text_of(draft, tmp_path)
    assert "      - numpy\n" in text
    assert '      # - "!!"\n' in text
    assert [line for line, _ in said(draft)] == [8]


def test_an_image_goes_with_its_start_and_a_node_with_its_image(tmp_path: Path) -> None:
    draft = Draft()
    draft.images.block("app").set("dockerfile", "nowhere/Dockerfile", AT)
    draft.images.block("other").set("base", "debian:bookworm-slim")
    steps = draft.pipeline.block("serial")
    steps.set("a", {"image": "app", "run": "ls"})
    steps.set("b", {"image": "other", "run": "ls"})
    text = text_of(draft, tmp_path)
    assert "  # app:\n  #   dockerfile: nowhere/Dockerfile\n" in text
    assert "    b: {image: other, run: ls}\n" in text
    assert "    # a:" in text
    assert [message.split(":")[0] for _, message in said(draft)] == ["'app' is left out", "'a' is left out"]


def test_an_argument_vector_is_never_shortened(tmp_path: Path) -> None:
    draft = Draft()
    app(draft)
    draft.pipeline.set("image", "app")
    draft.pipeline.set("run", ["echo", "${{ secrets.x }}"], AT)
    text = text_of(draft, tmp_path)
    assert "  # run: [echo" in text
    assert said(draft)[0][0] == 8


def test_a_mount_goes_as_a_whole(tmp_path: Path) -> None:
    draft = Draft()
    app(draft)
    draft.pipeline.set("image", "app")
    draft.pipeline.set("run", "ls")
    (tmp_path / "there").mkdir()
    draft.pipeline.list("mounts").add({"src": "there", "dst": "/a"}, AT)
    draft.pipeline.list("mounts").add({"src": "nowhere", "dst": "/b"}, AT)
    text = text_of(draft, tmp_path)
    assert "    - {src: there, dst: /a}\n" in text
    assert "    # - src: nowhere\n    #   dst: /b\n" in text
    assert len(draft.diagnostics) == 1


def test_expressions_that_are_meant_stay(tmp_path: Path) -> None:
    draft = Draft()
    draft.head.block("params").set("tag", "bookworm-slim")
    draft.images.block("app").set("base", Expression("debian:${{ params.tag }}"))
    assert 'base: "debian:${{ params.tag }}"' in text_of(draft, tmp_path)
    assert draft.diagnostics == []


def test_nothing_at_all(tmp_path: Path) -> None:
    assert 'run: "true"' in text_of(Draft(), tmp_path)


def test_a_name_that_cannot_be_is_left_out(tmp_path: Path) -> None:
    draft = Draft()
    draft.head.set("name", "!")
    draft.head.set("nonsense", {"a": [1, {"b": 2}]})
    app(draft)
    text = text_of(draft, tmp_path)
    assert '# name: "!"' in text
    assert len(draft.diagnostics) == 2


def test_problems_of_other_files_are_not_of_the_draft(tmp_path: Path) -> None:
    (tmp_path / "imgc.lock").write_text("nonsense")
    (tmp_path / "imgc.toml").write_text("nonsense")
    draft = Draft()
    app(draft)
    settled(draft, tmp_path, "made", START)
    assert draft.diagnostics == []
