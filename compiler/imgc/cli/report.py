"""Write one page about a run, which needs nothing else: timeline, graph, failures, logs, environment."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from imgc.cli.common import find, read
from imgc.cli.console import EXIT_FINE, Console, Failure
from imgc.cli.engine import file_option
from imgc.cli.loading import engine

EXAMPLES = """examples:
  imgc report                     of the latest run, to report.html
  imgc report -o - 20260101-120000-123ab >page.html
"""


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("run", nargs="?", default="", metavar="RUN", help="default: the latest")
    command.add_argument(
        "-o",
        "--output",
        default="report.html",
        metavar="FILE",
        help="default: report.html; - is standard output",
    )
    file_option(command)


def execute(arguments: argparse.Namespace, console: Console) -> int:
    report = engine("report")
    try:
        page = report.report_of(read(find(arguments.file)).directory, arguments.run)
    except report.UnknownRun as error:
        raise Failure(str(error)) from None
    if arguments.output == "-":
        sys.stdout.write(page)
    else:
        Path(arguments.output).write_text(page, encoding="utf-8")
        console.say(f"wrote {arguments.output}")
    return EXIT_FINE
