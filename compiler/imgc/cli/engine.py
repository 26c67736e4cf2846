"""What the commands that need an engine share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from imgc.analysis.analysis import Analysis
from imgc.cli.common import analyse_file, find, report_problems, same_words
from imgc.cli.console import EXIT_ENVIRONMENT, Console, Failure
from imgc.cli.loading import engine
from imgc.cli.sources import look_up_sources
from imgc.model.config import Config
from imgc.plan import outputs
from imgc.plan.compiled import compile_pipeline
from imgc.records import dataclass

STATE = Path(".imgc", "compiled")
"""Where build and run keep what they compile, below the pipeline's folder; `imgc compile` writes to `compiled`."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A pipeline compiled for an engine: plan.json's data, the folder it lies in, the pipeline's folder, and what
    imgc.toml sets."""

    plan: dict[str, Any]
    compiled: Path
    project: Path
    config: Config
    analysis: Analysis


def prepare(arguments: argparse.Namespace, console: Console) -> Prepared | None:
    """Compiles the pipeline file; None when it has errors, which were said."""
    analysis = analyse_file(find(arguments.file), arguments)
    of_user = True
    if not analysis.failed:
        of_user = look_up_sources(analysis, arguments, console)
    report_problems(analysis, console)
    if analysis.failed and not of_user:
        raise Failure("nothing was built: the code cannot be fetched at the moment", EXIT_ENVIRONMENT)
    if analysis.failed:
        return None
    project = analysis.project.directory
    compiled = compile_pipeline(analysis.resolved, project / "compiled")
    outputs.write(compiled.files, project / STATE)
    ignore_state(project)
    return Prepared(compiled.plan, project / STATE, project, analysis.config or Config(), analysis)


def ignore_state(project: Path) -> None:
    """Keeps the state folder out of the user's git."""
    ignore = project / ".imgc" / ".gitignore"
    if not ignore.exists():
        ignore.parent.mkdir(exist_ok=True)
        ignore.write_text("*\n", encoding="utf-8")


def file_option(command: argparse.ArgumentParser, *, short: bool = True) -> None:
    names = ("-f", "--file") if short else ("--file",)
    command.add_argument(*names, metavar="FILE", help="the pipeline file; default: the one here or above")


def format_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--format", choices=("auto", "live", "lines", "json"), default="auto",
        help="auto: a live view on a terminal, else a line an event; json: an event a line, on standard output",
    )  # fmt: skip


def allow_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="GRANT",
        help="what the pipeline may do to this host: docker-socket",
    )


def set_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--set",
        dest="given",
        action="append",
        default=[],
        metavar="NODE.KEY=VALUE",
        help="another setting of a node, this time: train.mem=8Gi, test/unit.run='make quick'",
    )


def allowed(arguments: argparse.Namespace, prepared: Prepared, console: Console) -> list[str]:
    """The user's grants: of the command line, and of imgc.toml."""
    allow = list(arguments.allow)
    for grant in prepared.config.allow:
        if grant.value not in allow:
            allow.append(grant.value)
            console.say(f"{grant.place} allows {grant.value}")
    return allow


@contextmanager
def watched(arguments: argparse.Namespace, console: Console) -> Iterator[Any]:
    """A listener that shows what happens."""
    style = "quiet" if console.quiet and arguments.format == "auto" else arguments.format
    file = sys.stdout if style == "json" else sys.stderr
    color = None if console.color_choice == "auto" else console.color_choice == "always"
    view = engine("console")
    with view.listening(file, style, verbose=console.verbose, color=color) as listener:
        yield listener


def carried_out(
    work: Callable[[Any], Any], prepared: Prepared, arguments: argparse.Namespace, console: Console
) -> int:
    """Does the work with a listener that shows what happens, and says how it ended. Gives the exit code."""
    with watched(arguments, console) as listener:
        result = work(listener)
    words, shells = same_words(arguments), getattr(arguments, "engine", "docker") == "docker"
    words = words if shells else ["--engine", arguments.engine, *words]
    return int(engine("console").conclude(result, prepared.project, sys.stderr, words, shells=shells))
