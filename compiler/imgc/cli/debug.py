"""Open a shell in a container that recreates a node: its image, environment, secrets, mounts and limits, with its
command at hand. Commands can be piped in."""

from __future__ import annotations

import argparse
import sys

from imgc.cli.common import compile_arguments
from imgc.cli.console import EXIT_ENVIRONMENT, EXIT_FINE, EXIT_PROBLEMS, Console, Failure
from imgc.cli.engine import Prepared, allow_option, allowed, file_option, prepare, set_option, watched
from imgc.cli.loading import engine

EXAMPLES = """examples:
  imgc debug test/unit            a shell; `run` runs the node's command
  imgc debug --live test/unit     with the local files instead of the image's copies
  imgc debug --fresh test/unit    not in the state that imgc run --keep has kept
  imgc debug 'test[py=3.11]'      a node of a matrix
  imgc debug --print test/unit    the `docker run` command, instead of running it
  echo 'pip list' | imgc debug train

exit code: the shell's; 1 problems in the file, 2 no such node, 3 no engine
"""


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("node", metavar="NODE", help="path of the node; / is a pipeline of one node")
    file_option(command)
    command.add_argument(
        "--live", action="store_true", help="mount the local files of copy_dir, copy and path_map"
    )
    command.add_argument(
        "--run",
        default="",
        metavar="RUN",
        help="in the state kept by this run (run --keep); default: the latest",
    )
    command.add_argument(
        "--fresh", action="store_true", help="in a new container, even if the latest run has kept one"
    )
    command.add_argument(
        "--print", action="store_true", dest="printed", help="print the command for docker, and run nothing"
    )
    set_option(command)
    allow_option(command)
    compile_arguments(command)


def execute(arguments: argparse.Namespace, console: Console) -> int:
    prepared = prepare(arguments, console)
    if prepared is None:
        return EXIT_PROBLEMS
    return _print(arguments, prepared) if arguments.printed else _open(arguments, prepared, console)


def _print(arguments: argparse.Namespace, prepared: Prepared) -> int:
    printed = engine("debug.printed")
    try:
        command, hint = printed.command_of(
            prepared.plan, prepared.project, arguments.node, live=arguments.live
        )
    except printed.UnknownNode as error:
        raise Failure(str(error)) from None
    except printed.Refused as error:
        raise Failure(str(error), EXIT_PROBLEMS) from None
    sys.stdout.write(command)
    print(f"imgc: {hint}", file=sys.stderr)
    return EXIT_FINE


def _open(arguments: argparse.Namespace, prepared: Prepared, console: Console) -> int:
    session = engine("debug.session")
    allow = allowed(arguments, prepared, console)
    arguments.format = "auto"
    with watched(arguments, console) as listener:
        result, ready = session.debug(
            prepared.plan, prepared.compiled, prepared.project, arguments.node,
            live=arguments.live, run=arguments.run, fresh=arguments.fresh, allow=allow, listener=listener,
        )  # fmt: skip
    if ready is None:
        return int(engine("console").conclude(result, prepared.project, sys.stderr))
    try:
        return int(session.open_shell(ready))
    except session.EngineError as error:
        raise Failure(str(error), EXIT_ENVIRONMENT) from None
