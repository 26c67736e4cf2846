"""Build the images that are missing: parents first, independent ones at once, equal ones once."""

from __future__ import annotations

import argparse
from typing import Any

from imgc.cli.common import compile_arguments
from imgc.cli.console import EXIT_PROBLEMS, Console
from imgc.cli.engine import carried_out, file_option, format_option, prepare
from imgc.cli.loading import engine

EXAMPLES = """examples:
  imgc build                      all images that are missing
  imgc build train etl            these, and what they stand on
  imgc build --no-cache train     from scratch
  imgc build --push               and push them to their registry

exit codes: 0 fine, 1 problems in the file, 3 no engine, 4 a step failed, 130 interrupted
"""


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("images", nargs="*", metavar="IMAGE", help="images to build; default: all")
    file_option(command)
    format_option(command)
    command.add_argument("--no-cache", action="store_true", help="run every step again")
    command.add_argument("--push", action="store_true", help="push the images once they are built")
    command.add_argument(
        "--platform", action="append", default=[], metavar="OS/ARCH", help="build for this platform"
    )
    command.add_argument("--builder", metavar="NAME", help="a buildx builder")
    compile_arguments(command)


def execute(arguments: argparse.Namespace, console: Console) -> int:
    prepared = prepare(arguments, console)
    if prepared is None:
        return EXIT_PROBLEMS
    api = engine()
    builder = arguments.builder or (prepared.config.builder.value if prepared.config.builder else None)

    def work(listener: Any) -> Any:
        return api.build(
            prepared.plan, prepared.compiled, prepared.project, arguments.images,
            no_cache=arguments.no_cache, push=arguments.push, platforms=arguments.platform,
            builder=builder, listener=listener,
        )  # fmt: skip

    return carried_out(work, prepared, arguments, console)
