"""Makes the picture of the README: imgc at work on a sample, as a terminal shows it.

Needs a Docker engine (DOCKER_HOST) and the development set-up: .venv/bin/python docs/picture.py
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
IMGC = str(Path(sys.executable).parent / "imgc")


def main() -> None:
    console = Console(record=True, width=104, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "wordcount"
        shutil.copytree(
            ROOT / "samples" / "wordcount", folder, ignore=shutil.ignore_patterns(".imgc", "compiled", "out")
        )
        file = folder / "pipeline.yaml"
        good = file.read_text(encoding="utf-8")
        file.write_text(
            good.replace("system_packages", "system_package").replace("image: etl", "image: elt"),
            encoding="utf-8",
        )
        shown(console, folder, "imgc", "check", "--color", "always")
        file.write_text(good, encoding="utf-8")
        shown(console, folder, "imgc", "compile", "-q", "--stdout", "etl")
        shown(console, folder, "imgc", "run")
    svg = console.export_svg(title="imgc")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)  # no fonts from elsewhere
    (ROOT / "docs" / "picture.svg").write_text(svg, encoding="utf-8")


def shown(console: Console, folder: Path, *command: str) -> None:
    """Runs a command and records it with what it prints."""
    console.print(
        Text(
            "$ " + " ".join(word for word in command if word not in ("--color", "always", "-q")), style="bold"
        )
    )
    result = subprocess.run(
        [IMGC, *command[1:]],
        cwd=folder,
        text=True,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    console.print(Text.from_ansi(result.stdout.rstrip() + "\n"))


if __name__ == "__main__":
    main()
