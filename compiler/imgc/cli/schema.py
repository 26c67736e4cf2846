"""Print a JSON Schema (2020-12): of the pipeline file, of plan.json, or of `check --format json`."""

from __future__ import annotations

import argparse
import sys

from imgc.cli.console import EXIT_FINE, Console, Failure

EXAMPLES = """examples:
  imgc schema                     the schema of pipeline.yaml, for editors
  imgc schema plan                the schema of plan.json
  imgc schema --markdown          all keys of pipeline.yaml, to read
"""


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", nargs="?", choices=("pipeline", "plan", "diagnostics"), default="pipeline")
    command.add_argument("--markdown", action="store_true", help="the keys of pipeline.yaml as a page")


def execute(arguments: argparse.Namespace, console: Console) -> int:  # noqa: ARG001
    if arguments.markdown:
        if arguments.name != "pipeline":
            raise Failure("--markdown is for the pipeline file")
        from imgc.cli.reference import markdown

        sys.stdout.write(markdown())
        return EXIT_FINE
    import imgc_schema

    sys.stdout.write(imgc_schema.text(arguments.name))
    return EXIT_FINE
