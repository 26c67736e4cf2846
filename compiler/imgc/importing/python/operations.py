"""Operators of values that are known. What cannot be told, or would grow too large, raises NotKnown."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable

from imgc.importing.python.known import NotKnown
from imgc.importing.python.values import (
    LONGEST,
    Call,
    Function,
    Local,
    Member,
    Part,
    Symbol,
    Unknown,
    Value,
    is_plain,
)

_COMPARED: dict[type[ast.cmpop], Callable[[Value, Value], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_COUNTED: dict[type[ast.operator], Callable[[Value, Value], Value]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


def plain(value: Value) -> Value:
    """A value that can be computed with."""
    if is_plain(value) or isinstance(value, (list, tuple, dict, Local)):
        return value
    raise NotKnown


def truth(value: Value) -> bool:
    """Whether a value counts as true."""
    if isinstance(value, (Function, Local)):
        return True
    if isinstance(value, Symbol) and value.name.endswith(".TYPE_CHECKING"):
        return False
    return bool(plain(value))


def counted(op: ast.operator, left: int | float, right: int | float) -> Value:
    if max(abs(left), abs(right)) > 1 << 128:
        raise NotKnown
    return _COUNTED[type(op)](left, right)


def joined(op: ast.operator, left: Value, right: Value) -> Value:
    """`+` and `*` of texts and lists."""
    if isinstance(op, ast.Add) and type(left) is type(right) and isinstance(left, (str, list, tuple)):
        size = len(left) + len(right)
    elif isinstance(op, ast.Mult):
        size = max(0, left) * len(right) if isinstance(left, int) else len(left) * max(0, right)
    else:
        raise NotKnown
    if size > LONGEST:
        raise NotKnown
    return left + right if isinstance(op, ast.Add) else left * right


def holds(op: ast.cmpop, left: Value, right: Value) -> bool:
    if isinstance(op, (ast.Is, ast.IsNot)):
        if right is not None or isinstance(left, (Unknown, Call, Part, Member)):
            raise NotKnown
        return (left is None) is isinstance(op, ast.Is)
    if isinstance(op, (ast.In, ast.NotIn)):
        if not is_plain(left) or not (isinstance(right, str) or all(map(is_plain, plain(right)))):
            raise NotKnown
        return (left in right) is isinstance(op, ast.In)
    if not is_plain(left) or not is_plain(right):
        raise NotKnown
    return _COMPARED[type(op)](left, right)
