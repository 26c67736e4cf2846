"""List the runs of a pipeline: state, when they began, how many nodes ended how."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Any

from imgc.cli.common import find, read
from imgc.cli.console import EXIT_FINE, Console
from imgc.cli.engine import file_option
from imgc.cli.loading import engine

EXAMPLES = """examples:
  imgc ps                         the runs of the pipeline here, the latest last
  imgc ps -v                      with the state of each node
"""


def arguments(command: argparse.ArgumentParser) -> None:
    file_option(command)


def execute(arguments: argparse.Namespace, console: Console) -> int:
    runs = engine("manage").runs(read(find(arguments.file)).directory)
    if not runs:
        console.say("nothing was run here yet")
    for run in runs:
        counts = Counter(node.state for node in run.nodes if node.kind not in ("serial", "parallel"))
        shown = ", ".join(f"{count} {state}" for state, count in counts.items())
        begun = run.begun[:19].replace("T", " ")
        print(f"{run.run}  {run.state:<11}  {begun} UTC  {_took(run):>10}  {shown}")
        for node in run.nodes if console.verbose else ():
            print(f"    {node.path or '/'}: {node.state}{': ' + node.message if node.message else ''}")
    return EXIT_FINE


def _took(run: Any) -> str:
    """From its beginning to its end, or to now; nobody knows when a run ended that was cut off."""
    from datetime import UTC, datetime

    if not run.begun or (not run.ended and run.pid is None):
        return "-"
    end = datetime.fromisoformat(run.ended) if run.ended else datetime.now(UTC)
    took: str = engine("show.text").duration((end - datetime.fromisoformat(run.begun)).total_seconds())
    return took
