"""Expressions to values. Names, texts, lists and paths are followed; calls into libraries stay as they are written."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Callable

from imgc.importing.python import known
from imgc.importing.python.blocks import excerpt, places
from imgc.importing.python.known import NotKnown
from imgc.importing.python.operations import counted, holds, joined, plain, truth
from imgc.importing.python.values import (
    LONGEST,
    Call,
    Event,
    Function,
    Local,
    Member,
    Module,
    Namespace,
    Part,
    Scope,
    Symbol,
    Unknown,
    Value,
    is_plain,
    is_symbolic,
)

DEPTH = 150
STEPS = 600_000
_FAILS = (NotKnown, ArithmeticError, LookupError, TypeError, ValueError, AttributeError)


class TooMuch(Exception):
    """The file would have to be followed for longer than is sensible; `line` is where that was found."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


class Expressions:
    """Evaluates expressions. `call_function` and `assign` come from those who follow statements."""

    def __init__(self, here: Module) -> None:
        self.here = here
        """The file that is followed at the moment."""
        self.events: list[Event] = []
        self.calls: list[Call] = []
        """All calls of what is not in the file. None is ever let go: they are told apart by their ids."""
        self.steps = 0
        self.depth = 0
        self.entered: list[Value] = []
        """What the `with` blocks around have entered, innermost last."""

    def call_function(self, function: Function, args: list[Value], named: dict[str, Value]) -> Value:
        raise NotImplementedError

    def attribute(self, of: Symbol, name: str) -> Value:
        """An attribute of a module, or of something of one."""
        return Symbol(f"{of.name}.{name}")

    def assign(self, target: ast.expr, value: Value, scope: Scope) -> None:
        raise NotImplementedError

    def value(self, node: ast.expr, scope: Scope) -> Value:
        """The value of an expression. Raises TooMuch, nothing else."""
        self.tick(node)
        case = _CASES.get(type(node))
        if case is None or self.depth >= DEPTH:
            return self.unknown(node)
        self.depth += 1
        try:
            return case(self, node, scope)
        except _FAILS:
            return self.unknown(node)
        finally:
            self.depth -= 1

    def tick(self, node: ast.AST) -> None:
        self.steps += 1
        if self.steps > STEPS:
            raise TooMuch(self.line(node))

    def charge(self, *values: Value) -> None:
        """Counts work on values that takes longer the larger they are."""
        self.steps += sum(len(one) for one in values if isinstance(one, (str, list, tuple, dict))) // 20

    def line(self, node: ast.AST) -> int:
        return self.here.at or getattr(node, "lineno", 1)

    @property
    def whose(self) -> str:
        """Of which file lines are, where that is another one."""
        return f" of {self.here.file}" if self.here.at else ""

    def unknown(self, node: ast.AST) -> Unknown:
        return Unknown(self.line(node), self.text(node))

    def text(self, node: ast.AST) -> str:
        return excerpt(node, self.here.lines)

    # One method for each kind of expression. What they raise of _FAILS makes the expression unknown.

    def _constant(self, node: ast.Constant, scope: Scope) -> Value:  # noqa: ARG002
        if is_plain(node.value) or node.value is Ellipsis:
            return None if node.value is Ellipsis else node.value
        raise NotKnown

    def _name(self, node: ast.Name, scope: Scope) -> Value:
        try:
            return scope.find(node.id)
        except KeyError:
            if node.id in known.BUILTINS:
                return Symbol(f"builtins.{node.id}")
            raise

    def _attribute(self, node: ast.Attribute, scope: Scope) -> Value:
        of = self.value(node.value, scope)
        if isinstance(of, Symbol):
            return self.attribute(of, node.attr)
        if isinstance(of, Local):
            return known.path_attribute(of, node.attr)
        if isinstance(of, Namespace):
            return of.names[node.attr]
        if isinstance(of, Unknown):
            return self.unknown(node)
        if isinstance(of, (Call, Function, Member, Part)):
            return Member(of, node.attr)
        raise NotKnown

    def _list(self, node: ast.List | ast.Tuple | ast.Set, scope: Scope) -> Value:
        found: list[Value] = []
        for item in node.elts:
            if isinstance(item, ast.Starred):
                value = self.value(item.value, scope)
                found += list(value) if isinstance(value, (list, tuple, str)) else [self.unknown(item)]
            else:
                found.append(self.value(item, scope))
            if len(found) > LONGEST:
                raise NotKnown
        return tuple(found) if isinstance(node, ast.Tuple) else found

    def _dict(self, node: ast.Dict, scope: Scope) -> Value:
        found: dict[Value, Value] = {}
        for key, item in zip(node.keys, node.values, strict=True):
            value = self.value(item, scope)
            if key is None:
                found |= value if isinstance(value, dict) else {"**": self.unknown(item)}
                continue
            name = self.value(key, scope)
            if isinstance(name, Local):
                name = name.path
            found[name if is_plain(name) or isinstance(name, Symbol) else self.unknown(key)] = value
        return found

    def _joined(self, node: ast.JoinedStr, scope: Scope) -> Value:
        parts: list[str] = []
        for item in node.values:
            if isinstance(item, ast.FormattedValue):
                value = self.value(item.value, scope)
                spec = (
                    self._joined(item.format_spec, scope)
                    if isinstance(item.format_spec, ast.JoinedStr)
                    else ""
                )
                if item.conversion == ord("r"):
                    value = repr(value if is_plain(value) else known.text_of(value))
                self.charge(value)
                parts.append(known.formatted(value, spec) if spec else known.text_of(value))
            elif isinstance(item, ast.Constant):
                parts.append(str(item.value))
        return known.short("".join(parts))

    def _binary(self, node: ast.BinOp, scope: Scope) -> Value:
        left, right = self.value(node.left, scope), self.value(node.right, scope)
        self.charge(left, right)
        if isinstance(node.op, ast.RShift) and (is_symbolic(left) or is_symbolic(right)):
            self.events.append(Event("order", left, None, right, self.line(node)))
            return right
        if isinstance(node.op, ast.Div) and (isinstance(left, Local) or isinstance(right, Local)):
            return Local(known.short(posixpath.join(known.text_of(left), known.text_of(right))))
        if isinstance(node.op, ast.BitOr) and isinstance(left, dict) and isinstance(right, dict):
            return left | right
        if isinstance(node.op, ast.Mod) and isinstance(left, str):
            return known.percent(left, right)
        left, right = plain(left), plain(right)
        if not isinstance(left, (int, float)) or not isinstance(right, (int, float)):
            return joined(node.op, left, right)
        return counted(node.op, left, right)

    def _unary(self, node: ast.UnaryOp, scope: Scope) -> Value:
        value = self.value(node.operand, scope)
        if isinstance(node.op, ast.Not):
            return not truth(value)
        if isinstance(node.op, ast.USub) and isinstance(value, (int, float)):
            return -value
        raise NotKnown

    def _boolean(self, node: ast.BoolOp, scope: Scope) -> Value:
        value: Value = None
        for item in node.values:
            value = self.value(item, scope)
            if truth(value) is isinstance(node.op, ast.Or):
                break
        return value

    def _compare(self, node: ast.Compare, scope: Scope) -> Value:
        left = self.value(node.left, scope)
        for op, item in zip(node.ops, node.comparators, strict=True):
            right = self.value(item, scope)
            self.charge(right)
            if not holds(op, left, right):
                return False
            left = right
        return True

    def _choice(self, node: ast.IfExp, scope: Scope) -> Value:
        return self.value(node.body if truth(self.value(node.test, scope)) else node.orelse, scope)

    def _subscript(self, node: ast.Subscript, scope: Scope) -> Value:
        of = self.value(node.value, scope)
        if isinstance(node.slice, ast.Slice):
            bounds = (node.slice.lower, node.slice.upper, node.slice.step)
            start, end, step = (self.value(one, scope) if one is not None else None for one in bounds)
            if isinstance(of, (str, list, tuple)):
                self.charge(of)
                return of[start:end:step]
            raise NotKnown
        key = self.value(node.slice, scope)
        if isinstance(of, (Call, Part, Member)) and is_plain(key):
            return Part(of, key)
        if isinstance(of, Symbol):
            return self.unknown(node)  # os.environ["X"], or a type: dict[str, int]
        return plain(of)[key.name if isinstance(key, Symbol) and key not in of else key]

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, scope: Scope
    ) -> Value:
        inner = Scope({}, scope)
        pairs: dict[Value, Value] = {}
        items: list[Value] = []

        def loop(position: int) -> None:
            if position == len(node.generators):
                if isinstance(node, ast.DictComp):
                    pairs[known.text_of(self.value(node.key, inner))] = self.value(node.value, inner)
                else:
                    items.append(self.value(node.elt, inner))
                return
            generator = node.generators[position]
            for item in self.items(self.value(generator.iter, inner)):
                self.tick(node)
                self.assign(generator.target, item, inner)
                if all(truth(self.value(one, inner)) for one in generator.ifs):
                    loop(position + 1)

        loop(0)
        return pairs if isinstance(node, ast.DictComp) else items

    def items(self, value: Value) -> list[Value]:
        """What a loop goes over; raises NotKnown."""
        self.charge(value)
        if isinstance(value, (list, tuple, str)):
            return list(value)
        if isinstance(value, dict):
            return list(value)
        raise NotKnown

    def _await(self, node: ast.Await, scope: Scope) -> Value:
        return self.value(node.value, scope)

    def _walrus(self, node: ast.NamedExpr, scope: Scope) -> Value:
        value = self.value(node.value, scope)
        self.assign(node.target, value, scope)
        return value

    def _call(self, node: ast.Call, scope: Scope) -> Value:
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        of: Value = None
        if isinstance(node.func, ast.Attribute):
            of = self.value(node.func.value, scope)
        args, named = self._arguments(node, scope)
        self.charge(of, *args)
        if isinstance(of, (str, list, dict, Local)):
            return known.method(of, method, args, named)
        function = self._member(of, method) if method else self.value(node.func, scope)
        if isinstance(function, Function) and not function.decorators:
            return self.call_function(function, args, named)
        if isinstance(function, Symbol) and function.name in known.FUNCTIONS:
            return known.call(function, args, named)
        if isinstance(function, (Symbol, Function, Member, Call)):
            inside = self.entered[-1] if self.entered else None
            # Of a chain, the line of its last method.
            line = self.here.at or getattr(node.func, "end_lineno", node.lineno)
            lines = {} if self.here.at else places(node)
            call = Call(function, args, named, line, self.text(node), inside, lines)
            self.calls.append(call)
            self.events.append(Event("call", call, None, None, line))
            return call
        raise NotKnown

    def _member(self, of: Value, name: str) -> Value:
        if isinstance(of, Symbol):
            return self.attribute(of, name)
        if isinstance(of, (Call, Function, Member, Part)):
            return Member(of, name)
        raise NotKnown

    def _arguments(self, node: ast.Call, scope: Scope) -> tuple[list[Value], dict[str, Value]]:
        args: list[Value] = []
        for item in node.args:
            if isinstance(item, ast.Starred):
                value = self.value(item.value, scope)
                args += list(value) if isinstance(value, (list, tuple)) else [self.unknown(item)]
            else:
                args.append(self.value(item, scope))
        named: dict[str, Value] = {}
        for word in node.keywords:
            value = self.value(word.value, scope)
            if word.arg is not None:
                named[word.arg] = value
            elif isinstance(value, dict) and all(isinstance(key, str) for key in value):
                named |= value
            else:
                named["**"] = self.unknown(word.value)
        return args, named


_CASES: dict[type[ast.expr], Callable[..., Value]] = {
    ast.Constant: Expressions._constant,
    ast.Name: Expressions._name,
    ast.Attribute: Expressions._attribute,
    ast.List: Expressions._list,
    ast.Tuple: Expressions._list,
    ast.Set: Expressions._list,
    ast.Dict: Expressions._dict,
    ast.JoinedStr: Expressions._joined,
    ast.BinOp: Expressions._binary,
    ast.UnaryOp: Expressions._unary,
    ast.BoolOp: Expressions._boolean,
    ast.Compare: Expressions._compare,
    ast.IfExp: Expressions._choice,
    ast.Subscript: Expressions._subscript,
    ast.ListComp: Expressions._comprehension,
    ast.SetComp: Expressions._comprehension,
    ast.GeneratorExp: Expressions._comprehension,
    ast.DictComp: Expressions._comprehension,
    ast.Await: Expressions._await,
    ast.NamedExpr: Expressions._walrus,
    ast.Call: Expressions._call,
}
