"""RUN: what its shell is given, and what it mounts."""

from __future__ import annotations

import json
import re

from imgc.dockerfile.userfile import Instruction
from imgc.importing.dockerfile.words import Unsayable
from imgc.importing.source import Source
from imgc.instructions.quoting import quote
from imgc.records import dataclass

_HEREDOC = re.compile(r"<<-?[\"']?[A-Za-z_][A-Za-z0-9_]*[\"']?\Z")


@dataclass(frozen=True, slots=True)
class Mounts:
    """The options of secrets, the id of an SSH agent ("" without one), and whether a cache is kept."""

    secrets: tuple[dict[str, str], ...]
    ssh: str
    cached: bool


def mounts_of(instruction: Instruction) -> Mounts:
    """Unsayable for flags that no key of an image has."""
    secrets: list[dict[str, str]] = []
    ssh, cached = "", False
    for flag in instruction.flags:
        name, _, given = flag.partition("=")
        options = dict(part.partition("=")[::2] for part in given.split(","))
        kind = options.pop("type", "bind")
        if name != "--mount" or "$" in given or kind not in ("cache", "secret", "ssh"):
            raise Unsayable(f"RUN {flag}")
        cached = cached or kind == "cache"
        if kind == "ssh":
            ssh = options.get("id", "default")
        if kind == "secret":
            secrets.append(options)
    return Mounts(tuple(secrets), ssh, cached)


def script_of(instruction: Instruction, source: Source) -> str:
    """The text that `/bin/sh -c` runs alike."""
    arguments = instruction.arguments
    if instruction.is_json:
        argv = json.loads(arguments)
        return " ".join(map(quote, argv)) or ":"
    if not instruction.heredocs:
        return arguments
    if len(instruction.heredocs) > 1 or not _HEREDOC.match(arguments):
        raise Unsayable("RUN with a here-document for a program")
    lines = source.text[instruction.start : instruction.end].removesuffix("\n").split("\n")
    first = next(number for number, line in enumerate(lines) if "<<" in line) + 1
    body = lines[first:-1]
    if arguments.startswith("<<-"):
        body = [line.lstrip("\t") for line in body]
    if body and body[0].startswith("#!"):
        raise Unsayable("RUN with a script for another program")
    return "\n".join(["set +e", *body])  # a failing line of it does not end it
