"""The compiler for `lazy` nodes, as a run calls it: what they print is compiled as if it stood in the file."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from imgc.analysis.analysis import Analysis, analyse_document
from imgc.cli.common import options_of
from imgc.cli.console import Console
from imgc.cli.sources import look_up_sources
from imgc.diagnostics import Severity
from imgc.diagnostics.render import pretty
from imgc.plan import outputs
from imgc.plan.compiled import compile_pipeline
from imgc.records import replace

SHOWN = 3  # problems in full; their number is said


def compiling(
    analysis: Analysis, arguments: argparse.Namespace, console: Console
) -> Callable[[Mapping[str, str], Path], tuple[dict[str, Any] | None, list[str]]]:
    """A function of what lazy nodes have printed, by their paths, and of a folder for Dockerfiles: it gives the data of
    plan.json, or None and what is wrong, a sentence and then excerpts."""
    options = options_of(arguments)
    directory = analysis.project.directory

    def compiled(printed: Mapping[str, str], folder: Path) -> tuple[dict[str, Any] | None, list[str]]:
        grown = analyse_document(analysis.document, directory, replace(options, printed=dict(printed)))
        if not grown.failed:
            look_up_sources(grown, arguments, console)
        errors = [found for found in grown.diagnostics if found.severity is Severity.ERROR]
        if errors:
            first = f"{errors[0].span.place}: {errors[0].text}"
            more = f" ({len(errors)} errors)" if len(errors) > 1 else ""
            return None, [f"{first}{more}.", *pretty(errors[:SHOWN], grown.sources).splitlines()]
        result = compile_pipeline(grown.resolved, directory / "compiled")
        outputs.write(result.files, folder)
        return result.plan, []

    return compiled
