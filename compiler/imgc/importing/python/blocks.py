"""What statements may do, for blocks that are left out, and how the source says things."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache

_SHOWN = 400
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


def excerpt(node: ast.AST, lines: list[str]) -> str:
    """How the source says it, on one line and not too long."""
    first = getattr(node, "lineno", 1) - 1
    last = (getattr(node, "end_lineno", None) or first + 1) - 1
    if first >= len(lines):
        return ""
    start, end = getattr(node, "col_offset", 0), getattr(node, "end_col_offset", 0)
    parts = lines[first : min(last, first + 4) + 1]
    if first == last:
        parts = [_cut(parts[0], start, end)]
    else:
        parts[0] = _cut(parts[0], start, len(parts[0]) * 4)
        if last - first < len(parts):
            parts[-1] = _cut(parts[-1], 0, end)
    text = " ".join(" ".join(parts).split())
    return text if len(text) <= 80 else f"{text[:77]}…"


def _cut(line: str, start: int, end: int) -> str:
    """A part of a line, whose columns count bytes; not all of a long one."""
    return _bytes(line)[start : min(end, start + _SHOWN)].decode(errors="ignore")


@lru_cache(maxsize=8)
def _bytes(line: str) -> bytes:
    return line.encode(errors="replace")


def places(node: ast.Call) -> dict[str, int]:
    found = {str(number): one.lineno for number, one in enumerate(node.args)}
    return found | {one.arg: one.lineno for one in node.keywords if one.arg}
