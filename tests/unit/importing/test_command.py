"""imgc import: where it writes, what it says, how it ends."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from imgc_cli import imgc

DOCKERFILE = 'FROM debian:bookworm-slim\nCMD ["ls", "/"]\n'


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)


def test_it_prints_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = imgc(capsys, "import", "Dockerfile")
    assert (result.code, result.err) == (0, "")
    assert "run: [ls, /]" in result.out
    assert [path.name for path in tmp_path.iterdir()] == ["Dockerfile"]


def test_a_file_that_is_there_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "pipeline.yaml"
    output.write_text("mine")
    assert imgc(capsys, "import", "Dockerfile", "-o", "pipeline.yaml").code == 2
    assert output.read_text() == "mine"
    assert imgc(capsys, "import", "Dockerfile", "-o", "pipeline.yaml", "--force").code == 0
    assert imgc(capsys, "check", "--deny-warnings").code == 0


def test_paths_are_as_seen_from_the_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "ci").mkdir()
    (tmp_path / "Dockerfile").write_text("FROM a:1 AS b\nFROM b\nCOPY --from=b / /\n")
    assert imgc(capsys, "import", "Dockerfile", "-o", "ci/pipeline.yaml").code == 0
    assert "../Dockerfile" in (tmp_path / "ci/pipeline.yaml").read_text()
    assert imgc(capsys, "check", "ci/pipeline.yaml").code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "cannot be read"), (["."], "is a folder"), (["Dockerfile", "-o", "no/where.yaml"], "no folder 'no'"),
        (["Dockerfile", "-o", "."], "is a folder"), (["notes.txt"], "nothing that imgc knows"),
    ],
)  # fmt: skip
def test_wrong_usage(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    result = imgc(capsys, "import", *words)
    assert (result.code, result.out) == (2, "")
    assert message in result.err


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"\xff\xfe", "not-utf8"), (b"x" * (10 * 1024 * 1024 + 1), "too-large"), (b"", "bad-import")],
)
def test_what_is_no_source_is_said_at_its_place(
    data: bytes, code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "Dockerfile").write_bytes(data)
    result = imgc(capsys, "import", "Dockerfile", "--format", "json")
    assert (result.code, result.out) == (1, "")
    assert [one["code"] for one in json.loads(result.err)["diagnostics"]] == [code]


def test_warnings_show_the_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "Dockerfile").write_text("FROM debian:bookworm-slim\nCMD echo ${{ x }}\n")
    result = imgc(capsys, "import", "Dockerfile")
    assert result.code == 0
    assert "warning[not-carried-over]" in result.err
    assert "--> Dockerfile:2:1\n   2 | CMD echo" in result.err
    assert imgc(capsys, "import", "Dockerfile", "-q").err == ""


def test_standard_input(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(DOCKERFILE.encode())))
    result = imgc(capsys, "import", "-")
    assert result.code == 0
    assert "from standard input" in result.out
