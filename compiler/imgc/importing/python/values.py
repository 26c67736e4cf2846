"""What an expression of a Python file is, as far as that can be known without running it.

Plain Python values (text, numbers, lists, …) are themselves. What a library would make of its arguments is kept
as it is written: a `Call` of a `Symbol`. Everything else is `Unknown`, with its place.
"""

from __future__ import annotations

import ast
import posixpath
from typing import Any, TypeAlias

from imgc.records import dataclass, field

Value: TypeAlias = Any
HERE = "/\uf8ff" + "/up" * 30
"""Stands for the folder of the file: where that is on this machine plays no part."""
LONGEST = 100_000
"""The most characters of a text, and items of a list."""


@dataclass(frozen=True, slots=True, eq=False)
class Unknown:
    """What only running the file could tell. `text` is how the source says it."""

    line: int
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Symbol:
    """Something of another module, by its full dotted name: `conducto.Image`."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Local:
    """A `pathlib.Path`."""

    path: str


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """An attribute of something that is not known itself."""

    of: Value
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """`of[key]`, or one of the values that something is unpacked into."""

    of: Value
    key: Value


@dataclass(slots=True, eq=False)
class Call:
    """A call of what is not in the file. `inside` is what the innermost `with` block around it has entered."""

    function: Value
    args: list[Value]
    named: dict[str, Value]
    line: int
    text: str
    inside: Value = None
    places: dict[str, int] = field(default_factory=dict)
    """The lines of the arguments, by their names, or their positions as text."""

    @property
    def name(self) -> str:
        """The full name of the function, `.NAME` for a method, and nothing where neither is known."""
        if isinstance(self.function, Symbol):
            return self.function.name
        return f".{self.function.name}" if isinstance(self.function, Member) else ""


@dataclass(frozen=True, slots=True, eq=False)
class Module:
    """A file that is followed: its path from the folder of the one that is imported, and the line there that brings
    it in, which stands for all its lines; 0 for that file itself."""

    file: str
    lines: list[str] = field(repr=False)
    at: int = 0


@dataclass(slots=True, eq=False)
class Function:
    """A function of the file, or of another one of its project."""

    node: ast.FunctionDef | ast.AsyncFunctionDef
    scope: Scope
    decorators: list[Value]
    module: Module

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def line(self) -> int:
        return self.module.at or self.node.lineno

    @property
    def nested(self) -> bool:
        return self.scope.outer is not None


@dataclass(slots=True, eq=False)
class Scope:
    """The names of a module, or of one run of a function."""

    names: dict[str, Value] = field(default_factory=dict)
    outer: Scope | None = None

    def find(self, name: str) -> Value:
        """The value of a name; raises KeyError."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.outer
        raise KeyError(name)


@dataclass(slots=True, eq=False)
class Namespace:
    """A class that only gathers values, as settings are often kept."""

    name: str
    names: dict[str, Value]


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """`target[key] = value` (item), `target.key = value` (attribute), `target >> value` (order) or a call."""

    kind: str
    target: Value
    key: Value
    value: Value
    line: int


def arguments_of(function: Function, call: Call | None) -> dict[str, Value]:
    """The arguments that a call gives to a function, by their names."""
    if call is None:
        return {}
    names = [one.arg for one in function.node.args.args]
    return {**dict(zip(names, call.args, strict=False)), **call.named}


def calls_between(call: Call | None) -> list[Call]:
    """The calls between a function and its call, the last one first: `with_options(…)` of `f.with_options(…)(…)`."""
    found: list[Call] = []
    value: Value = call.function if call is not None else None
    while isinstance(value, (Call, Member)):
        if isinstance(value, Call):
            found.append(value)
            value = value.function
        else:
            value = value.of
    return found


def is_plain(value: Value) -> bool:
    """Whether it is a value without parts that is known."""
    return value is None or isinstance(value, (bool, int, float, str))


def is_symbolic(value: Value) -> bool:
    return isinstance(value, (Unknown, Symbol, Member, Part, Call, Function))


def relative(path: str) -> str:
    """A path as it is seen from the folder of the file."""
    return posixpath.relpath(path, HERE) if path.startswith(HERE[:2]) else path
