"""Ways to bring in code and packages, from the pipeline file to what a step prints."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli import Pipeline, pipeline_on
from servers import WHEEL, wheel

DATA = Path(__file__).parent / "python_projects"


@pytest.fixture
def pipeline(engine: Any, tmp_path: Path) -> Iterator[Pipeline]:
    with pipeline_on(engine, tmp_path / "project") as made:
        made.folder.mkdir()
        yield made


def files(pipeline: Pipeline, **texts: str) -> None:
    for name, text in texts.items():
        path = pipeline.folder / name.replace("__", "/").replace("_py", ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def printed(said: str, node: str) -> list[str]:
    return [line.partition(" | ")[2] for line in said.splitlines() if line.startswith(f"{node} | ")]


SCRIPT = """\
# /// script
# requires-python = ">=3.11"
# dependencies = ["six>=1.16"]
# ///
import six
print(six.__name__)
"""


def test_a_script_with_its_dependencies(pipeline: Pipeline) -> None:
    files(pipeline, tools__train_py=SCRIPT)
    pipeline.write(
        "images: {app: {uv_script: tools/train.py, copy: tools/train.py}}\n"
        "pipeline: {image: app, serial: {run: python train.py}}\n"
    )
    assert printed(pipeline.imgc("run"), "run") == ["six"]
    first = layers(pipeline, "app")
    files(pipeline, tools__train_py=SCRIPT + "print('edited')\n")
    assert printed(pipeline.imgc("run"), "run") == ["six", "edited"]
    # The code below the metadata is copied, and installs nothing anew.
    second = layers(pipeline, "app")
    assert first != second
    assert first[:-1] == second[:-1]


def layers(pipeline: Pipeline, image: str) -> list[str]:
    """Of the image's latest build."""
    found = pipeline.engine.client.images.get(pipeline.reference(image))
    return list(found.attrs["RootFS"]["Layers"])


def test_bundles_of_code(pipeline: Pipeline) -> None:
    files(
        pipeline,
        src__app__main_py="from app.util import word\nimport pathlib\nprint(word, len(list(pathlib.Path('.').rglob('*.py'))))\n",
        src__app__util_py="word = 'bundled'\n\n\ndef say(how):\n    import pathlib\n    print(word, how, len(list(pathlib.Path('.').rglob('*.py'))))\n",
        src__app__unused_py="",
        src__other_py="",
    )
    pipeline.write(
        "images:\n"
        "  loaded: {base: 'python:3.11-slim', copy_dir: src, code_bundle: {entry: src/app/main.py}}\n"
        "  whole: {base: 'python:3.11-slim', copy_dir: src, code_bundle: {style: all}}\n"
        "  called: {base: 'python:3.11-slim', copy_dir: src, code_bundle: {style: loaded_modules}}\n"
        "pipeline:\n  parallel:\n"
        "    loaded: {image: loaded, run: python -m app.main}\n"
        "    whole: {image: whole, run: python -m app.main}\n"
        "    called: {image: called, call: {file: src/app/util.py, function: say, args: [loud]}}\n"
    )
    said = pipeline.imgc("run")
    assert printed(said, "loaded") == ["bundled 2"]
    assert printed(said, "whole") == ["bundled 4"]
    assert printed(said, "called")[0] == "bundled loud 1"


def test_local_wheels_and_projects(pipeline: Pipeline) -> None:
    (pipeline.folder / "dist").mkdir()
    (pipeline.folder / "dist" / WHEEL).write_bytes(wheel())
    shutil.copytree(DATA / "uv/libs/helper", pipeline.folder / "lib")
    shutil.copytree(DATA / "poetry", pipeline.folder / "poetry")
    pipeline.write(
        f"images:\n  wheels: {{base: 'python:3.11-slim', pip_packages: [./dist/{WHEEL}, ./lib]}}\n"
        "  poetry: {base: 'python:3.11-slim', poetry_project: {pyproject: poetry, mode: install_project}}\n"
        "pipeline:\n  parallel:\n"
        "    wheels: {image: wheels, run: [python, -c, 'import private_package, helper; print(helper.__name__)']}\n"
        "    poetry: {image: poetry, run: [python, -c, 'import poetrydemo, helper, six; print(six.__version__)']}\n"
    )
    said = pipeline.imgc("run")
    assert printed(said, "wheels") == ["helper"]
    assert printed(said, "poetry") == ["1.17.0"]
    (pipeline.folder / "lib/helper/__init__.py").write_text("__name__ = 'edited'\n")
    said = pipeline.imgc("run", "wheels")
    assert "wheels: built" in said
    assert printed(said, "wheels") == ["edited"]


def test_packages_of_node(pipeline: Pipeline) -> None:
    pipeline.write(
        "images: {app: {base: 'node:20-bookworm-slim', npm_packages: [semver@7.6.3]}}\n"
        "pipeline: {image: app, serial: {run: semver 1.2.3 -i minor}}\n"
    )
    assert printed(pipeline.imgc("run"), "run") == ["1.3.0"]
