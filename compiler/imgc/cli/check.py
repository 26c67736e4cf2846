"""Say everything that is wrong with pipeline files, each at its place, with fixes where they are known."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from imgc.analysis.analysis import Analysis
from imgc.analysis.files import NAMES
from imgc.cli.common import analyse_file, analyse_input, compile_arguments, file_argument, find, read
from imgc.cli.console import EXIT_FINE, EXIT_PROBLEMS, Console, Failure
from imgc.diagnostics import Diagnostic, Severity, in_order
from imgc.diagnostics.render import pretty, summary, to_json
from imgc.records import replace

EXAMPLES = """examples:
  imgc check                      the pipeline file here or above
  imgc check a.yaml services/     several files, and all that lie in a folder
  imgc check --fix                apply the safe fixes; comments and layout stay as they are
  imgc check --format json        for programs (schema: imgc schema diagnostics)
  imgc check --format sarif       for code scanning; github: annotations of a workflow
  imgc check --deny-warnings      warnings fail too, for CI
  cat pipeline.yaml | imgc check -
  imgc explain untagged-base      what a code means, with an example

exit codes: 0 fine, 1 problems
"""
FORMATS = ("pretty", "json", "sarif", "github")
_SKIPPED = {"node_modules", "__pycache__", "venv", "site-packages", "compiled"}


def arguments(command: argparse.ArgumentParser) -> None:
    file_argument(command, many=True)
    command.add_argument("--format", choices=FORMATS, default="pretty", help="how to print the findings")
    command.add_argument("--fix", action="store_true", help="apply the safe fixes to the files")
    command.add_argument("--deny-warnings", action="store_true", help="warnings make the check fail")
    compile_arguments(command)


def execute(arguments: argparse.Namespace, console: Console) -> int:
    files = _files(arguments.file or [find(None)])
    if arguments.fix:
        analyses = [_fixed(file, arguments, console) for file in files]
    else:
        analyses = [analyse_file(file, arguments) for file in files]
    found = in_order(diagnostic for analysis in analyses for diagnostic in analysis.diagnostics)
    # With --fix, standard output is for the text of a file that came in on standard input.
    stream = sys.stderr if arguments.fix and "-" in files else sys.stdout
    if arguments.format == "pretty":
        stream.write(pretty(found, _sources(analyses), console.color_of(stream)))
        shown = ", ".join(files) if len(files) < 4 else f"{len(files)} files"
        console.say(summary(found) or f"{shown}: no problems")
    else:
        stream.write(written(found, arguments.format))
    worst = Severity.WARNING if arguments.deny_warnings else Severity.ERROR
    return EXIT_PROBLEMS if any(diagnostic.severity <= worst for diagnostic in found) else EXIT_FINE


def written(found: Sequence[Diagnostic], form: str) -> str:
    """The findings in one of the formats for programs."""
    if form == "sarif":
        from imgc import __version__
        from imgc.diagnostics.sarif import to_sarif

        return to_sarif(found, __version__) + "\n"
    if form == "github":
        from imgc.diagnostics.github import to_github

        return to_github(found, _folder_in_workspace())
    return to_json(found) + "\n"


def _folder_in_workspace() -> str:
    """The current folder as seen from the checkout of a GitHub job: annotations are relative to that."""
    workspace = os.environ.get("GITHUB_WORKSPACE", "")
    here = Path.cwd()
    inside = workspace and here.is_relative_to(workspace)
    return here.relative_to(workspace).as_posix().removeprefix(".") if inside else ""


def _sources(analyses: list[Analysis]) -> dict[str, list[str]]:
    return {analysis.document.file: analysis.document.lines for analysis in analyses}


# Files and folders


def _files(given: Sequence[str]) -> list[str]:
    """The files to check, each once: those named, and the pipeline files in the folders named."""
    found: list[str] = []
    for name in given:
        if not Path(name).is_dir():
            found.append(name)
            continue
        inside = sorted(_pipeline_files(Path(name)))
        if not inside:
            raise Failure(f"there is no pipeline file in the folder '{name}'")
        found += inside
    return list(dict.fromkeys(found))


def _pipeline_files(folder: Path) -> Iterator[str]:
    for directory, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in _SKIPPED]
        for name in names:
            if name in NAMES or name.endswith(".imgc.yaml"):
                yield str(Path(directory, name))


# Fixes


def _fixed(file: str, arguments: argparse.Namespace, console: Console) -> Analysis:
    """Applies the safe fixes of a file and writes it back; the analysis of what it then is."""
    from imgc.diagnostics.apply import fix_all

    given = read(file)
    if given.text is None:
        return analyse_input(given, arguments)
    result = fix_all(given.text, lambda text: analyse_input(replace(given, text=text), arguments).diagnostics)
    if file == "-":
        sys.stdout.write(result.text)
    elif result.text != given.text:
        _write(Path(file), result.text)
    if result.titles:
        count = len(result.titles)
        console.say(f"{file}: {count} fix{'es' * (count != 1)} applied: {', '.join(result.titles)}")
    return analyse_input(replace(given, text=result.text), arguments)


def _write(path: Path, text: str) -> None:
    """Puts a new text in the place of the old one at once, with the file's mode; a link stays a link."""
    target = path.resolve()
    new = target.with_name(f".{target.name}.imgc-{os.getpid()}")
    try:
        new.write_bytes(text.encode("utf-8"))
        new.chmod(target.stat().st_mode & 0o7777)
        new.replace(target)
    finally:
        new.unlink(missing_ok=True)
