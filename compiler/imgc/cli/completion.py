"""Print a completion script for a shell: commands, options and their values."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from imgc.cli.console import EXIT_FINE, Console

if TYPE_CHECKING:
    from imgc.cli.commands import Command, Option

EXAMPLES = """examples:
  imgc completion bash > ~/.local/share/bash-completion/completions/imgc
  imgc completion zsh > "${fpath[1]}/_imgc"
  imgc completion fish > ~/.config/fish/completions/imgc.fish
"""


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("shell", choices=("bash", "zsh", "fish"), help="the shell")


def execute(arguments: argparse.Namespace, console: Console) -> int:  # noqa: ARG001
    from imgc.cli.commands import commands

    write = {"bash": _bash, "zsh": _zsh, "fish": _fish}[arguments.shell]
    sys.stdout.write("".join(f"{line}\n" for line in write(commands())))
    return EXIT_FINE


def _positional_choices(command: Command) -> tuple[str, ...]:
    return next((option.choices for option in command.options if not option.names and option.choices), ())


def _files(command: Command) -> bool:
    return any(not option.names and option.value in ("FILE", "DIR") for option in command.options)


# bash


def _bash(commands: Sequence[Command]) -> Iterator[str]:
    yield "# completion of imgc for bash; written by imgc completion bash"
    yield "_imgc() {"
    yield '  local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}" command="" one words=""'
    yield '  for one in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do'
    yield '    [[ $one != -* ]] && { command="$one"; break; }'
    yield "  done"
    yield '  case "$command:$before" in'
    for command in commands:
        for option in command.options:
            for name in option.names:
                if option.choices:
                    yield f"    {command.name}:{name}) words={shlex.quote(' '.join(option.choices))} ;;"
                elif option.value:
                    yield f'    {command.name}:{name}) COMPREPLY=($(compgen -f -- "$word")); return ;;'
    yield "  esac"
    yield '  if [[ -z $words ]]; then case "$command" in'
    yield f'    "") words={shlex.quote(" ".join([*(command.name for command in commands), "--help", "--version"]))} ;;'
    for command in commands:
        names = [name for option in command.options for name in option.names]
        words = shlex.quote(" ".join([*_positional_choices(command), *names]))
        yield f"    {command.name}) words={words} ;;"
    yield "  esac; fi"
    yield '  COMPREPLY=($(compgen -W "$words" -- "$word"))'
    with_files = "|".join(command.name for command in commands if _files(command))
    if with_files:
        yield f'  case "$command" in {with_files}) COMPREPLY+=($(compgen -f -- "$word")) ;; esac'
    yield "}"
    yield "complete -o filenames -F _imgc imgc"


# zsh


def _zsh(commands: Sequence[Command]) -> Iterator[str]:
    yield "#compdef imgc"
    yield "# completion of imgc for zsh; written by imgc completion zsh"
    yield "_imgc() {"
    yield "  local -a commands; commands=("
    for command in commands:
        yield f"    {_single(f'{command.name}:{command.summary}')}"
    yield "  )"
    yield "  if (( CURRENT == 2 )); then _describe command commands; return; fi"
    yield "  local command=$words[2]; shift words; (( CURRENT-- ))"
    yield "  case $command in"
    for command in commands:
        yield f"    {command.name}) _arguments -s \\"
        for option in command.options:
            yield from (f"      {_single(text)} \\" for text in _zsh_specs(option))
        yield "      ;;"
    yield "  esac"
    yield "}"
    yield 'if [[ $funcstack[1] == _imgc ]]; then _imgc "$@"; else compdef _imgc imgc; fi'


def _zsh_specs(option: Option) -> Iterator[str]:
    text, value = (
        re.sub(r"([\[\]:\\])", r"\\\1", part) for part in (option.help, option.value.lower() or "value")
    )
    action = f"({' '.join(option.choices)})" if option.choices else "_files"
    if not option.names:
        count = "*" if option.many else ""
        yield f"{count}:{value}:{action}"
        return
    for name in option.names:
        taken = f":{value}:{action}" if option.value or option.choices else ""
        yield f"*{name}[{text}]{taken}"


def _single(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


# fish


def _fish(commands: Sequence[Command]) -> Iterator[str]:
    yield "# completion of imgc for fish; written by imgc completion fish"
    names = " ".join(command.name for command in commands)
    yield "complete -c imgc -f"
    for command in commands:
        yield (
            f"complete -c imgc -n 'not __fish_seen_subcommand_from {names}' "
            f"-a {command.name} -d {_fish_quoted(command.summary)}"
        )
    for command in commands:
        start = f"complete -c imgc -n '__fish_seen_subcommand_from {command.name}'"
        if _files(command):
            yield f"{start} -F"
        if choices := _positional_choices(command):
            yield f"{start} -a {_fish_quoted(' '.join(choices))}"
        for option in command.options:
            flags = [f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names]
            if not flags:
                continue
            if option.choices:
                flags.append(f"-x -a {_fish_quoted(' '.join(option.choices))}")
            elif option.value:
                flags.append("-r -F")
            yield f"{start} {' '.join(flags)} -d {_fish_quoted(option.help)}"


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
