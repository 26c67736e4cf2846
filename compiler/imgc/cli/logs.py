"""Print what a node of a run wrote, whole; with --follow as it is written. Without a node, what all have written."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from imgc.cli.common import find, read
from imgc.cli.console import EXIT_FINE, Console, Failure
from imgc.cli.engine import file_option
from imgc.cli.loading import engine

EXAMPLES = """examples:
  imgc logs test/unit             of the latest run
  imgc logs                       of all its nodes, each line with its node
  imgc logs -f train              as it is written, until the node ends
  imgc logs --run 20260101-120000-ab12 train --attempt 1
  imgc logs -t train              with the time of each line
"""


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "node", nargs="?", metavar="NODE", help="path of the node; / is a pipeline of one node; default: all"
    )
    file_option(command, short=False)
    command.add_argument("--run", default="", metavar="RUN", help="default: the latest")
    command.add_argument("--attempt", type=int, default=0, metavar="N", help="default: the last")
    command.add_argument("-f", "--follow", action="store_true", help="go on until the node has ended")
    command.add_argument("-t", "--timestamps", action="store_true", help="the time before each line")


def execute(arguments: argparse.Namespace, console: Console) -> int:  # noqa: ARG001
    manage = engine("manage")
    directory = read(find(arguments.file)).directory
    if arguments.node is None and (arguments.follow or arguments.attempt):
        raise Failure("--follow and --attempt are of one node: name it")
    try:
        if arguments.node is not None:
            _print(arguments, manage, directory, arguments.node, "")
            return EXIT_FINE
        for node in manage.nodes_with_logs(directory, arguments.run):
            _print(arguments, manage, directory, node or "/", f"{node or '/'} | ")
    except (manage.UnknownNode, manage.store.UnknownRun) as error:
        raise Failure(str(error)) from None
    return EXIT_FINE


def _print(arguments: argparse.Namespace, manage: Any, directory: Path, node: str, prefix: str) -> None:
    entries = manage.logs(directory, arguments.run, node, attempt=arguments.attempt, follow=arguments.follow)
    begin = True
    for when, stream, text in entries:
        out = sys.stderr.buffer if stream == "stderr" else sys.stdout.buffer
        head = prefix.encode() if begin else b""
        out.write(head + (f"{when} ".encode() if arguments.timestamps else b"") + text)
        out.flush()
        begin = text.endswith(b"\n")
    if prefix and not begin:
        sys.stdout.buffer.write(b"\n")
        sys.stdout.buffer.flush()
