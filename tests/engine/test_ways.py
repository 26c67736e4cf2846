"""Ways to bring in code and packages, from the pipeline file to what a step prints."""

from __future__ import annotations

import shutil
import subprocess
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


MICROMAMBA = """\
FROM python:3.11-slim
RUN useradd --uid 57439 --create-home mambauser && mkdir /opt/conda && chown mambauser /opt/conda
COPY --chmod=755 micromamba /usr/bin/micromamba
USER mambauser
"""
INSTEAD = """\
#!/bin/sh
# install -y -n base --override-channels -c CHANNEL ... PACKAGE ...
set -eu
[ "$1 $2 $3 $4 $5" = "install -y -n base --override-channels" ] && shift 5
[ "$CONDA_PKGS_DIRS" = /root/.cache/conda ] && : >"$CONDA_PKGS_DIRS/written"
[ "$(id -u)" = 0 ]
while [ "${1-}" = -c ]; do echo "channel $2"; shift 2; done
python3 -m venv /opt/conda
for package; do [ "$package" = pip ] || /opt/conda/bin/pip install "$package"; done
"""


def test_packages_of_conda(pipeline: Pipeline, tmp_path: Path) -> None:
    """No channel of conda can be had here: a program in micromamba's place takes its arguments and asks pip."""
    (tmp_path / "base").mkdir()
    (tmp_path / "base/Dockerfile").write_text(MICROMAMBA)
    (tmp_path / "base/micromamba").write_text(INSTEAD)
    base = f"mambaorg/micromamba:1.5.{int(pipeline.name[1:], 16)}"  # a version: the table knows those
    subprocess.run(
        ["docker", "build", "-q", "-t", base, str(tmp_path / "base")], check=True, capture_output=True,
        env={**pipeline.env, "DOCKER_BUILDKIT": "1"},
    )  # fmt: skip
    pipeline.write(
        f"images: {{app: {{base: '{base}', conda: {{packages: ['idna>=3'], channels: [bioconda], pip: [six]}}}}}}\n"
        "pipeline:\n  image: app\n  run: |\n"
        "    python -c 'import idna, six, sys; print(sys.prefix)'\n    id -un\n    ls -A /root/.cache || echo none\n"
    )
    try:
        said = pipeline.imgc("run")
    finally:
        pipeline.engine.client.images.remove(base, force=True)
    assert [line for line in printed(said, pipeline.name) if "ls:" not in line] == [
        "/opt/conda",
        "mambauser",
        "none",
    ]
