"""Remove what crashes left of this pipeline's runs, containers and secret files, and what `imgc run --keep` has kept;
if asked to, old runs and kept data too."""

from __future__ import annotations

import argparse

from imgc.cli.common import find, read
from imgc.cli.console import EXIT_ENVIRONMENT, EXIT_FINE, Console, Failure
from imgc.cli.engine import file_option
from imgc.cli.loading import engine

EXAMPLES = """examples:
  imgc clean                      leftovers of crashed runs, and kept states
  imgc clean --keep 5             and the logs of all runs but the latest five
  imgc clean --data               and what nodes and build steps wrote: they run again next time
"""


def arguments(command: argparse.ArgumentParser) -> None:
    file_option(command)
    command.add_argument(
        "--keep", type=int, metavar="N", help="remove the folders of all runs but the latest N"
    )
    command.add_argument(
        "--data", action="store_true", help="remove what nodes and build steps have written too"
    )


def execute(arguments: argparse.Namespace, console: Console) -> int:
    manage = engine("manage")
    try:
        cleaned = manage.clean(read(find(arguments.file)).directory, keep=arguments.keep, data=arguments.data)
    except manage.EngineError as error:
        raise Failure(str(error), EXIT_ENVIRONMENT) from None
    counts = {
        "container": cleaned.containers,
        "process group": cleaned.processes,
        "kept state": cleaned.states,
        "run": cleaned.runs,
    }
    done = ", ".join(f"{count} {name}{'s' * (count != 1)}" for name, count in counts.items() if count)
    if cleaned.bytes:
        done = ", ".join([*([done] if done else []), f"{cleaned.bytes / 1e6:.1f} MB of data"])
    console.say(f"removed {done}" if done else "there was nothing to remove")
    return EXIT_FINE
