"""Cold compile of one image, beside hpccm (PyPI) for the same image: python bench/compile_cold.py [ROUNDS]."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from measure import PYTHON, run, side_by_side, table

PIPELINE = """\
version: 1
images:
  app:
    base: python:3.11-slim
    apt_packages: [jq]
    pip_packages: [numpy, requests]
    copy_dir: app
"""
RECIPE = """\
Stage0 += baseimage(image='python:3.11-slim')
Stage0 += apt_get(ospackages=['jq'])
Stage0 += pip(packages=['numpy', 'requests'], pip='pip3')
Stage0 += copy(src='app', dest='/app')
"""


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "app").mkdir()
        (folder / "app" / "main.py").write_text("print('hello')\n")
        (folder / "pipeline.yaml").write_text(PIPELINE)
        (folder / "recipe.py").write_text(RECIPE)
        scripts = Path(PYTHON).parent
        rows = side_by_side(
            {
                "python -c pass": lambda: run([PYTHON, "-c", "pass"]),
                "imgc compile": lambda: run([str(scripts / "imgc"), "compile", "-q"], cwd=folder),
                "hpccm": lambda: run([str(scripts / "hpccm"), "--recipe", "recipe.py"], cwd=folder),
            },
            rounds,
        )
    table(rows)


if __name__ == "__main__":
    main()
