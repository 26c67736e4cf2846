"""Calls of the file's own functions, which are followed for the arguments that they get."""

from __future__ import annotations

import ast

from imgc.importing.python.blocks import head, yields
from imgc.importing.python.expressions import Expressions
from imgc.importing.python.known import NotKnown
from imgc.importing.python.values import Function, Module, Scope, Unknown, Value
from imgc.records import dataclass

_NESTED_CALLS = 12


@dataclass(frozen=True, slots=True)
class Skipped:
    """Lines that could not be followed, and why."""

    line: int
    what: str
    why: str


@dataclass(frozen=True, slots=True, eq=False)
class Return:
    value: Value


class Functions(Expressions):
    """Follows functions. `block` comes from the statements."""

    def __init__(self, here: Module) -> None:
        super().__init__(here)
        self.skipped: list[Skipped] = []
        self.variables: dict[int, str] = {}
        """The first name that each call was given, by the call's id."""
        self.running: list[Function] = []
        self.ran: set[int] = set()
        """The ids of the functions that were followed."""
        self.unsure: list[int] = []
        """For each function that runs, a line on which it may have ended; 0 where it cannot have."""

    def block(self, body: list[ast.stmt], scope: Scope) -> Return | None:
        raise NotImplementedError

    def skip(self, statement: ast.AST, why: str) -> None:
        one = Skipped(self.line(statement), f"`{head(self.text(statement))}`", why)
        if one not in self.skipped:
            self.skipped.append(one)

    def call_function(self, function: Function, args: list[Value], named: dict[str, Value]) -> Value:
        """What a function of the file returns for these arguments."""
        node = function.node
        if function in self.running or len(self.running) >= _NESTED_CALLS or yields(node):
            raise NotKnown
        self.running.append(function)
        self.ran.add(id(function))
        self.unsure.append(0)
        entered, here = self.entered, self.here
        self.entered, self.here = list(entered), function.module
        try:
            scope = Scope(self.bound(function, args, named), function.scope)
            ended = self.block(node.body, scope)
        finally:
            self.running.pop()
            line = self.unsure.pop()
            self.entered, self.here = entered, here
        if line:
            return Unknown(line, f"{function.name}(…)")
        return ended.value if ended else None

    def run(self, function: Function, given: dict[str, Value] | None = None) -> Value:
        """What a function returns when it is called with these arguments and else its defaults."""
        try:
            return self.call_function(function, [], given or {})
        except NotKnown:
            return Unknown(function.line, f"{function.name}(…)")

    def bound(self, function: Function, args: list[Value], named: dict[str, Value]) -> dict[str, Value]:
        """The names of a function's parameters with their values; raises NotKnown where they do not fit."""
        spec = function.node.args
        names = [one.arg for one in (*spec.posonlyargs, *spec.args)]
        values: dict[str, Value] = dict(zip(names, args, strict=False))
        if len(args) > len(names) and spec.vararg is None:
            raise NotKnown
        if spec.vararg:
            values[spec.vararg.arg] = tuple(args[len(names) :])
        rest = {key: value for key, value in named.items() if key not in names}
        values |= {key: value for key, value in named.items() if key in names}
        defaults = dict(zip(names[len(names) - len(spec.defaults) :], spec.defaults, strict=True))
        defaults |= {
            one.arg: value for one, value in zip(spec.kwonlyargs, spec.kw_defaults, strict=True) if value
        }
        for one in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs):
            if one.arg in rest:
                values[one.arg] = rest.pop(one.arg)
            elif one.arg not in values:
                default = defaults.get(one.arg)
                values[one.arg] = (
                    self.value(default, function.scope)
                    if default is not None
                    else Unknown(self.line(one), f"the parameter {one.arg} of {function.name}")
                )
        if spec.kwarg:
            values[spec.kwarg.arg] = rest
        return values
