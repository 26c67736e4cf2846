"""Print what a node of a run wrote, whole; with --follow as it is written."""

from __future__ import annotations

import argparse
import sys

from imgc.cli.common import find, read
from imgc.cli.console import EXIT_FINE, Console, Failure
from imgc.cli.engine import engine, file_option

EXAMPLES = """examples:
  imgc logs test/unit             of the latest run
  imgc logs --follow train        as it is written, until the node ends
  imgc logs --run 20260101-120000-ab12 train --attempt 1
  imgc logs -t train              with the time of each line
"""


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("node", metavar="NODE", help="path of the node; / is a pipeline of one node")
    file_option(command)
    command.add_argument("--run", default="", metavar="RUN", help="default: the latest")
    command.add_argument("--attempt", type=int, default=0, metavar="N", help="default: the last")
    command.add_argument("--follow", action="store_true", help="go on until the node has ended")
    command.add_argument("-t", "--timestamps", action="store_true", help="the time before each line")


def execute(arguments: argparse.Namespace, console: Console) -> int:  # noqa: ARG001
    manage = engine("manage")
    directory = read(find(arguments.file)).directory
    try:
        entries = manage.logs(
            directory,
            arguments.run,
            arguments.node.strip("/"),
            attempt=arguments.attempt,
            follow=arguments.follow,
        )
        for when, stream, text in entries:
            out = sys.stderr.buffer if stream == "stderr" else sys.stdout.buffer
            out.write(f"{when} ".encode() + text if arguments.timestamps else text)
            out.flush()
    except (manage.UnknownNode, manage.store.UnknownRun) as error:
        raise Failure(str(error)) from None
    return EXIT_FINE
