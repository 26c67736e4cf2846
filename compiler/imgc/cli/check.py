"""Say everything that is wrong with pipeline files, each at its place, with fixes where they are known."""

from __future__ import annotations

import argparse
import sys

from imgc.analysis.analysis import Analysis
from imgc.cli.common import analyse_file, compile_arguments, file_argument, find
from imgc.cli.console import EXIT_FINE, EXIT_PROBLEMS, Console
from imgc.diagnostics import Severity, in_order
from imgc.diagnostics.render import pretty, summary, to_json

EXAMPLES = """examples:
  imgc check                      the pipeline file here or above
  imgc check a.yaml b.yaml        several files
  imgc check --format json        for programs (schema: imgc schema diagnostics)
  imgc check --deny-warnings      warnings fail too, for CI
  cat pipeline.yaml | imgc check -

exit codes: 0 fine, 1 problems
"""


def arguments(command: argparse.ArgumentParser) -> None:
    file_argument(command, many=True)
    command.add_argument(
        "--format", choices=("pretty", "json"), default="pretty", help="how to print the findings"
    )
    command.add_argument("--deny-warnings", action="store_true", help="warnings make the check fail")
    compile_arguments(command)


def execute(arguments: argparse.Namespace, console: Console) -> int:
    files = arguments.file or [find(None)]
    analyses = [analyse_file(file, arguments) for file in files]
    found = in_order(diagnostic for analysis in analyses for diagnostic in analysis.diagnostics)
    if arguments.format == "json":
        sys.stdout.write(to_json(found) + "\n")
    else:
        sys.stdout.write(pretty(found, _sources(analyses), console.color_of(sys.stdout)))
        console.say(summary(found) or f"{', '.join(files)}: no problems")
    worst = Severity.WARNING if arguments.deny_warnings else Severity.ERROR
    return EXIT_PROBLEMS if any(diagnostic.severity <= worst for diagnostic in found) else EXIT_FINE


def _sources(analyses: list[Analysis]) -> dict[str, list[str]]:
    return {analysis.document.file: analysis.document.lines for analysis in analyses}
