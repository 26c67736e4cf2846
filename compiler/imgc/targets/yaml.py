"""YAML that every reader takes for the same: 1.1, 1.2 and those in between."""

from __future__ import annotations

import re
from typing import Any

import yaml

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_/.-]*(?: [A-Za-z0-9_/.-]+)*\Z")
_WORDS = {"true", "false", "yes", "no", "on", "off", "y", "n", "null"}
"""What one version or another takes for something else than text."""


def dump(data: object) -> str:
    """The data in block style, in its own order. Text is quoted wherever a reader might take it for something else."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, indentless=False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    if _PLAIN.match(text) and text.lower() not in _WORDS:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if _as_block(text) else '"')


def _as_block(text: str) -> bool:
    """Text of several lines without anything that a block does not keep as it is."""
    lines = text.split("\n")
    return (
        len(lines) > 1
        and text[0] not in " \n"
        and not text.endswith("\n\n")
        and all(line.isprintable() and line == line.rstrip() for line in lines)
    )


_Dumper.add_representer(str, _text)
