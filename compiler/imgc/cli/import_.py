"""Make a pipeline.yaml from what exists: a Dockerfile, a Compose file, a pipeline of another system.

What cannot be carried over is a comment where it would belong, and a warning at its place in the source.
Nothing of the source is run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from imgc.cli.check import FORMATS, written
from imgc.cli.console import EXIT_FINE, EXIT_PROBLEMS, Console, Failure
from imgc.diagnostics import Diagnostic, Severity, in_order
from imgc.diagnostics.render import pretty, summary
from imgc.importing.settle import settled
from imgc.importing.source import Source, SourceError, source
from imgc.importing.systems import SYSTEMS, detected, draft

EXAMPLES = """examples:
  imgc import Dockerfile                           print what it is as a pipeline.yaml
  imgc import Dockerfile -o pipeline.yaml          write it, with paths as seen from there
  imgc import docker/api/Dockerfile --context .    built in another folder than its own
  imgc import pipeline.py -o pipeline.yaml         of Conducto, ZenML or Flyte: read, never run
  imgc import compose.yaml -o pipeline.yaml        services that end as nodes
  imgc import - --from dockerfile < Dockerfile     from standard input

exit codes: 0 fine, perhaps with warnings; 1 the file cannot be read as what it should be; 2 the output is there already
"""


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", metavar="FILE", help="what to import; - is standard input")
    command.add_argument(
        "--from", dest="system", choices=tuple(SYSTEMS), help="what FILE is; default: by its name and content"
    )
    command.add_argument(
        "--context", default="", metavar="DIR", help="the build context of a Dockerfile; default: its own folder, or the "
        "nearest above that has what COPY names",
    )  # fmt: skip
    command.add_argument("-o", "--output", metavar="FILE", help="write there; default: standard output")
    command.add_argument("--force", action="store_true", help="write over a file that is there")
    command.add_argument("--format", choices=FORMATS, default="pretty", help="how to print the warnings")


def execute(arguments: argparse.Namespace, console: Console) -> int:
    output = Path(arguments.output) if arguments.output not in (None, "-") else None
    if output is not None and output.is_dir():
        raise Failure(f"'{output}' is a folder: name a file in it, such as {output / 'pipeline.yaml'}")
    if output is not None and not output.parent.is_dir():
        raise Failure(f"there is no folder '{output.parent}'")
    if output is not None and output.exists() and not arguments.force:
        raise Failure(f"'{output}' is there already; --force writes over it")
    if arguments.context and not Path(arguments.context).is_dir():
        raise Failure(f"there is no folder '{arguments.context}'")
    target = output.parent if output is not None else Path()
    given: Source | None = None
    try:
        given = _read(arguments.file, target.absolute(), arguments.context)
        text, found = imported(given, arguments.system)
    except SourceError as error:
        problem = Diagnostic(error.code, Severity.ERROR, str(error), error.span)
        _say([problem], given, arguments.format, console)
        return EXIT_PROBLEMS
    _say(found, given, arguments.format, console)
    if output is None:
        sys.stdout.write(text)
        return EXIT_FINE
    output.write_text(text, encoding="utf-8")
    console.say(f"{output} written; imgc check looks at it, imgc plan shows what it runs")
    return EXIT_FINE


def imported(given: Source, system: str | None = None) -> tuple[str, list[Diagnostic]]:
    """The text of a pipeline file that passes `imgc check` in the target folder, and the warnings."""
    system = system or detected(given)
    if system is None:
        known = ", ".join(SYSTEMS)
        raise Failure(f"'{given.file}' is nothing that imgc knows; if it is, say what: --from {{{known}}}")
    made = draft(system, given)
    shown = "standard input" if given.file == "-" else given.file
    title = f"Made from {shown} by imgc import. What could not be carried over is in the comments."
    text = settled(made, given.target, title, given.start)
    return text, in_order(made.diagnostics)


def _read(file: str, target: Path, context: str) -> Source:
    if file == "-":
        return source(file, sys.stdin.buffer.read(), Path.cwd(), target, context)
    path = Path(file)
    if path.is_dir():
        raise Failure(f"'{file}' is a folder: name a file")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Failure(f"'{file}' cannot be read: {error.strerror}") from None
    return source(file, data, path.absolute().parent, target, context)


def _say(found: Sequence[Diagnostic], given: Source | None, form: str, console: Console) -> None:
    """On standard error: standard output is for the pipeline file."""
    if form != "pretty":
        sys.stderr.write(written(found, form))
    elif shown := [one for one in found if one.severity is Severity.ERROR or not console.quiet]:
        lines = {given.file: given.lines} if given is not None else {}
        console.say(pretty(shown, lines, console.color_of(sys.stderr)) + summary(shown), always=True)
