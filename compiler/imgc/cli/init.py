"""Write a first pipeline.yaml for a folder, from what is in it: Python, Node or conda projects, Dockerfiles."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from imgc.analysis.files import NAMES
from imgc.cli.console import EXIT_FINE, Console, Failure

EXAMPLES = """examples:
  imgc init                       pipeline.yaml for the current folder
  imgc init services/api          for another one
  imgc init --stdout              print it, write nothing

looks at: pyproject.toml, uv.lock, poetry.lock, requirements*.txt, environment.yml, package.json, Dockerfile*

exit codes: 0 fine, 2 there is a pipeline file
"""


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "folder", nargs="?", default=".", metavar="DIR", help="the folder; default: this one"
    )
    command.add_argument("--force", action="store_true", help="write over a pipeline.yaml that is there")
    command.add_argument("--stdout", action="store_true", help="print the file instead of writing it")


def execute(arguments: argparse.Namespace, console: Console) -> int:
    from imgc.cli.starter.found import look
    from imgc.cli.starter.written import TITLE, first_pipeline
    from imgc.importing.settle import settled

    folder = Path(arguments.folder)
    if not folder.is_dir():
        raise Failure(f"there is no folder '{folder}'")
    there = [name for name in NAMES if (folder / name).exists()]
    if there and not (arguments.force or arguments.stdout):
        raise Failure(f"'{folder / there[0]}' is there already; --force writes over it")
    text = settled(first_pipeline(look(folder)), folder, TITLE)
    if arguments.stdout:
        sys.stdout.write(text)
        return EXIT_FINE
    path = folder / NAMES[0]
    path.write_text(text, encoding="utf-8")
    console.say(f"{path} written; imgc plan shows what it runs, imgc run runs it")
    return EXIT_FINE
