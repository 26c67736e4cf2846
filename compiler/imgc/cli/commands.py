"""The commands and their options as data, for completion scripts and the manual."""

from __future__ import annotations

import argparse

from imgc.cli.main import COMMANDS, parser
from imgc.records import dataclass


@dataclass(frozen=True, slots=True)
class Option:
    """`names` are empty for positional arguments; `value` is the name of its value, "" for flags."""

    names: tuple[str, ...]
    value: str
    choices: tuple[str, ...]
    help: str
    optional: bool = False
    many: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    name: str
    summary: str
    description: str
    epilog: str
    options: tuple[Option, ...]


def commands() -> list[Command]:
    """All commands. Those whose packages are not installed are left out."""
    found = []
    for name, summary in COMMANDS.items():
        try:
            top = parser([name])
        except ImportError:
            continue
        inner = next(action for action in top._actions if isinstance(action, argparse._SubParsersAction))
        one: argparse.ArgumentParser = inner.choices[name]
        options = tuple(_option(action) for action in one._actions if action.help != argparse.SUPPRESS)
        found.append(Command(name, summary, one.description or "", one.epilog or "", options))
    return found


def top() -> argparse.ArgumentParser:
    return parser([])


def _option(action: argparse.Action) -> Option:
    flag = action.nargs == 0
    metavar = action.metavar if isinstance(action.metavar, str) else None
    value = "" if flag else metavar or ("" if action.choices else action.dest.upper())
    return Option(
        tuple(action.option_strings), value, tuple(map(str, action.choices or ())), (action.help or "").replace("%%", "%"),
        optional=action.nargs in ("?", "*"), many=action.nargs in ("*", "+"),
    )  # fmt: skip
