"""Write a Dockerfile for each image, with its .dockerignore and source map, and the run plan, plan.json."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from imgc.analysis.analysis import Analysis
from imgc.cli.common import analyse_file, compile_arguments, file_argument, find, report_problems
from imgc.cli.console import EXIT_FINE, EXIT_PROBLEMS, Console, Failure
from imgc.diagnostics import in_order
from imgc.plan import outputs
from imgc.plan.compiled import Compiled, compile_pipeline

EXAMPLES = """examples:
  imgc compile                    into compiled/ beside the pipeline file
  imgc compile -o build/images    into another folder
  imgc compile --check            write nothing; exit 1 with a diff when compiled/ is out of date (for CI)
  imgc compile --stdout etl       print the Dockerfile of one image
  imgc compile --param lang=fr    with another value of a parameter
  imgc compile --context          with each image's build context as a folder, compiled/images/NAME/context
  imgc compile --target bake      with docker-bake.json too: docker buildx bake -f compiled/docker-bake.json
  imgc compile --target compose   with compose.yaml: docker compose -f compiled/compose.yaml up
  imgc compile --target devcontainer -o .devcontainer    where VS Code and Codespaces look for it

The result needs no imgc: docker build -f compiled/images/NAME/Dockerfile CONTEXT

targets:
  bake          docker-bake.json, for docker buildx bake
  compose       compose.yaml, for docker compose
  devcontainer  .devcontainer/, for VS Code, Codespaces and the devcontainer program
  argo          a workflow for Argo Workflows
  slurm         scripts that submit the pipeline to Slurm
What a target only approximates is a warning, what it cannot express an error, each at its place.

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
        "--stdout",
        nargs="?",
        const="",
        metavar="IMAGE",
        help="print Dockerfiles instead of writing; with --target, its file or the one named",
    )
    command.add_argument(
        "--target",
        action="append",
        default=[],
        metavar="LIST",
        help="write files for other tools too: names with commas (see below)",
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
    targets = _targets(arguments.target)
    file = find(arguments.file)
    analysis = analyse_file(file, arguments)
    directory = Path(arguments.output) if arguments.output else analysis.project.directory / "compiled"
    if arguments.context and not analysis.failed:
        _check_sources(analysis)
    compiled, extra = None, {}
    if not analysis.failed:
        compiled = compile_pipeline(analysis.resolved, directory)
        extra = _made(targets, analysis, compiled, directory) if targets else {}
    report_problems(analysis, console)
    if compiled is None or analysis.failed:
        return EXIT_PROBLEMS
    if arguments.stdout is not None:
        return (
            _print_file(extra, arguments.stdout)
            if targets
            else _print(compiled.dockerfiles, arguments.stdout)
        )
    files = {**compiled.files, **outputs.with_list(extra)}
    if arguments.check:
        difference = "".join(outputs.differences(files, directory))
        sys.stdout.write(difference)
        console.say(f"{directory} is {'out of date: run imgc compile' if difference else 'up to date'}")
        return EXIT_PROBLEMS if difference else EXIT_FINE
    if others := outputs.foreign(extra, directory):
        raise Failure(
            f"{directory / others[0]} is there and not written by imgc: move it, or write elsewhere with -o"
        )
    changed = outputs.write(files, directory)
    count = len(compiled.dockerfiles)
    shown = f"{arguments.output or directory.name}/"
    made = f"; for {' and '.join(targets)}: {', '.join(_top(extra))}" if extra else ""
    console.say(f"{count} image{'s' * (count != 1)} compiled to {shown} ({len(changed)} files changed){made}")
    if console.verbose:
        console.say("".join(f"  {path}\n" for path in changed).removesuffix("\n"))
    if arguments.context:
        from imgc.plan.materialise import materialise

        written = materialise(analysis.resolved, compiled.dockerfiles, directory)
        console.say(f"build contexts: {', '.join(written) or 'none'}")
    return EXIT_FINE


def _top(paths: Iterable[str]) -> list[str]:
    """Files, and for those in folders the folder, once."""
    return list(dict.fromkeys(f"{path.partition('/')[0]}/" if "/" in path else path for path in paths))


def _targets(written: list[str]) -> list[str]:
    """The names of targets that are asked for; few ask for any."""
    if not written:
        return []
    from imgc.targets.registry import UnknownTarget, names_of

    try:
        return names_of(written)
    except UnknownTarget as error:
        raise Failure(str(error)) from None


def _made(targets: list[str], analysis: Analysis, compiled: Compiled, directory: Path) -> dict[str, bytes]:
    """The files of targets; adds what they only approximate or cannot express to the findings."""
    from imgc.targets.registry import make
    from imgc.targets.subject import subject

    made = make(targets, subject(compiled, analysis.resolved, directory))
    analysis.diagnostics = in_order([*analysis.diagnostics, *made.diagnostics])
    return made.files


def _check_sources(analysis: Analysis) -> None:
    """Adds what a build context cannot be made of to the findings."""
    from imgc.plan.materialise import not_fetched

    analysis.diagnostics = in_order([*analysis.diagnostics, *not_fetched(analysis.resolved)])


def _print(dockerfiles: dict[str, str], name: str) -> int:
    if name and name not in dockerfiles:
        raise Failure(f"no image is called '{name}': there are {', '.join(dockerfiles) or 'none'}")
    sys.stdout.write("\n".join(text for image, text in dockerfiles.items() if name in ("", image)))
    return EXIT_FINE


def _print_file(files: dict[str, bytes], path: str) -> int:
    if not path and len(files) == 1:
        path = next(iter(files))
    if path not in files:
        wrong = f"no file of these targets is called '{path}'" if path else "this prints one file"
        raise Failure(f"{wrong}: --stdout with one of {', '.join(files)}")
    sys.stdout.write(files[path].decode("utf-8"))
    return EXIT_FINE
