"""What the commands that need an engine share. The engine package is imported only when one of them is called."""

from __future__ import annotations

import argparse
import gc
import importlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgc.cli.common import analyse_file, find, report_problems
from imgc.cli.console import EXIT_ENVIRONMENT, EXIT_PROBLEMS, Console, Failure
from imgc.plan import outputs
from imgc.plan.compiled import compile_pipeline

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


def failed_file() -> int:
    return EXIT_PROBLEMS


def file_option(command: argparse.ArgumentParser) -> None:
    command.add_argument("-f", "--file", metavar="FILE", help="the pipeline file; default: the one here or above")


def parallelism() -> int:
    """Leaves at once where nothing else is said: the engine gains nothing beyond twice the processors."""
    return 2 * (os.cpu_count() or 1)
