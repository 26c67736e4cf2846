"""Images for several platforms: one index in the registry, with the files of both."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from cli import pipeline_on


def test_an_image_is_built_and_pushed_for_two_platforms(
    newer_engine: Any, registry: Any, tmp_path: Path
) -> None:
    with pipeline_on(newer_engine, tmp_path / "project") as pipeline:
        pipeline.write(
            f"registry: {registry.address}\nplatforms: [linux/amd64, linux/arm64]\n"
            "images: {data: {base: scratch, copy: [data.txt]}}\n"
        )
        (pipeline.folder / "data.txt").write_text("for all\n")
        said = pipeline.imgc("build", "--push")
        name = pipeline.imgc("images", "--uri", "data").strip()
        raw = subprocess.run(
            [str(newer_engine.cli), "buildx", "imagetools", "inspect", "--raw", name],
            env=newer_engine.env, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        platforms = [each["platform"] for each in json.loads(raw)["manifests"]]
        built = {f"{each['os']}/{each['architecture']}" for each in platforms} - {"unknown/unknown"}
        assert built == {"linux/amd64", "linux/arm64"}, said
        assert "built" not in pipeline.imgc("build", "--push"), "what is in the registry is not built again"
