"""imgc compile --context: folders that plain docker builds from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from imgc.layers.code import source_path
from imgc_cli import imgc

PIPELINE = """\
version: 1
images:
  app: {base: "debian:12", copy_dir: src}
  own: {dockerfile: docker/Dockerfile}
  none: {base: "debian:12", env: {A: 1}}
  asis: {base: "debian:12", skip_build: true}
pipeline: {image: asis, run: ls}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for path in ("src/main.py", "src/deep/a", "src/secret.key", "src/.git/config", "other/b", "docker/tool"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    (tmp_path / "src" / ".dockerignore").write_text("*.key\n")
    (tmp_path / "src" / "empty").mkdir()
    (tmp_path / "src" / "link").symlink_to("deep/a")
    (tmp_path / "src" / "main.py").chmod(0o755)
    (tmp_path / "docker" / "Dockerfile").write_text("FROM debian:12\nCOPY tool /tool\n")
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    return tmp_path


def tree(folder: Path) -> set[str]:
    found = (path for path in folder.rglob("*") if not path.is_dir() or not any(path.iterdir()))
    return {path.relative_to(folder).as_posix() for path in found}


def test_exactly_what_the_ignore_file_lets_through(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    result = imgc(capsys, "compile", "--context")
    assert result.code == 0, result.err
    images = folder / "compiled" / "images"
    taken = {"src/main.py", "src/deep/a", "src/link", "src/empty"}
    assert tree(images / "app" / "context") - {"src/.dockerignore"} == taken
    assert {"tool"} <= tree(images / "own" / "context") <= {"tool", "Dockerfile"}
    assert tree(images / "none" / "context") == set()
    assert (images / "none" / "context").is_dir()
    assert not (images / "asis").exists()


def test_modes_and_links_are_as_they_are(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    imgc(capsys, "compile", "--context")
    context = folder / "compiled/images/app/context"
    assert (context / "src/main.py").stat().st_mode & 0o777 == 0o755
    assert os.readlink(context / "src/link") == "deep/a"  # noqa: PTH115


def test_again_it_holds_what_is_there_now(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    imgc(capsys, "compile", "--context")
    (folder / "src/deep/a").unlink()
    (folder / "src/new").write_text("new")
    assert imgc(capsys, "compile", "--context").code == 0
    context = folder / "compiled/images/app/context"
    assert (context / "src/new").exists()
    assert not (context / "src/deep/a").exists()
    assert not list((folder / "compiled").rglob(".imgc-*"))


def test_the_dockerfiles_are_those_without_it(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    imgc(capsys, "compile", "--context")
    assert imgc(capsys, "compile", "--check").code == 0
    imgc(capsys, "compile", "-o", "out", "--context")
    # The output is no part of the context, wherever it is.
    assert not [path for path in tree(folder / "out/images/app/context") if "images" in path]
    assert folder.joinpath("compiled/plan.json").exists()


def test_code_that_is_not_fetched_is_said_at_its_line(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    (folder / "pipeline.yaml").write_text(
        "version: 1\nimages:\n  a:\n    base: debian:12\n    copy_url: https://example.com/x.git\n    copy_branch: main\n"
    )
    result = imgc(capsys, "compile", "--context")
    assert result.code == 1
    assert "error[not-fetched]" in result.err
    assert "pipeline.yaml:5" in result.err
    assert "run 'imgc lock', which fetches it" in result.err
    assert not (folder / "compiled").exists()
    assert imgc(capsys, "compile").code == 0


def test_code_that_was_fetched_at_the_locked_commit_is_copied(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    (folder / "pipeline.yaml").write_text(
        "version: 1\nimages:\n  a:\n    base: debian:12\n    copy_url: https://example.com/x.git\n    copy_branch: main\n"
    )
    commit = "abcdef0123" * 4
    (folder / "imgc.lock").write_text(
        f"version: 1\nsources:\n  https://example.com/x.git@main:\n    commit: {commit}\n"
    )
    place = folder / source_path("git", "https://example.com/x.git", "main")
    place.mkdir(parents=True)
    (place / "a.py").write_text("fetched\n")
    stamp = place.with_name(f"{place.name}.json")
    stamp.write_text('{"content": "another"}')
    result = imgc(capsys, "compile", "--context")
    assert result.code == 1
    assert "at abcdef0123ab is not fetched" in result.err
    stamp.write_text(f'{{"content": "{commit}"}}')
    assert imgc(capsys, "compile", "--context").code == 0
    (copied,) = (folder / "compiled/images/a/context").rglob("a.py")
    assert copied.read_text() == "fetched\n"
    assert f"COPY {copied.parent.relative_to(folder / 'compiled/images/a/context')} ./" in (
        (folder / "compiled/images/a/Dockerfile").read_text()
    )


def test_nothing_is_written_with_check_or_stdout(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    assert folder.exists()
    assert imgc(capsys, "compile", "--context", "--check").code == 2
    assert imgc(capsys, "compile", "--context", "--stdout").code == 2
