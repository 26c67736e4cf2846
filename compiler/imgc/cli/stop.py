"""Stop a run from another terminal, with grace; what a crash left of it is removed."""

from __future__ import annotations

import argparse

from imgc.cli.common import find, read
from imgc.cli.console import EXIT_ENVIRONMENT, EXIT_FINE, Console, Failure
from imgc.cli.engine import file_option
from imgc.cli.loading import engine

EXAMPLES = """examples:
  imgc stop                       the latest run
  imgc stop 20260101-120000-ab12
"""


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("run", nargs="?", default="", metavar="RUN", help="default: the latest")
    file_option(command)


def execute(arguments: argparse.Namespace, console: Console) -> int:
    manage = engine("manage")
    try:
        console.say(manage.stop(read(find(arguments.file)).directory, arguments.run))
    except manage.store.UnknownRun as error:
        raise Failure(str(error)) from None
    except manage.EngineError as error:
        raise Failure(str(error), EXIT_ENVIRONMENT) from None
    return EXIT_FINE
