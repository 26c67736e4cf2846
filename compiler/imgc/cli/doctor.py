"""Say what of this machine's set-up would stop imgc, and what to do about it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator

from imgc import __version__
from imgc.cli.console import EXIT_FINE, EXIT_PROBLEMS, Console
from imgc.records import dataclass

EXAMPLES = """examples:
  imgc doctor                     look at Python, Docker, buildx, disk, logins, clock, git
  imgc doctor --format json       for programs and bug reports

exit codes: 0 fine, 1 something would stop imgc build or imgc run
"""
_MARKS = {"fine": ("ok", "32"), "warning": ("note", "33"), "problem": ("stop", "31"), "skipped": ("-", "2")}
_OLDEST = (3, 11)


@dataclass(frozen=True, slots=True)
class Row:
    """A finding by the name of its check; `state` is fine, warning, problem or skipped."""

    name: str
    state: str
    found: str
    remedy: str = ""


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--format", choices=("pretty", "json"), default="pretty", help="how to print what was found"
    )


def execute(arguments: argparse.Namespace, console: Console) -> int:
    rows = [look() for look in CHECKS] + list(_engine())
    stopped = any(row.state == "problem" for row in rows)
    if arguments.format == "json":
        checks = [
            {"name": row.name, "state": row.state, "found": row.found, "remedy": row.remedy} for row in rows
        ]
        json.dump(
            {"version": 1, "imgc": __version__, "checks": checks}, sys.stdout, ensure_ascii=False, indent=2
        )
        sys.stdout.write("\n")
    else:
        color = console.color_of(sys.stdout)
        sys.stdout.write("".join(f"{line}\n" for line in _lines(rows, color)))
        console.say("imgc cannot build or run as things are." if stopped else "Nothing would stop imgc.")
    return EXIT_PROBLEMS if stopped else EXIT_FINE


def _lines(rows: list[Row], color: bool) -> Iterator[str]:
    width = max(len(row.name) for row in rows)
    for row in rows:
        mark, code = _MARKS[row.state]
        shown = f"\x1b[{code}m{mark:<4}\x1b[0m" if color else f"{mark:<4}"
        yield f"{shown}  {row.name:<{width}}  {row.found}"
        if row.remedy:
            yield f"{'':<{width + 8}}-> {row.remedy}"


def python() -> Row:
    number = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < _OLDEST:
        return Row("Python", "problem", number, "imgc needs Python 3.11 or newer")
    return Row("Python", "fine", f"{number} at {sys.executable}")


def parser() -> Row:
    """PyYAML's C parser; without it everything works, ten times slower."""
    from imgc.document.libyaml import Parser

    if Parser.__module__.endswith("_yaml"):
        return Row("YAML parser", "fine", "libyaml")
    remedy = "install a wheel of PyYAML: pip install --force-reinstall --only-binary :all: PyYAML"
    return Row(
        "YAML parser", "warning", "PyYAML without libyaml: reading files takes ten times as long", remedy
    )


def git() -> Row:
    """Needed for code from repositories: `copy_repo`, and `copy_url` of a git repository."""
    import shutil
    import subprocess

    program = shutil.which("git")
    if program is None:
        return Row("git", "warning", "not on PATH: copy_repo and git URLs cannot be fetched", "install git")
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        return Row("git", "warning", f"{program} does not work: {error}", "reinstall git")
    return Row("git", "fine", done.stdout.strip().removeprefix("git version "))


def uv() -> Row:
    """Needed for package lists alone; in images it comes from the index."""
    import shutil
    from importlib.util import find_spec

    program = shutil.which("uv")
    if program is None and find_spec("uv") is None:
        return Row(
            "uv", "skipped", "not here; only imgc lock --packages needs it", "pip install 'imgc[lock]'"
        )
    return Row("uv", "fine", program or "in the Python environment of imgc")


CHECKS: tuple[Callable[[], Row], ...] = (python, parser, git, uv)
"""What needs no engine; the engine's own are in imgc_engine.doctor."""


def _engine() -> Iterator[Row]:
    """The checks of the engine package; without the Docker SDK that is the finding."""
    import importlib

    try:
        module = importlib.import_module("imgc_engine.doctor")
    except ImportError as error:
        if not error.name or error.name.split(".")[0] not in ("docker", "requests", "urllib3"):
            raise
        yield Row("Docker SDK", "problem", f"not installed ({error.name})", "pip install 'imgc[docker]'")
        return
    from importlib.metadata import version

    yield Row("Docker SDK", "fine", version("docker"))
    for name, finding in module.diagnose():
        yield Row(name, finding.state, finding.text, finding.remedy)
