"""imgc explain: codes, images, nodes and lines; on every valid pipeline there is, whatever is asked."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from imgc.diagnostics.codes import pages
from imgc_cli import imgc
from tests_support import SHARED

VALID = [
    path
    for path in sorted((SHARED / "conformance" / "valid").iterdir())
    if path.name != "002-03-replicate-local"
]
PIPELINE = """\
version: 1
name: words
images:
  etl:
    base: python:3.11-slim
    system_packages: [jq]
    pip_packages:
      - numpy
    copy_dir: src
    labels: {team: nlp}
  extra:
    extends: etl
    commands: [make]
  odd: {base: "ghcr.io/acme/odd:1", system_packages: [jq]}
pipeline:
  image: etl
  env: {A: 1}
  serial:
    count:
      cpu: 2
      env: {B: 2}
      parallel:
        alice: python count.py
        moby: {run: python count.py, image: extra, needs: [alice]}
    other: {image: odd, run: "true"}
    plain: {image: "python:3.12-slim", run: "true"}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "src").mkdir()
    (tmp_path / "src/a.py").write_text("")
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    return tmp_path


def explain(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    result = imgc(capsys, "explain", *words)
    assert result.code == 0, result
    return result.out


@pytest.mark.parametrize("code", ["unknown-key", "empty-file", "cycle"])
def test_a_code_needs_no_pipeline(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    page = pages()[code]
    out = explain(capsys, code)
    assert out.startswith(f"{code}: {page.title}\n")
    assert all(line in out for line in (page.wrong + page.right).splitlines())


def test_all_codes_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert [line.split()[0] for line in explain(capsys, "codes").splitlines()] == list(pages())


@pytest.mark.usefixtures("folder")
class TestImages:
    def test_each_line_has_its_origin_and_reason(self, capsys: pytest.CaptureFixture[str]) -> None:
        out = explain(capsys, "etl")
        assert "= pipeline.yaml:5  base: python:3.11-slim\n        Image in a registry to start from" in out
        assert "= pipeline.yaml:9  copy_dir: src\n        The code: a directory" in out

    def test_the_package_manager_and_why(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert "apt, because the table of well-known bases says that the base is debian" in explain(
            capsys, "etl"
        )
        assert "found by the build in /etc/os-release" in explain(capsys, "odd")

    def test_which_edit_rebuilds_what(self, capsys: pytest.CaptureFixture[str]) -> None:
        lines = explain(capsys, "etl").split("which edit rebuilds what")[1].splitlines()
        found = {line[2:36].strip(): line[36:] for line in lines[1:]}
        assert lines[0] == "  (5 steps)"
        assert found["base (line 5)"].startswith("all steps")
        assert found["system_packages (line 6)"].startswith("4 of 5 steps")
        assert found["pip_packages (line 7)"].startswith("3 of 5 steps")
        assert found["a file in src (line 9)"].startswith("1 of 5 steps")
        assert found["labels (line 10)"].startswith("no step")
        assert "the images that stand on it: extra" in lines[-1]


@pytest.mark.usefixtures("folder")
class TestNodes:
    def test_inherited_settings_say_where_they_come_from(self, capsys: pytest.CaptureFixture[str]) -> None:
        out = " ".join(explain(capsys, "count/moby").split())
        assert "env A 1 = line 17, inherited from words" in out
        assert "env B 2 = line 21, inherited from count" in out
        assert "cpu 2 = line 20, inherited from count" in out
        assert "after count/alice = needs says so" in out
        assert "image extra (words/extra:" in out
        assert "workdir /app = of the image 'extra'" in out

    def test_the_root_goes_by_the_name_of_the_pipeline(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert explain(capsys, "words").startswith("serial words")


@pytest.mark.usefixtures("folder")
class TestLines:
    def test_a_line_of_the_file_leads_to_what_it_becomes(self, capsys: pytest.CaptureFixture[str]) -> None:
        out = explain(capsys, "8")
        assert "it is part of images > etl > pip_packages" in out
        assert "numpy" in out

    def test_a_setting_leads_to_the_nodes_it_holds_for(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert "it says something of 4 nodes:\n    count/alice\n    count/moby" in explain(
            capsys, "pipeline.yaml:17"
        )
        assert "it says something of 2 nodes:" in explain(capsys, "20")

    @pytest.mark.parametrize(
        "form", ["etl:{}", "compiled/images/etl/Dockerfile:{}", "/x/images/etl/Dockerfile:{}"]
    )
    def test_a_line_of_a_dockerfile_leads_back(
        self, form: str, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert imgc(capsys, "compile").code == 0
        lines = (folder / "compiled/images/etl/Dockerfile").read_text().splitlines()
        number = next(number for number, line in enumerate(lines, 1) if line.startswith("COPY"))
        assert "= pipeline.yaml:9  copy_dir: src" in explain(capsys, form.format(number))

    def test_a_line_that_is_not_there(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert imgc(capsys, "explain", "etl:999").code == 2


def test_code_from_elsewhere_says_its_commit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(tmp_path / "pipeline.yaml")
    Path(file).write_text(
        "version: 1\nimages:\n  a: {base: 'busybox:1.35', copy_url: 'https://git.example/x', copy_branch: main}\n"
    )
    out = imgc(capsys, "explain", "-f", file, "a").out
    assert "https://git.example/x main: what it is then, and with it the tag, is found out by" in out
    assert "a commit of main (line 3)" in out
    (tmp_path / "imgc.lock").write_text(
        f"version: 1\nsources:\n  https://git.example/x@main:\n    commit: {'abcdef0123' * 4}\n"
    )
    assert (
        "https://git.example/x main at abcdef0123ab (from the lock)"
        in imgc(capsys, "explain", "-f", file, "a").out
    )


@pytest.mark.usefixtures("folder")
def test_an_unknown_name_gets_a_near_one(capsys: pytest.CaptureFixture[str]) -> None:
    result = imgc(capsys, "explain", "count/mobi")
    assert (result.code, "did you mean 'count/moby'?" in result.err) == (2, True)


def test_a_file_with_errors_is_reported(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "pipeline.yaml").write_text("version: 1\nimagess: {}\n")
    assert imgc(capsys, "explain", "etl").code == 1


@pytest.mark.parametrize("case", VALID, ids=lambda case: case.name)
def test_everything_of_a_valid_pipeline_can_be_explained(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(case, tmp_path / "case", copy_function=shutil.copy)
    monkeypatch.chdir(tmp_path / "case")
    names = re.findall(r"^  \w+ +(.+?) +pipeline\.yaml:\d+", explain(capsys), re.MULTILINE)
    assert names
    lines = Path("pipeline.yaml").read_text().splitlines()
    for word in names + [str(number) for number in range(1, len(lines) + 1)]:
        explain(capsys, word)
