"""Show what a pipeline will run: the tree with its images and the settings that hold at each node."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from imgc.cli.common import analyse_file, compile_arguments, file_argument, find, report_problems
from imgc.cli.console import EXIT_FINE, EXIT_PROBLEMS, Console

if TYPE_CHECKING:
    from imgc.plan.compiled import Compiled

EXAMPLES = """examples:
  imgc plan                       the tree, with effective settings
  imgc plan --param lang=fr       with another value of a parameter
  imgc plan --format json         plan.json, which imgc compile writes
  imgc plan -o plan.html          a page to look around in (see imgc graph)

exit codes: 0 fine, 1 problems in the file
"""
FORMATS = ("text", "json", "mermaid", "dot", "svg", "html")
_ENDINGS = {
    ".txt": "text", ".json": "json", ".mmd": "mermaid", ".md": "mermaid", ".dot": "dot", ".gv": "dot", ".svg": "svg",
    ".html": "html",
}  # fmt: skip


def arguments(command: argparse.ArgumentParser) -> None:
    file_argument(command)
    command.add_argument("--format", choices=FORMATS, help="default: by the name of the output, else text")
    command.add_argument("-o", "--output", metavar="OUT", help="the file to write; default: standard output")
    compile_arguments(command)


def execute(arguments: argparse.Namespace, console: Console) -> int:
    return show(arguments, console, "text")


def show(arguments: argparse.Namespace, console: Console, default: str) -> int:
    """Compiles a pipeline and shows its plan in the format asked for."""
    from imgc.plan.compiled import compile_pipeline

    analysis = analyse_file(find(arguments.file), arguments)
    report_problems(analysis, console)
    if analysis.failed:
        return EXIT_PROBLEMS
    compiled = compile_pipeline(analysis.resolved, analysis.project.directory / "compiled")
    output = Path(arguments.output) if arguments.output else None
    form = arguments.format or (_ENDINGS.get(output.suffix, default) if output else default)
    text = _written(compiled, form, output is None and console.color_of(sys.stdout))
    if output is None:
        sys.stdout.write(text)
    else:
        output.write_text(text, encoding="utf-8")
        console.say(f"{output} written")
    return EXIT_FINE


def _written(compiled: Compiled, form: str, color: bool) -> str:
    if form == "json":
        return compiled.files["plan.json"].decode("utf-8")
    from imgc.plan.graph import dot, html, mermaid, svg, tree
    from imgc.plan.graph.model import graph

    drawn = graph(compiled.plan)
    match form:
        case "mermaid":
            return mermaid.to_mermaid(drawn)
        case "dot":
            return dot.to_dot(drawn)
        case "svg":
            return svg.to_svg(drawn)
        case "html":
            return html.to_html(drawn)
        case _:
            return tree.to_text(drawn, color)
