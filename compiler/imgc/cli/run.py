"""Build the images that are missing and run the pipeline, or the nodes named and what is below them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from imgc.cli.common import compile_arguments, find, read
from imgc.cli.console import EXIT_PROBLEMS, Console, Failure
from imgc.cli.engine import (
    Prepared,
    allow_option,
    allowed,
    carried_out,
    file_option,
    format_option,
    prepare,
    set_option,
)
from imgc.cli.growing import compiling
from imgc.cli.loading import engine

EXAMPLES = """examples:
  imgc run                        the whole pipeline
  imgc run test/unit              one node, or a group with all below it
  imgc run --param lang=fr        with another value of a parameter
  imgc run --set train.mem=8Gi    with another setting of a node; repeat it for more
  imgc run --dry-run              say what would be built and run, and why
  imgc run --max-parallel 2       two nodes at once, not more
  imgc run --resume               go on with the latest run: what is done is not run again
  imgc run --keep                 what failed nodes leave is kept: imgc debug looks at it
  imgc run --report run.html      and a page to look at, in one file
  imgc run --engine process       without Docker: virtual environments, processes
  imgc run --keep-going           what comes after a failed node runs, but for what needs it
  imgc run --rerun                data that have not changed are worked on again too
  imgc run --watch                after each edit, what it touches runs again; Ctrl-C ends

exit codes: 0 fine, 1 problems in the file, 3 no engine, 4 a step failed, 130 interrupted
"""


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "nodes", nargs="*", metavar="NODE", help="paths of nodes; default: the whole pipeline"
    )
    file_option(command)
    format_option(command)
    command.add_argument(
        "--max-parallel",
        type=_count,
        metavar="N",
        help="nodes at once; default: four a processor, without Docker two",
    )
    command.add_argument(
        "--keep-going",
        action="store_true",
        help="go on after failures in serial groups too, as with stop_on_error: false",
    )
    command.add_argument(
        "--resume",
        nargs="?",
        const="",
        metavar="RUN",
        help="go on with a run that was cut off; default: the latest",
    )
    set_option(command)
    command.add_argument(
        "--dry-run", action="store_true", help="say what would be built and run, and why; start nothing"
    )
    command.add_argument("--rebuild", action="store_true", help="build the images and the code anew")
    command.add_argument("--rerun", action="store_true", help="work on data that have not changed too")
    command.add_argument("--watch", action="store_true", help="after each edit, run again what it touches")
    command.add_argument(
        "--keep", action="store_true", help="keep the state of failed nodes' containers for imgc debug"
    )
    command.add_argument(
        "--engine",
        choices=("docker", "process"),
        help="default: docker, or imgc.toml's; process: without Docker, in virtual environments made from the pip keys",
    )
    command.add_argument(
        "--report", metavar="FILE", help="write a page about the run: graph, timeline, logs (FILE.html)"
    )
    allow_option(command)
    compile_arguments(command)


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("it must be 1 or more")
    return number


def _engine(arguments: argparse.Namespace, prepared: Prepared) -> str:
    """The one that is asked for; a run that is gone on with stays where it was."""
    if arguments.engine is not None:
        return str(arguments.engine)
    if arguments.resume is None:
        return prepared.config.engine.value if prepared.config.engine else "docker"
    leftovers = engine("process.leftovers")
    try:
        return "process" if leftovers.is_resumed(prepared.project / ".imgc", arguments.resume) else "docker"
    except leftovers.UnknownRun:
        return "docker"


def execute(arguments: argparse.Namespace, console: Console) -> int:
    if arguments.watch:
        return _watch(arguments, console)
    prepared = prepare(arguments, console)
    if prepared is None or not _has_nodes(prepared, console):
        return EXIT_PROBLEMS
    return _run(prepared, arguments.nodes, arguments, console)[0]


def _has_nodes(prepared: Prepared, console: Console) -> bool:
    if not prepared.plan["nodes"]:
        console.say("imgc: the file has no pipeline, only images: imgc build builds them", always=True)
    return bool(prepared.plan["nodes"])


def _run(
    prepared: Prepared, nodes: Sequence[str], arguments: argparse.Namespace, console: Console
) -> tuple[int, Any]:
    """Runs it, and shows how it goes; the exit code and the engine's own result."""
    allow = allowed(arguments, prepared, console)
    arguments.engine = _engine(arguments, prepared)
    results: list[Any] = []

    if arguments.report and not Path(arguments.report).absolute().parent.is_dir():
        raise Failure(f"there is no folder for the report {arguments.report}")

    def work(listener: Any) -> Any:
        options = {
            "max_parallel": arguments.max_parallel, "keep_going": arguments.keep_going,
            "rebuild": arguments.rebuild, "resume": arguments.resume, "keep": arguments.keep,
            "listener": listener,
        }  # fmt: skip
        where = (prepared.compiled, prepared.project, nodes)
        if arguments.engine == "process":
            if arguments.dry_run:
                raise Failure("--dry-run is for Docker, and does not know yet what --engine process would do")
            from imgc.plan.environments import environments

            recipes = environments(prepared.analysis.resolved)
            result = engine("process.whole").run(prepared.plan, recipes, *where, **options)
        else:
            compile_ = compiling(prepared.analysis, arguments, console)
            options |= {
                "allow": allow,
                "rerun": arguments.rerun,
                "compile": compile_,
                "dry": arguments.dry_run,
            }
            result = engine().run(prepared.plan, *where, **options)
        if arguments.report and result.folder is not None:
            engine("report").write(result.folder, Path(arguments.report))
        elif arguments.report:
            console.say("imgc: no report: it came to no run")
        results.append(result)
        return result

    if arguments.dry_run and arguments.format != "json":
        arguments.format = "lines"
    code = carried_out(work, prepared, arguments, console)
    return code, results[0]


def _watch(arguments: argparse.Namespace, console: Console) -> int:
    if arguments.dry_run:
        raise Failure("--watch runs whenever something changes, and --dry-run runs nothing: give one of them")
    if arguments.resume is not None:
        raise Failure("--watch starts runs of its own, and --resume goes on with one: give one of them")
    arguments.file = find(arguments.file)
    latest: list[Prepared] = []

    def compiled() -> dict[str, Any] | None:
        prepared = prepare(arguments, console)
        if prepared is None or not _has_nodes(prepared, console):
            return None
        latest[:] = [prepared]
        return prepared.plan

    def run(_plan: dict[str, Any], nodes: Sequence[str]) -> Any:
        _, result = _run(latest[0], nodes, arguments, console)
        arguments.rebuild = arguments.rerun = False  # that was for the first run
        return result

    watching = engine("watch.loop")
    hands = watching.Hands(compiled, run, lambda text: console.say(f"imgc: {text}", always=True))
    return int(watching.loop(hands, read(arguments.file).directory, arguments.nodes))
