"""What commands share: finding and reading the pipeline file, speaking, exit codes."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from imgc.analysis.analysis import Analysis, BadOption, Options, analyse
from imgc.analysis.files import NAMES
from imgc.cli.console import Console, Failure
from imgc.diagnostics import Severity
from imgc.records import dataclass


@dataclass(frozen=True, slots=True)
class Input:
    """A pipeline file as it was found: the name to show, the folder its paths are relative to, its text
    (None with the problem said in `problem`: (code, message))."""

    name: str
    directory: Path
    text: str | None
    problem: tuple[str, str] = ("", "")


def file_argument(command: argparse.ArgumentParser, many: bool = False) -> None:
    text = "the pipeline file; default: pipeline.yaml, pipeline.yml or *.imgc.yaml here or above; - is standard input"
    command.add_argument("file", nargs="*" if many else "?", metavar="FILE", help=text)


def compile_arguments(command: argparse.ArgumentParser) -> None:
    """Options that change what a file compiles to."""
    command.add_argument(
        "--param", action="append", default=[], metavar="NAME=VALUE", help="override a parameter"
    )
    command.add_argument(
        "--image", action="append", default=[], metavar="NAME=REF", help="override an entry of image_refs"
    )
    command.add_argument(
        "--allow-outside",
        action="append",
        default=[],
        metavar="PATH",
        help="let the file name paths below PATH",
    )
    command.add_argument(
        "--locked",
        action="store_true",
        help="fail where something would have to be looked up that imgc.lock lacks",
    )


def same_words(arguments: argparse.Namespace) -> list[str]:
    """The options that another command needs to see the same pipeline."""
    words = [] if arguments.file is None else ["--file", arguments.file]
    options = {
        "param": "param",
        "image": "image",
        "allow-outside": "allow_outside",
        "set": "given",
        "allow": "allow",
    }
    for option, name in options.items():
        for value in getattr(arguments, name, ()):
            words += [f"--{option}", value]
    return words


def pairs(values: Sequence[str], option: str) -> dict[str, str]:
    """`NAME=VALUE` options as a dict."""
    found = {}
    for value in values:
        name, equals, rest = value.partition("=")
        if not equals or not name:
            raise Failure(f"{option} takes NAME=VALUE, not '{value}'")
        found[name] = rest
    return found


def find(argument: str | None) -> str:
    """The pipeline file to use: the argument, or the one of this folder or the nearest above, up to the git root."""
    if argument:
        return argument
    here = Path.cwd()
    for directory in (here, *here.parents):
        candidates = [directory / name for name in NAMES if (directory / name).is_file()]
        candidates = candidates or sorted(directory.glob("*.imgc.yaml"))
        if len(candidates) > 1:
            raise Failure(f"there are several pipeline files in {directory}: name one")
        if candidates:
            return os.path.relpath(candidates[0], here)
        if (directory / ".git").exists():
            break
    raise Failure("there is no pipeline.yaml here or above; name a file")


def read(argument: str) -> Input:
    """Reads a pipeline file; what keeps it from being read is said in the result, not raised."""
    if argument == "-":
        return _decoded("-", Path.cwd(), sys.stdin.buffer.read())
    path = Path(argument)
    directory = path.absolute().parent
    try:
        if path.is_dir():
            return Input(
                argument, directory, None, ("not-a-file", f"'{argument}' is a folder, not a pipeline file")
            )
        return _decoded(argument, directory, path.read_bytes())
    except OSError as error:
        return Input(
            argument, directory, None, ("unreadable", f"'{argument}' cannot be read: {error.strerror}")
        )


def analyse_file(argument: str, arguments: argparse.Namespace) -> Analysis:
    """Reads and analyses a pipeline file with the options of `compile_arguments`."""
    return analyse_input(read(argument), arguments)


def analyse_input(given: Input, arguments: argparse.Namespace) -> Analysis:
    """Analyses a file that has been read, with the options of `compile_arguments`."""
    options = options_of(arguments)
    try:
        return analyse(given.name, given.text, given.directory, options, problem=given.problem)
    except BadOption as error:
        raise Failure(str(error)) from None


def options_of(arguments: argparse.Namespace) -> Options:
    """The options of `compile_arguments`."""
    return Options(
        params=pairs(arguments.param, "--param"),
        refs=pairs(arguments.image, "--image"),
        allow_outside=tuple(arguments.allow_outside),
        locked=arguments.locked,
        given=tuple(getattr(arguments, "given", ())),  # of `imgc run` and `imgc debug`
        packages=getattr(arguments, "packages", None),
    )


def report_problems(analysis: Analysis, console: Console) -> None:
    """Says errors and warnings on standard error; hints too where asked to say more."""
    shown = [d for d in analysis.diagnostics if console.verbose or d.severity is not Severity.HINT]
    if console.quiet:
        shown = [d for d in shown if d.severity is Severity.ERROR]
    if shown:
        from imgc.diagnostics.render import pretty, summary

        console.say(
            pretty(shown, analysis.sources, console.color_of(sys.stderr)) + summary(shown), always=True
        )


def _decoded(name: str, directory: Path, data: bytes) -> Input:
    try:
        return Input(name, directory, data.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return Input(
            name,
            directory,
            None,
            ("not-utf8", f"the file is not UTF-8: byte {error.start + 1}, in line {line}"),
        )
