"""The arguments of a call, taken one after the other, each as what the pipeline file wants there.

What is not known, or of another type, is said where it would have stood, and so is what nobody has taken.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from typing import TypeVar

from imgc.diagnostics import Span
from imgc.importing.draft import Block, Draft, Expression, Given
from imgc.importing.python.modules import Modules
from imgc.importing.python.values import (
    HERE,
    Call,
    Function,
    Local,
    Symbol,
    Unknown,
    Value,
    is_plain,
    relative,
)
from imgc.importing.source import Source

UNKNOWN = "it cannot be known without running the file"
_FILL = "say here which image it is"
UNKNOWN_BASE = "registry.invalid/unknown:unknown"
_PATH = re.compile(re.escape(HERE[:2]) + r"[A-Za-z0-9._/+@=-]*")
_LARGEST = 400
T = TypeVar("T")


class Missing:
    """There is no such argument."""


MISSING = Missing()


class Unclear(Exception):
    """A value that the pipeline file cannot have; the message says why."""


class Importing:
    """A draft in the making, and where what is lost is said."""

    def __init__(self, source: Source, made: Draft) -> None:
        self.source = source
        self.made = made
        self.roots: list[str] = []
        """The folders that relative paths may begin from: those of the file alone where it is empty."""
        self.said: set[tuple[int, str, str, int]] = set()
        self.kept: list[Block] = []
        """What `said` knows by its id."""

    def local(self, path: str) -> str:
        """A path of the source as the pipeline file names it: from the root of the project, where it is there."""
        for root in self.roots if not path.startswith("/") else ():
            if os.path.exists(self.source.folder / root / path):  # noqa: PTH110 (it knows odd names)
                return self.source.local(f"{root}/{path}")
        return self.source.local(path)

    @property
    def stem(self) -> str:
        """The name of the file, for a pipeline that has none."""
        name = PurePath(self.source.file).stem
        return name if name.strip("-") else "pipeline"

    def span(self, line: int) -> Span:
        return self.source.span(max(1, min(line, len(self.source.lines))))

    def lost(self, block: Block, what: str, why: str, line: int) -> None:
        key = id(block), what, why, line
        if key not in self.said:
            self.said.add(key)
            self.kept.append(block)
            self.made.lost(block, f"{what} (line {line})", why, self.span(line))


class Arguments:
    """Those of one call. `names` are its parameters in order."""

    def __init__(self, importing: Importing, call: Call, block: Block, names: Sequence[str] = ()) -> None:
        self.importing = importing
        self.block = block
        self.line = call.line
        self.values: dict[str, Value] = {}
        self.lines: dict[str, int] = {}
        self.older: dict[str, str] = {}
        """The names that arguments have in the source, where those are others."""
        for number, value in enumerate(call.args):
            name = names[number] if number < len(names) else f"argument {number + 1}"
            self.values[name], self.lines[name] = value, call.places.get(str(number), call.line)
        for name, value in call.named.items():
            self.values[name], self.lines[name] = value, call.places.get(name, call.line)

    def has(self, name: str) -> bool:
        return name in self.values

    def peek(self, name: str) -> Value:
        return self.values.get(name)

    def at(self, name: str) -> int:
        return self.lines.get(name, self.line)

    def rename(self, old: str, new: str) -> None:
        self.values[new], self.lines[new], self.older[new] = self.values.pop(old), self.at(old), old

    def label(self, name: str) -> str:
        return f"`{self.older.get(name, name)}`"

    def take(self, name: str) -> Value:
        """The value as it is, MISSING without one. None is as good as nothing."""
        value = self.values.pop(name, None)
        return MISSING if value is None else value

    def lost(self, name: str, why: str) -> None:
        self.importing.lost(self.block, self.label(name), why, self.at(name))

    def rest(self, notes: Mapping[str, str], otherwise: str) -> None:
        """Says what is left over."""
        for name in list(self.values):
            value = self.values.pop(name)
            if value is None:
                continue
            if name == "**":
                self.importing.lost(self.block, f"`**{said(value)}`", UNKNOWN, self.at(name))
            else:
                self.lost(name, notes.get(name, otherwise))

    # What the draft wants: None where there is none, or where it has been said why.

    def text(self, name: str) -> str | None:
        return self._as(name, text)

    def texts(self, name: str) -> list[str] | None:
        value = self.take(name)
        if isinstance(value, (str, Local)):
            value = [value]
        if isinstance(value, Missing):
            return None
        if not isinstance(value, (list, tuple)):
            self.lost(name, why_not(value, "a list"))
            return None
        found = []
        for item in value:
            try:
                found.append(text(item))
            except Unclear as error:
                self.importing.lost(self.block, f"an item of {self.label(name)}", str(error), self.at(name))
        return found

    def base(self, name: str) -> None:
        """The base of an image."""
        value = self.take(name)
        if isinstance(value, str) and HERE[:2] not in value:
            self.set("base", value, name)
        elif value is not MISSING:
            set_unknown_base(self.importing, self.block, self.older.get(name, name), value, self.at(name))

    def flag(self, name: str) -> bool | None:
        return self._as(name, flag)

    def number(self, name: str) -> int | float | None:
        return self._as(name, number)

    def path(self, name: str) -> str | None:
        found = self._as(name, path)
        return None if found is None else self.importing.local(found)

    def start(self, name: str) -> str | None:
        """The file that an image is made from; where it is not known or not there, a base takes its place."""
        if self.peek(name) is None:
            return None
        found = self.path(name)
        if found is not None and os.path.isfile(self.importing.source.target / found):  # noqa: PTH113 (odd names)
            return found
        self.block.set("base", UNKNOWN_BASE, self.importing.span(self.at(name)), note=_FILL)
        if found is not None:
            self.lost(name, f"there is no file '{found}' in the project")
        return None

    def pairs(self, name: str) -> dict[str, str] | None:
        """A mapping of texts."""
        value = self.take(name)
        if isinstance(value, Missing):
            return None
        if not isinstance(value, dict):
            self.lost(name, why_not(value, "a mapping"))
            return None
        found: dict[str, str] = {}
        for key, item in value.items():
            try:
                found[text(key)] = text(item)
            except Unclear as error:
                self.importing.lost(
                    self.block, f"`{said(key)}` of {self.label(name)}", str(error), self.at(name)
                )
        return found

    def _as(self, name: str, reader: Callable[[Value], T]) -> T | None:
        value = self.take(name)
        if isinstance(value, Missing):
            return None
        try:
            return reader(value)
        except Unclear as error:
            self.lost(name, str(error))
            return None

    def set(self, key: str, value: Given | None, name: str) -> None:
        """Gives the block a key, where there is a value; `name` is the argument that it comes from."""
        if value is not None:
            self.block.set(key, value, self.importing.span(self.at(name)))


def set_unknown_base(importing: Importing, block: Block, name: str, value: Value, line: int) -> None:
    """Where only running the file would tell the base: a comment, and a reference that no registry serves."""
    block.set("base", UNKNOWN_BASE, importing.span(line), note=_FILL)
    importing.lost(block, f"`{name}`", why_not(value, "an image"), line)


def callable_at(function: Value, source: Source) -> tuple[str, str]:
    """The file and the name of a function that a container can call; empty for another."""
    if (
        not isinstance(function, Function)
        or function.nested
        or (source.file == "-" and not function.module.at)
    ):
        return "", ""
    return source.local(function.module.file), function.name


def bring_code(importing: Importing, block: Block, modules: Modules, line: int) -> None:
    """The project's code, and where Python finds its modules when a file of a package is called."""
    at = importing.span(line)
    block.set("copy_dir", importing.source.local(modules.root), at)
    if (
        (modules.in_packages or modules.root != ".")
        and block.get("workdir") is None
        and block.get("layers") is None
    ):
        env = block.block("env", at)
        env.inline = True
        if env.get("PYTHONPATH") is None:
            env.set("PYTHONPATH", "/app", at)


def said(value: Value) -> str:
    """How the source says a value, as far as that is worth showing."""
    if isinstance(value, Unknown):
        return value.text
    if isinstance(value, Call):
        return value.text
    if isinstance(value, (Symbol, Function)):
        return value.name
    return str(value) if is_plain(value) else type(value).__name__


def why_not(value: Value, wanted: str) -> str:
    if isinstance(value, Unknown):
        return f"`{value.text}`: {UNKNOWN}"
    if is_plain(value):
        return f"`{value}` is not {wanted}"
    return f"`{said(value)}`: {UNKNOWN}"


def text(value: Value) -> str:
    """Text, or a number or truth as text; raises Unclear."""
    if isinstance(value, Local):
        return path(value)
    if not is_plain(value) or value is None:
        raise Unclear(why_not(value, "text"))
    if isinstance(value, str) and HERE[:2] in value:
        raise Unclear("it names a path of the computer that runs the file")
    return str(value)


def command(value: Value) -> str:
    """Text of a command, with paths of the file's folder as they are in the container; raises Unclear."""
    if not isinstance(value, str):
        raise Unclear(why_not(value, "a command"))
    if HERE[:2] not in value:
        return value
    return Expression(_PATH.sub(lambda found: f"${{{{ path('./{relative(found[0])}') }}}}", value))


def path(value: Value) -> str:
    if isinstance(value, Local):
        value = value.path
    if not isinstance(value, str):
        raise Unclear(why_not(value, "a path"))
    return relative(value)


def flag(value: Value) -> bool:
    if not isinstance(value, (bool, int)):
        raise Unclear(why_not(value, "true or false"))
    return bool(value)


def number(value: Value) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Unclear(why_not(value, "a number"))
    return value


def json_value(value: Value) -> Given:
    """A value as JSON has it; raises Unclear."""
    return _json(value, [_LARGEST])


def _json(value: Value, left: list[int]) -> Given:
    left[0] -= 1
    if left[0] < 0:
        raise Unclear("it is too large, or in itself")
    if isinstance(value, (list, tuple)):
        return [_json(one, left) for one in value]
    if isinstance(value, dict):
        return {text(key): _json(one, left) for key, one in value.items()}
    if isinstance(value, Local) or (isinstance(value, str) and HERE[:2] in value):
        return Expression(f"${{{{ path('./{path(value)}') }}}}")
    if value is None or not is_plain(value):
        raise Unclear(why_not(value, "a value that can be written here"))
    plain: str | int | float | bool = value
    return plain
