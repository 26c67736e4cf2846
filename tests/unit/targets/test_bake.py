"""docker-bake.json: paths, names and strings. That buildx takes it is shown in tests/engine/test_targets.py."""

from __future__ import annotations

import json
import posixpath
from pathlib import Path
from typing import Any

from imgc.analysis.analysis import analyse
from imgc.plan.compiled import compile_pipeline
from imgc.targets.names import Names
from imgc.targets.registry import make
from imgc.targets.subject import subject


def bake(folder: Path, text: str, output: str = "compiled") -> Any:
    analysis = analyse("pipeline.yaml", f"version: 1\n{text}", folder)
    compiled = compile_pipeline(analysis.resolved, folder / output)
    [data] = make(["bake"], subject(compiled, analysis.resolved, folder / output)).files.values()
    return json.loads(data)


def test_paths_start_at_the_project_wherever_the_output_goes(tmp_path: Path) -> None:
    (tmp_path / "project/docker").mkdir(parents=True)
    (tmp_path / "project/docker/Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    text = "images: {own: {dockerfile: docker/Dockerfile}, env: {base: 'debian:12', env: {A: b}}}\n"
    for output in ("compiled", ".", "a/b", "../beside"):
        targets = bake(tmp_path / "project", text, output)["target"]
        assert [target["context"] for target in targets.values()] == ["./docker", "."]
        for name, target in targets.items():
            found = posixpath.normpath(posixpath.join(target["context"], target["dockerfile"]))
            assert found == posixpath.normpath(f"{output}/images/{name}/Dockerfile")


def test_no_images_are_an_empty_group(tmp_path: Path) -> None:
    assert bake(tmp_path, "pipeline: {image: {base: 'debian:12', skip_build: true}, run: 'true'}\n") == {
        "group": {"default": {"targets": []}}
    }


def test_an_image_may_be_called_default(tmp_path: Path) -> None:
    made = bake(tmp_path, "images: {default: {base: 'debian:12', env: {A: b}}}\n")
    assert list(made["target"]) == made["group"]["default"]["targets"] == ["default_2"]


def test_never_one_name_for_two() -> None:
    names = Names("[^a-z]", longest=4)
    asked = ["abcd", "ab.d", "abcde", "ab_d", "ab-d"]
    made = [names.of(name) for name in asked]
    assert made == ["abcd", "ab_d", "ab_2", "ab_3", "ab_4"]
    assert [names.of(name) for name in reversed(asked)] == made[::-1]
    assert all(len(name) <= 4 for name in made)
