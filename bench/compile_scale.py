"""1,000 images and 10,000 nodes in one file, and 1 % and 10 % of that: python bench/compile_scale.py [ROUNDS]."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from measure import PYTHON, run, side_by_side, table

IMAGES, NODES = 1_000, 10_000


def pipeline(images: int, nodes: int) -> str:
    """A file in which every node is in a group of ten and uses one of the images."""
    lines = ["version: 1", "name: large", "params: {lang: en}", "images:"]
    for number in range(images):
        lines += [
            f"  image-{number}:",
            "    base: python:3.11-slim",
            "    apt_packages: [jq, git]",
            f"    pip_packages: [numpy>=1.2{number % 10}, requests]",
            f'    env: {{NUMBER: "{number}"}}',
            "    copy_dir: app",
            "    commands: [make all]",
        ]
    lines += ["pipeline:", "  parallel:"]
    for group in range(nodes // 10):
        lines += [f"    group-{group}:", f"      image: image-{group % images}", "      serial:"]
        lines += [
            f'        step-{step}: {{run: "echo {step} ${{{{ params.lang }}}}", cpu: 1}}'
            for step in range(10)
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    imgc = str(Path(PYTHON).parent / "imgc")
    with tempfile.TemporaryDirectory() as name:
        rivals = {}
        for percent in (1, 10, 100):
            folder = Path(name) / str(percent)
            (folder / "app").mkdir(parents=True)
            (folder / "app" / "main.py").write_text("print('hello')\n")
            (folder / "pipeline.yaml").write_text(pipeline(IMAGES * percent // 100, NODES * percent // 100))
            rivals[f"check {percent} %"] = lambda folder=folder: run([imgc, "check", "-q"], cwd=folder)
            rivals[f"compile {percent} %"] = lambda folder=folder: run([imgc, "compile", "-q"], cwd=folder)
        table(side_by_side(rivals, rounds))


if __name__ == "__main__":
    main()
