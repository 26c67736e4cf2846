"""`imgc COMMAND …`: finds the command, runs it, and turns what goes wrong into an exit code.

Commands are imported when they are called: `imgc check` loads nothing of an engine or a language server.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from imgc import __version__
from imgc.cli.console import EXIT_BUG, EXIT_ENVIRONMENT, EXIT_INTERRUPTED, EXIT_USAGE, Console, Failure

COMMANDS = {
    "init": "write a first pipeline.yaml for a folder",
    "import": "make a pipeline.yaml from a Dockerfile or from another system's file",
    "check": "say everything that is wrong with a pipeline file",
    "compile": "write Dockerfiles and the run plan",
    "lock": "look up digests, commits and local packages, into imgc.lock",
    "build": "build the images on a Docker engine",
    "run": "build what is needed and run the pipeline",
    "debug": "open a shell in a container that recreates a node",
    "ps": "list the runs of a pipeline",
    "logs": "print what a node of a run wrote",
    "report": "write a page about a run: graph, timeline, logs",
    "stop": "stop a run from another terminal",
    "clean": "remove what crashes left of runs",
    "images": "list images: references, what each shares, sizes",
    "plan": "show the tree with the settings that hold at each node",
    "graph": "draw the pipeline: Mermaid, Graphviz, SVG, or a page to look around in",
    "explain": "say what a diagnostic means, and why an image, a node or a line is as it is",
    "doctor": "say what of this machine's set-up would stop imgc, and the remedy",
    "lsp": "start the language server, as editors do",
    "schema": "print a JSON Schema: pipeline, plan or diagnostics",
    "completion": "print a completion script: bash, zsh or fish",
    "man": "print the manual page",
}

_EPILOG = """examples:
  imgc check                      every problem of ./pipeline.yaml, at its place
  imgc compile                    Dockerfiles and plan.json in compiled/
  imgc run                        build the images and run the pipeline
  imgc COMMAND --help             what a command does, with examples

FILE defaults to pipeline.yaml, pipeline.yml or *.imgc.yaml here or above, up to the git root; - is standard input.
"""


class _Help(argparse.RawDescriptionHelpFormatter):
    """Help as wide as the terminal; argparse finds that out by shutil, which loads three compressors."""

    def __init__(self, prog: str) -> None:
        try:
            width = int(os.environ.get("COLUMNS") or 0) or os.get_terminal_size().columns
        except (OSError, ValueError):
            width = 0
        super().__init__(prog, width=(width or 80) - 2)


def parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """The parser of the command line; only the command that is called brings its options and imports."""
    top = argparse.ArgumentParser(
        prog="imgc", description="Compiler of pipeline.yaml: container images and the commands that run in them.",
        epilog=_EPILOG, formatter_class=_Help,
    )  # fmt: skip
    top.add_argument("--version", action="version", version=f"imgc {__version__}")
    # With `prog`, or argparse makes a help text to find it out, for which it loads shutil and its compressors.
    commands = top.add_subparsers(prog="imgc", dest="command", metavar="COMMAND", required=True)
    called = next((word for word in argv if not word.startswith("-")), "")
    if called and called not in COMMANDS:
        from imgc.diagnostics.near import near

        close = near(called, COMMANDS)
        top.error(f"no command is called '{called}'" + (f"; did you mean '{close[0]}'?" if close else ""))
    for name, summary in COMMANDS.items():
        if name != called:
            commands.add_parser(name, help=summary, add_help=False)
            continue
        module = importlib.import_module(f"imgc.cli.{'import_' if name == 'import' else name}")
        command = commands.add_parser(
            name, help=summary, description=module.__doc__, epilog=module.EXAMPLES,
            formatter_class=_Help,
        )  # fmt: skip
        command.set_defaults(execute=module.execute, error=command.error)
        _common(command)
        module.arguments(command)
    return top


def _common(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--color", choices=("auto", "always", "never"), default="auto", help="color on the terminal"
    )
    command.add_argument("-q", "--quiet", action="store_true", help="say only what is wrong")
    command.add_argument("-v", "--verbose", action="store_true", help="say more")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command line; the exit codes are those of the documentation: 0, 1, 2, 3, 4, 70, 130."""
    gc.disable()  # a compile makes few cycles and ends soon: collecting took a third of its time
    words = sys.argv[1:] if argv is None else argv
    arguments, unknown = parser(words).parse_known_args(words)
    if unknown:
        arguments.error(f"unrecognized arguments: {' '.join(unknown)}")  # with the command's own usage
    console = Console(arguments.color, arguments.quiet, arguments.verbose)
    try:
        code: int = arguments.execute(arguments, console)
        sys.stdout.flush()
        return code
    except Failure as failure:
        console.say(f"imgc: {failure}", always=True)
        return failure.code
    except KeyboardInterrupt:
        console.say("imgc: interrupted", always=True)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_USAGE
    except OSError as error:
        console.say(f"imgc: {error}", always=True)
        return EXIT_ENVIRONMENT
    except Exception as error:
        console.say(
            f"imgc: a bug in imgc ({type(error).__name__}: {error}); the report is in {_report()}",
            always=True,
        )
        return EXIT_BUG


def _report() -> Path:
    import tempfile
    import traceback

    handle, name = tempfile.mkstemp(prefix="imgc-report-", suffix=".txt")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(
            f"imgc {__version__}, Python {sys.version}\n{' '.join(sys.argv)}\n\n{traceback.format_exc()}"
        )
    return Path(name)


if __name__ == "__main__":
    sys.exit(main())
