"""List the runs of a pipeline: state, when they began, how many nodes ended how."""

from __future__ import annotations

import argparse
from collections import Counter

from imgc.cli.common import find, read
from imgc.cli.console import EXIT_FINE, Console
from imgc.cli.engine import engine, file_option

EXAMPLES = """examples:
  imgc ps                         the runs of the pipeline here, the latest last
  imgc ps -v                      with the state of each node
"""


def arguments(command: argparse.ArgumentParser) -> None:
    file_option(command)


def execute(arguments: argparse.Namespace, console: Console) -> int:
    for run in engine("manage").runs(read(find(arguments.file)).directory):
        counts = Counter(node.state for node in run.nodes if node.kind not in ("serial", "parallel"))
        shown = ", ".join(f"{count} {state}" for state, count in counts.items())
        print(f"{run.run}  {run.state:<11}  {run.begun}  {shown}")
        for node in run.nodes if console.verbose else ():
            print(f"    {node.path or '/'}: {node.state}{': ' + node.message if node.message else ''}")
    return EXIT_FINE
