"""Write a Dockerfile for each image, with its .dockerignore and source map, and the run plan, plan.json."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from imgc.analysis.analysis import Analysis
from imgc.cli.common import analyse_file, compile_arguments, file_argument, find, report_problems
from imgc.cli.console import EXIT_FINE, EXIT_PROBLEMS, Console, Failure
from imgc.diagnostics import in_order
from imgc.plan import outputs
from imgc.plan.compiled import compile_pipeline

EXAMPLES = """examples:
  imgc compile                    into compiled/ beside the pipeline file
  imgc compile -o build/images    into another folder
  imgc compile --check            write nothing; exit 1 with a diff when compiled/ is out of date (for CI)
  imgc compile --stdout etl       print the Dockerfile of one image
  imgc compile --param lang=fr    with another value of a parameter
  imgc compile --context          with each image's build context as a folder, compiled/images/NAME/context

The result needs no imgc: docker build -f compiled/images/NAME/Dockerfile CONTEXT

exit codes: 0 fine, 1 problems in the file or drift with --check
"""


def arguments(command: argparse.ArgumentParser) -> None:
    file_argument(command)
    command.add_argument(
        "-o", "--output", metavar="DIR", help="where to write; default: compiled/ beside the file"
    )
    command.add_argument(
        "--check", action="store_true", help="write nothing; fail when the output on disk differs"
    )
    command.add_argument(
        "--stdout", nargs="?", const="", metavar="IMAGE", help="print Dockerfiles instead of writing"
    )
    command.add_argument(
        "--context",
        action="store_true",
        help="copy what each image takes to images/NAME/context, for plain docker",
    )
    compile_arguments(command)


def execute(arguments: argparse.Namespace, console: Console) -> int:
    if arguments.context and (arguments.check or arguments.stdout is not None):
        raise Failure("--context writes build contexts: it cannot go with --check or --stdout")
    file = find(arguments.file)
    analysis = analyse_file(file, arguments)
    if arguments.context and not analysis.failed:
        _check_sources(analysis)
    report_problems(analysis, console)
    if analysis.failed:
        return EXIT_PROBLEMS
    directory = Path(arguments.output) if arguments.output else analysis.project.directory / "compiled"
    compiled = compile_pipeline(analysis.resolved, directory)
    if arguments.stdout is not None:
        return _print(compiled.dockerfiles, arguments.stdout)
    if arguments.check:
        difference = "".join(outputs.differences(compiled.files, directory))
        sys.stdout.write(difference)
        console.say(f"{directory} is {'out of date: run imgc compile' if difference else 'up to date'}")
        return EXIT_PROBLEMS if difference else EXIT_FINE
    changed = outputs.write(compiled.files, directory)
    count = len(compiled.dockerfiles)
    console.say(
        f"{count} image{'s' * (count != 1)} compiled to {arguments.output or directory.name}/ ({len(changed)} files changed)"
    )
    if arguments.context:
        from imgc.plan.materialise import materialise

        made = materialise(analysis.resolved, compiled.dockerfiles, directory)
        console.say(f"build contexts: {', '.join(made) or 'none'}")
    return EXIT_FINE


def _check_sources(analysis: Analysis) -> None:
    """Adds what a build context cannot be made of to the findings."""
    from imgc.plan.materialise import not_fetched

    analysis.diagnostics = in_order([*analysis.diagnostics, *not_fetched(analysis.resolved)])


def _print(dockerfiles: dict[str, str], name: str) -> int:
    if name and name not in dockerfiles:
        raise Failure(f"no image is called '{name}': there are {', '.join(dockerfiles) or 'none'}")
    sys.stdout.write("\n".join(text for image, text in dockerfiles.items() if name in ("", image)))
    return EXIT_FINE
