"""Draw the pipeline: nodes, order and settings, as Mermaid, Graphviz, SVG or one page to look around in."""

from __future__ import annotations

import argparse

from imgc.cli import plan
from imgc.cli.common import compile_arguments, file_argument
from imgc.cli.console import Console

EXAMPLES = """examples:
  imgc graph                      Mermaid, for Markdown
  imgc graph -o plan.html         a page: pan, zoom, search, light and dark; needs no network
  imgc graph -o plan.svg          a drawing
  imgc graph --format dot | dot -Tpdf -o plan.pdf

exit codes: 0 fine, 1 problems in the file
"""


def arguments(command: argparse.ArgumentParser) -> None:
    file_argument(command)
    command.add_argument(
        "--format", choices=plan.FORMATS, help="default: by the name of the output, else mermaid"
    )
    command.add_argument("-o", "--output", metavar="OUT", help="the file to write; default: standard output")
    compile_arguments(command)


def execute(arguments: argparse.Namespace, console: Console) -> int:
    return plan.show(arguments, console, "mermaid")
