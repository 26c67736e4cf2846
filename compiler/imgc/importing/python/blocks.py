"""What a block of statements may do, for blocks that are left out."""

from __future__ import annotations

import ast
from collections.abc import Iterator

_QUIET = ("print", "log", "logging", "logger", "sys", "warnings")


def head(text: str) -> str:
    return text.split(": ", 1)[0].rstrip(":") if text.startswith(("if ", "for ", "while ", "try")) else text


def yields(node: ast.AST) -> bool:
    return any(isinstance(one, (ast.Yield, ast.YieldFrom)) for one in ast.walk(node))


def stored(body: list[ast.stmt]) -> list[str]:
    """The names that statements assign, in their order."""
    return [
        one.id
        for part in body
        for one in ast.walk(part)
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
    ]


def changed(body: list[ast.stmt]) -> Iterator[str]:
    """The names that statements assign, or whose values they may change."""
    yield from stored(body)
    for part in body:
        for one in ast.walk(part):
            is_item = isinstance(one, ast.Subscript) and isinstance(one.ctx, ast.Store)
            if isinstance(one, ast.Attribute) or is_item:
                of = getattr(one, "value", None)
                if isinstance(of, ast.Name):
                    yield of.id


def acts(statement: ast.stmt) -> bool:
    """Whether a statement can do more than compute a value, fail or say something."""
    if isinstance(statement, (ast.Raise, ast.Pass, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return)):
        return any(
            isinstance(one, ast.Subscript) and isinstance(one.ctx, ast.Store) for one in ast.walk(statement)
        )
    value = statement.value if isinstance(statement, ast.Expr) else None
    if isinstance(value, ast.Await):
        value = value.value
    if isinstance(value, ast.Call):
        function = value.func
        while isinstance(function, ast.Attribute):
            function = function.value
        return not (isinstance(function, ast.Name) and function.id in _QUIET)
    return not isinstance(
        statement, (ast.Expr, ast.Import, ast.ImportFrom, ast.Break, ast.Continue, ast.Assert)
    )
