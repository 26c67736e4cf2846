"""Build pipelines: where each image starts, who builds, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from imgc.analysis.analysis import Analysis, analyse
from imgc.diagnostics import Severity
from imgc.plan.compiled import compile_pipeline

HEAD = "version: 1\nsecrets: {pw: {env: PW}}\nimages:\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/main.py").write_text("")
    (tmp_path / "empty").mkdir()
    return tmp_path


def analysed(images: str, folder: Path) -> Analysis:
    return analyse("pipeline.yaml", f"{HEAD}  {images}\npipeline: {{image: a}}\n", folder)


def image(images: str, folder: Path, name: str = "a") -> dict[str, Any]:
    analysis = analysed(images, folder)
    errors = [d.text for d in analysis.diagnostics if d.severity is Severity.ERROR]
    assert not errors, errors
    plan = compile_pipeline(analysis.resolved, folder / "compiled").plan
    assert plan["nodes"][0]["kind"] == "build"
    found: dict[str, Any] = plan["images"][name]
    return found


@pytest.mark.parametrize(
    ("keys", "base", "builder"),
    [
        ("builder: {language: python, path: src}", "python:3.12-slim-bookworm", None),
        ('builder: {language: python, path: src}, python_version: "3.11"', "python:3.11-slim-bookworm", None),
        ("builder: {language: python, path: src}, base: debian:bookworm-slim", "debian:bookworm-slim", None),
        ("builder: {language: go, path: src}", "golang:1.24-bookworm", None),
        ("builder: {language: go, path: src}, base: busybox:1.36", "busybox:1.36", "golang:1.24-bookworm"),
        ("builder: {image: acme/make:1, path: src}", "acme/make:1", "acme/make:1"),
        ("builder: {image: acme/make:1, path: src}, base: busybox:1.36", "busybox:1.36", "acme/make:1"),
        ("builder: {path: src}, base: acme/make:1", "acme/make:1", None),
        ('builder: {path: src}, dockerfile: {text: "FROM busybox:1.36"}', "busybox:1.36", None),
    ],
)
def test_language_then_image_then_base(keys: str, base: str, builder: str | None, folder: Path) -> None:
    found = image(f"a: {{{keys}}}", folder)
    assert (found["base"], found["builder"]["image"]) == (base, builder)
    assert found["builder"]["path"] == "src"


def test_an_image_of_the_file_builds_and_what_extends_it_is_built_so_too(folder: Path) -> None:
    images = "make: {base: busybox:1.36}\n  a: {builder: {image: make, path: src}, base: busybox:1.36}"
    assert image(images, folder)["builder"]["image"].startswith("pipeline/make:")
    images = "make: {builder: {language: python, path: src}}\n  a: {extends: make, apt_packages: [jq]}"
    assert image(images, folder)["builder"]["language"] == "python"


def test_the_index_and_the_secrets_of_the_image_are_the_build_step_s(folder: Path) -> None:
    keys = (
        "builder: {language: python, path: src}, secrets: [pw], "
        "pip: {index_url: {url: 'https://e.org/simple', username: me, password: pw}, pre: true}"
    )
    builder = image(f"a: {{{keys}}}", folder)["builder"]
    assert builder["secrets"] == [{"id": "pw", "required": True}]
    assert builder["pip"] == {
        "arguments": ["--index-url", "https://e.org/simple", "--pre"], "username": "me", "password": "pw",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("keys", "code", "text"),
    [
        ("builder: {language: python, path: empty}", "missing-main", "'main.py'"),
        ("builder: {language: python, path: nope}", "path-missing", "nope"),
        ("builder: {language: go, path: src}, python_version: '3.11'", "conflicting-keys", "Python builder"),
        ("builder: {path: src}", "missing-key", "'language' or 'image'"),
        ("builder: {image: nope, path: src}", "unknown-image", "nope"),
    ],
)
def test_mistakes(keys: str, code: str, text: str, folder: Path) -> None:
    found = [d for d in analysed(f"a: {{{keys}}}", folder).diagnostics if d.severity is Severity.ERROR]
    assert [(d.code, text in d.text) for d in found] == [(code, True)]


def test_a_pachignore_that_cannot_be_read(folder: Path) -> None:
    (folder / "src/.pachignore").write_text("*.pyc\n[\n")
    analysis = analysed("a: {builder: {language: python, path: src}}", folder)
    found = [d for d in analysis.diagnostics if d.severity is Severity.ERROR]
    assert [(d.code, d.message) for d in found] == [
        ("bad-glob", "src/.pachignore:2: this is no glob: a '[' lacks its ']'")
    ]
