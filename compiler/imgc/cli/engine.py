"""What the commands that need an engine share. The engine package is imported only when one of them is called."""

from __future__ import annotations

import argparse
import gc
import importlib
import os
from pathlib import Path
from typing import Any

from imgc.cli.common import analyse_file, find, report_problems
from imgc.cli.console import EXIT_ENVIRONMENT, Console, Failure
from imgc.diagnostics.render import printable
from imgc.plan import outputs
from imgc.plan.compiled import compile_pipeline
from imgc.records import dataclass

STATE = Path(".imgc", "compiled")
"""Where build and run keep what they compile, below the pipeline's folder; `imgc compile` writes to `compiled`."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A pipeline compiled for an engine: plan.json's data, the folder it lies in, the pipeline's folder."""

    plan: dict[str, Any]
    compiled: Path
    project: Path


def prepare(arguments: argparse.Namespace, console: Console) -> Prepared | None:
    """Compiles the pipeline file; None when it has errors, which were said."""
    analysis = analyse_file(find(arguments.file), arguments)
    report_problems(analysis, console)
    if analysis.failed:
        return None
    project = analysis.project.directory
    compiled = compile_pipeline(analysis.resolved, project / "compiled")
    outputs.write(compiled.files, project / STATE)
    _ignore_state(project)
    gc.enable()  # what follows lasts
    return Prepared(compiled.plan, project / STATE, project)


def _ignore_state(project: Path) -> None:
    """Keeps the state folder out of the user's git."""
    ignore = project / ".imgc" / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")


def engine(module: str = "api") -> Any:
    """A module of the engine package; Failure where the Docker SDK is not installed."""
    try:
        return importlib.import_module(f"imgc_engine.{module}")
    except ImportError as error:
        if error.name and error.name.split(".")[0] in ("docker", "requests", "urllib3"):
            raise Failure("this needs the Docker SDK: pip install 'imgc[docker]'", EXIT_ENVIRONMENT) from None
        raise


def file_option(command: argparse.ArgumentParser) -> None:
    command.add_argument("-f", "--file", metavar="FILE", help="the pipeline file; default: the one here or above")


def conclude(result: Any, prepared: Prepared, console: Console) -> int:
    """Says how it ended: what was refused, what failed, where in the YAML, its last lines. Gives the exit code."""
    if result.problem:
        console.say(f"imgc: {result.problem}", always=True)
    for refusal in result.refusals:
        console.say(f"{_place(refusal.place, prepared)}: {refusal.message}", always=True)
    for failure in _causes(result.failures):
        console.say(f"\n{failure.subject or prepared.plan['name']}: {failure.message}", always=True)
        console.say(f"  --> {_place(failure.place, prepared)}", always=True)
        if failure.detail:
            console.say(f"  {printable(failure.detail)}", always=True)
        for line in failure.last_lines:
            console.say(f"  | {printable(line)}", always=True)
        if failure.log:
            console.say(f"  log: {os.path.relpath(failure.log)}", always=True)
    if int(result.code) == 0:
        console.say(f"done in {result.seconds:.1f} s")
    return int(result.code)


def _causes(failures: Sequence[Any]) -> list[Any]:
    """The failures without the groups that failed only because something in them did."""
    inner = {failure.subject for failure in failures}
    return [
        failure
        for failure in failures
        if not any(other != failure.subject and (not failure.subject or other.startswith(f"{failure.subject}/")) for other in inner)
    ]


def _place(place: Any, prepared: Prepared) -> str:
    return f"{os.path.relpath(prepared.project / place.file)}:{place.line}:{place.column}"
