"""Cold compile of one image, beside hpccm (PyPI) for the same image: python bench/compile_cold.py [ROUNDS].

Both run from byte code, as pip leaves them after installing a wheel. imgc writes its files anew in every round.
"""

from __future__ import annotations

import compileall
import shutil
import sys
import tempfile
from pathlib import Path

from measure import PYTHON, Sample, run, side_by_side, table

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


def byte_compile() -> None:
    """Writes the byte code of imgc and of hpccm, even where the environment forbids to write it on import."""
    import hpccm

    import imgc
    import imgc_schema

    for package in (imgc, imgc_schema, hpccm):
        compileall.compile_dir(str(Path(str(package.__file__)).parent), quiet=2)


def main() -> None:
    byte_compile()
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "app").mkdir()
        (folder / "app" / "main.py").write_text("print('hello')\n")
        (folder / "pipeline.yaml").write_text(PIPELINE)
        (folder / "recipe.py").write_text(RECIPE)
        scripts = Path(PYTHON).parent

        def imgc_compile() -> Sample:
            shutil.rmtree(folder / "compiled", ignore_errors=True)
            return run([str(scripts / "imgc"), "compile", "-q"], cwd=folder)

        rows = side_by_side(
            {
                "python -c pass": lambda: run([PYTHON, "-c", "pass"]),
                "imgc compile": imgc_compile,
                "hpccm": lambda: run([str(scripts / "hpccm"), "--recipe", "recipe.py"], cwd=folder),
            },
            rounds,
        )
    table(rows)


if __name__ == "__main__":
    main()
