"""Print the manual page imgc(1), made from what --help says."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from imgc.cli.console import EXIT_FINE, Console

if TYPE_CHECKING:
    from imgc.cli.commands import Command, Option

EXAMPLES = """examples:
  imgc man | man -l -                                  read it
  imgc man > ~/.local/share/man/man1/imgc.1            install it
"""
_EXIT_CODES = (
    ("0", "fine"),
    ("1", "the file has problems, or compile --check found that the output is out of date"),
    ("2", "wrong usage"),
    ("3", "the environment failed: no engine, registry not reachable, disk full"),
    ("4", "a step of the build or of the run failed"),
    ("70", "a bug in imgc; the message says where the report is"),
    ("130", "interrupted"),
)


def arguments(command: argparse.ArgumentParser) -> None:
    """It takes none."""


def execute(arguments: argparse.Namespace, console: Console) -> int:  # noqa: ARG001
    sys.stdout.write("".join(f"{line}\n" for line in page()))
    return EXIT_FINE


def page() -> Iterator[str]:
    """The page's lines, in the man macros of roff."""
    from imgc import __version__
    from imgc.cli.commands import commands, top

    yield f'.TH IMGC 1 "" "imgc {__version__}" "User Commands"'
    yield ".SH NAME"
    yield "imgc \\- compiler of pipeline.yaml: container images and the commands that run in them"
    yield ".SH SYNOPSIS"
    yield ".B imgc"
    yield "\\fICOMMAND\\fR [\\fIOPTION\\fR]... [\\fIFILE\\fR]"
    yield ".SH DESCRIPTION"
    yield _text(top().description or "")
    yield ".PP"
    yield _text(
        "FILE defaults to pipeline.yaml, pipeline.yml or *.imgc.yaml here or above, up to the git root; - is standard input."
    )
    yield ".SH COMMANDS"
    for command in commands():
        yield from _command(command)
    yield ".SH EXIT STATUS"
    for code, meaning in _EXIT_CODES:
        yield from (".TP", f".B {code}", _text(meaning))
    yield ".SH FILES"
    yield from (".TP", ".I pipeline.yaml", _text("what the images need and which commands run in them"))
    yield from (".TP", ".I imgc.lock", _text("what had to be looked up: digests, commits, package sets"))
    yield from (".TP", ".I compiled/", _text("Dockerfiles, source maps and plan.json"))


def _command(command: Command) -> Iterator[str]:
    yield f'.SS "imgc {_text(command.name)}{_usage(command)}"'
    yield _text(command.description)
    for option in command.options:
        if option.help and "--help" not in option.names:
            yield from (".TP", _names(option), _text(option.help))
    if command.epilog:
        yield from (".PP", ".nf", *(_text(line) for line in command.epilog.strip().splitlines()), ".fi")


def _usage(command: Command) -> str:
    parts = []
    for option in command.options:
        if not option.names:
            name = option.value or "|".join(option.choices)
            parts.append(f"[{name}]" if option.optional else name)
    return "".join(f" {_text(part)}" for part in parts)


def _names(option: Option) -> str:
    value = option.value or "|".join(option.choices)
    if not option.names:
        return f"\\fI{_text(value)}\\fR"
    names = ", ".join(f"\\fB{_text(name)}\\fR" for name in option.names)
    return f"{names} \\fI{_text(value)}\\fR" if value else names


def _text(text: str) -> str:
    """Text that roff prints as it is: no escape, no request at the start of a line."""
    escaped = text.replace("\\", "\\(rs").replace("-", "\\-").replace('"', "\\(dq")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped
