"""Print a JSON Schema (2020-12): of the pipeline file, of plan.json, or of `check --format json`."""

from __future__ import annotations

import argparse
import sys

from imgc.cli.console import EXIT_FINE, Console

EXAMPLES = """examples:
  imgc schema                     the schema of pipeline.yaml, for editors
  imgc schema plan                the schema of plan.json
"""


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", nargs="?", choices=("pipeline", "plan", "diagnostics"), default="pipeline")


def execute(arguments: argparse.Namespace, console: Console) -> int:  # noqa: ARG001
    import imgc_schema

    sys.stdout.write(imgc_schema.text(arguments.name))
    return EXIT_FINE
