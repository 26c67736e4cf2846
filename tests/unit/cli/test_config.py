"""imgc.toml: what it sets, where it says so, and what is wrong with it."""

from __future__ import annotations

import json
import types
from pathlib import Path
from typing import Any

import pytest

from imgc.analysis.analysis import analyse
from imgc.model.config import Config, Setting
from imgc_cli import imgc

PIPELINE = """\
version: 1
image_refs: {team: "ghcr.io/acme/base:1"}
images:
  plain: {base: "python:3.11-slim", pip_packages: [numpy]}
  mine: {ref: team, apt_packages: [jq], base_facts: {distro: debian}}
  child: {extends: plain, commands: [make]}
pipeline: {serial: {a: {image: child, run: ls}, b: {image: mine, run: ls}, c: {image: plain, run: ls}}}
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's configuration folder of imgc."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    folder = tmp_path / "home" / "imgc"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def folder(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: ARG001
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    (project / "pipeline.yaml").write_text(PIPELINE)
    return project


def froms(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    result = imgc(capsys, "compile", "--stdout", *words)
    assert result.code == 0, result.err
    return [line.split()[1] for line in result.out.splitlines() if line.startswith("FROM ")]


def found(folder: Path, text: str) -> list[tuple[str, int, int, str]]:
    """Code, line, column and text of what is wrong with an imgc.toml, all of it in that file."""
    (folder / "imgc.toml").write_text(text)
    diagnostics = analyse("pipeline.yaml", PIPELINE, folder).diagnostics
    ours = [each for each in diagnostics if each.span.file == "imgc.toml"]
    return [(each.code, each.span.place.line, each.span.place.column, each.text) for each in ours]


def test_a_reference_is_what_is_said_nearest(
    capsys: pytest.CaptureFixture[str], folder: Path, home: Path
) -> None:
    assert froms(capsys, "mine")[0] == "ghcr.io/acme/base:1"
    (home / "imgc.toml").write_text('[image_refs]\nteam = "ghcr.io/acme/base:2"\n')
    assert froms(capsys, "mine")[0] == "ghcr.io/acme/base:2"
    (folder / "imgc.toml").write_text('image_refs.team = "ghcr.io/acme/base:3"\n')
    assert froms(capsys, "mine")[0] == "ghcr.io/acme/base:3"
    assert froms(capsys, "mine", "--image", "team=ghcr.io/acme/base:4")[0] == "ghcr.io/acme/base:4"


def test_a_reference_that_only_the_place_knows(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "pipeline.yaml").write_text("version: 1\nimages: {a: {ref: here, env: {A: 1}}}\n")
    assert imgc(capsys, "check").code == 1
    (folder / "imgc.toml").write_text('[image_refs]\nhere = "debian:12"\n')
    assert froms(capsys) == ["debian:12"]


def test_a_mirror_stands_behind_from_and_changes_no_tag(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    tags = imgc(capsys, "images", "--uri").out
    (folder / "imgc.toml").write_text('[mirrors]\n"docker.io" = "mirror.acme.com:5000/hub"\n')
    assert set(froms(capsys, "plain")) == {"mirror.acme.com:5000/hub/library/python:3.11-slim"}
    assert froms(capsys, "mine") == ["ghcr.io/acme/base:1"]
    assert imgc(capsys, "images", "--uri").out == tags
    # An image of this file is built here, and comes from no mirror.
    assert froms(capsys, "child") == [tags.splitlines()[0]]


def test_a_parent_that_is_used_as_it_is_comes_from_the_mirror(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    (folder / "pipeline.yaml").write_text(
        'version: 1\nimages: {a: {base: "debian:12", skip_build: true}, b: {extends: a, commands: [ls]}}\n'
    )
    (folder / "imgc.toml").write_text('[mirrors]\n"docker.io" = "m.io"\n')
    assert froms(capsys) == ["m.io/library/debian:12"]


@pytest.mark.parametrize(
    ("written", "fetched"),
    [
        ("python", "m.io/library/python"),
        ("acme/x:1", "m.io/acme/x:1"),
        ("docker.io/acme/x", "m.io/acme/x"),
        (f"python:3@sha256:{'a' * 64}", f"m.io/library/python:3@sha256:{'a' * 64}"),
        ("quay.io/x/y:1", "quay.io/x/y:1"),
        ("scratch", "scratch"),
        ("${BASE}", "${BASE}"),
    ],
)
def test_mirrored(written: str, fetched: str) -> None:
    assert Config(mirrors={"docker.io": Setting("m.io", "imgc.toml:1")}).mirrored(written)[0] == fetched


def test_explain_names_it_where_it_changes_bytes(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    assert "imgc.toml" not in imgc(capsys, "explain", "mine").out
    text = '[image_refs]\n\nteam = "quay.io/x:1"\n[mirrors]\n"quay.io" = "m.io/q"\n'
    (folder / "imgc.toml").write_text(text)
    told = imgc(capsys, "explain", "mine").out
    assert "imgc.toml:3 says that 'team' is quay.io/x:1" in told
    assert "imgc.toml:5 has it fetched as m.io/q/x:1" in told
    assert "imgc.toml" not in imgc(capsys, "explain", "plain").out


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mirors = {}\n", ("unknown-key", 1, 1, "did you mean 'mirrors'?")),
        ('# c\n[image_ref]\na = "b"\n', ("unknown-key", 2, 2, "did you mean 'image_refs'?")),
        ('[mirrors]\n\n"docker.io" = "https://m.io"\n', ("bad-reference", 3, 1, "no https://")),
        ('[mirrors]\n"library" = "m.io"\n', ("bad-reference", 2, 1, "'library' is not a registry")),
        ('[mirrors]\ndocker.io = "m.io"\n', ("wrong-type", 2, 1, "quote the name")),
        ('[image_refs]\nteam = "A B"\n', ("bad-reference", 2, 1, "not an image reference")),
        ("[image_refs]\nteam = 3\n", ("wrong-type", 2, 1, "'team' of 'image_refs' is text")),
        ("image_refs = 3\n", ("wrong-type", 1, 1, "[image_refs]")),
        ('allow = "docker-socket"\n', ("wrong-type", 1, 1, "docker-socket")),
        ('allow = ["docker-sock"]\n', ("unknown-key", 1, 1, "did you mean 'docker-socket'?")),
        ("builder = 3\n", ("wrong-type", 1, 1, "'builder' is text")),
        ('builder = "--push"\n', ("wrong-type", 1, 1, "no name of a builder")),
        ('engine = "podman"\n', ("wrong-type", 1, 1, "'podman' is no engine: it is 'docker' or 'process'")),
        ("a = 1\nb = [\n", ("bad-toml", 2, 1, "this is not TOML")),
        ("x = = 1\n", ("bad-toml", 1, 5, "this is not TOML")),
    ],
)
def test_what_is_wrong_is_said_at_its_line(
    text: str, expected: tuple[str, int, int, str], folder: Path
) -> None:
    code, line, column, words = expected
    ((had, at, where, told),) = found(folder, text)
    assert (had, at) == (code, line), told
    assert where == column or code == "bad-toml"
    assert words in told


def test_all_problems_at_once(folder: Path) -> None:
    assert len(found(folder, "x = 1\ny = 2\n[mirrors]\nA = 3\n")) == 3


def test_a_file_that_is_no_text(folder: Path) -> None:
    (folder / "imgc.toml").write_bytes(b"\xff\xfe")
    codes = [each.code for each in analyse("pipeline.yaml", PIPELINE, folder).diagnostics]
    assert "unreadable" in codes


def test_check_names_the_file_and_fix_leaves_it(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "imgc.toml").write_text("mirors = {}\n")
    told = json.loads(imgc(capsys, "check", "--format", "json", "--fix", "pipeline.yaml").out)
    assert [(each["file"], each["line"]) for each in told["diagnostics"]] == [("imgc.toml", 1)]
    assert (folder / "pipeline.yaml").read_text() == PIPELINE


def test_a_compile_without_it_does_not_load_toml(folder: Path) -> None:
    assert analyse("pipeline.yaml", PIPELINE, folder).config is None


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the engine is asked for; nothing is built."""
    given: dict[str, Any] = {}

    def fake(*_: Any, **options: Any) -> None:
        given.update(options)

    def carried_out(work: Any, *_: Any) -> int:
        work(None)
        return 0

    api = types.SimpleNamespace(run=fake, build=fake)
    for name in ("run", "build"):
        module = __import__(f"imgc.cli.{name}", fromlist=[name])
        monkeypatch.setattr(module, "engine", lambda: api)
        monkeypatch.setattr(module, "carried_out", carried_out)
    return given


def test_a_file_that_comes_with_a_pipeline_grants_nothing(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    (folder / "imgc.toml").write_text('allow = ["docker-socket"]\n')
    result = imgc(capsys, "check")
    assert result.code == 1
    assert "misplaced-key" in result.out


@pytest.mark.usefixtures("folder")
def test_run_honours_what_is_allowed_and_says_so(
    capsys: pytest.CaptureFixture[str], home: Path, called: dict[str, Any]
) -> None:
    assert imgc(capsys, "run").code == 0
    assert called["allow"] == []
    home.mkdir(parents=True, exist_ok=True)
    (home / "imgc.toml").write_text('\nallow = ["docker-socket"]\n')
    result = imgc(capsys, "run")
    assert called["allow"] == ["docker-socket"]
    assert "imgc.toml:2 allows docker-socket" in result.err


def test_build_takes_the_builder(
    capsys: pytest.CaptureFixture[str], home: Path, folder: Path, called: dict[str, Any]
) -> None:
    assert folder.exists()
    (home / "imgc.toml").write_text('builder = "big"\n')
    imgc(capsys, "build")
    assert called["builder"] == "big"
    imgc(capsys, "build", "--builder", "small")
    assert called["builder"] == "small"
