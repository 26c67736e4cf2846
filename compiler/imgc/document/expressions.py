"""`${{ params.x }}`, `${{ matrix.x }}` and `${{ path('./x') }}` in string values.

Values are put into the nodes themselves, so that everything behind this sees plain strings. Keys are
never touched. In shell text (`run`, `commands`, …) only values that no shell can misread are allowed.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as Names

from imgc.diagnostics import Diagnostic, Severity, Span
from imgc.diagnostics.near import near
from imgc.document.nodes import Entry, Mapping, Node, Scalar, Sequence, Value
from imgc.document.scalars import resolve
from imgc.patterns import lazy
from imgc.records import dataclass, field

_OPEN = lazy(r"\$\{\{")
_EXPRESSION = lazy(
    r"\s*(?:(?P<scope>params|matrix)\.(?P<name>[A-Za-z_][A-Za-z0-9_-]*)"
    r"|path\(\s*(?P<quote>['\"])(?P<path>[^'\"]*)(?P=quote)\s*\))\s*\}\}"
)
SAFE_IN_SHELL = lazy(r"[A-Za-z0-9._/@:+=,%-]*\Z")
SHELL_KEYS = frozenset({"run", "commands", "lazy", "local_project_install", "pipeline"})
"""Keys whose strings a shell reads (a node that is just a string is a `run`)."""
_GROUPS = frozenset({"serial", "parallel"})
_TYPED = frozenset({
    "cpu", "gpu", "max_concurrent", "attempts", "mem_factor", "requires_docker", "read_only", "skip", "stop_on_error",
    "suppress_errors", "accept_return_code",
})  # fmt: skip
"""Keys that want a number or a boolean; everywhere else a matrix value is text as written (3.10 stays 3.10)."""
_NAMED = frozenset({"env", "runtime_env", "labels", "args", "params", "matrix", "images", "path_map"})
"""Keys whose own keys are names of the user's."""


@dataclass(frozen=True, slots=True)
class Expression:
    """One expression in a text: its range, and what it names: scope is params, matrix or path."""

    start: int
    end: int
    scope: str
    name: str


def find(text: str) -> tuple[list[Expression], list[int]]:
    """The expressions of a text, and the offsets of `${{` that begin none."""
    found: list[Expression] = []
    bad: list[int] = []
    position = 0
    while match := _OPEN.search(text, position):
        inner = _EXPRESSION.match(text, match.end())
        if inner is None:
            bad.append(match.start())
            position = match.end()
            continue
        scope = inner["scope"] or "path"
        found.append(Expression(match.start(), inner.end(), scope, inner["name"] or inner["path"] or ""))
        position = inner.end()
    return found, bad


def place(scalar: Scalar, start: int, end: int) -> Span:
    """The span of a part of a scalar's value; the whole scalar where escapes or folding hide the part."""
    width = scalar.span.end_column - scalar.span.column
    if scalar.span.line != scalar.span.end_line:
        return scalar.span
    if scalar.style == "" and width == len(scalar.text):
        return scalar.span.cut(start, end)
    if scalar.style in "'\"" and width == len(scalar.text) + 2:
        return scalar.span.cut(start + 1, end + 1)
    return scalar.span


@dataclass(slots=True)
class Scope:
    """What expressions may name here. A scope that is None is left alone, to be filled in later.

    `path` turns a local path into the path in the container, or gives None after reporting at the span.
    """

    report: Callable[[Diagnostic], None]
    params: Names[str, tuple[Value, str]] | None = None
    matrix: Names[str, tuple[Value, str]] | None = None
    path: Callable[[str, Span], str | None] | None = None
    used: set[str] = field(default_factory=set)
    """Names of params that something refers to."""


def substitute(node: Node, scope: Scope, key: str = "") -> Node:
    """The node with its expressions replaced; the same object when there is nothing to replace."""
    match node:
        case Scalar():
            return _scalar(node, scope, key) if isinstance(node.value, str) and "${{" in node.value else node
        case Sequence():
            items = tuple(substitute(item, scope, key) for item in node.items)
            return node if _same(items, node.items) else Sequence(items, node.span, node.flow)
        case Mapping():
            values = [substitute(entry.value, scope, _inner(key, entry)) for entry in node.entries]
            if all(value is entry.value for value, entry in zip(values, node.entries, strict=True)):
                return node
            entries = tuple(
                Entry(entry.key, value) for entry, value in zip(node.entries, values, strict=True)
            )
            return Mapping(entries, node.span, node.flow, node.broken)


def _inner(key: str, entry: Entry) -> str:
    """What an entry's value is, by the key its mapping belongs to."""
    if key in _GROUPS:
        return "run" if isinstance(entry.value, Scalar) else ""
    return "" if key in _NAMED else entry.name


def _same(first: tuple[Node, ...], second: tuple[Node, ...]) -> bool:
    return all(a is b for a, b in zip(first, second, strict=True))


def _scalar(node: Scalar, scope: Scope, key: str) -> Scalar:
    text = node.text
    expressions, bad = find(text)
    for offset in bad:
        message = "this is no expression: ${{ params.NAME }}, ${{ matrix.NAME }} and ${{ path('./x') }} are"
        scope.report(Diagnostic("bad-expression", Severity.ERROR, message, place(node, offset, offset + 3)))
    parts: list[str] = []
    position = 0
    changed = False
    for expression in expressions:
        found = _value(expression, place(node, expression.start, expression.end), scope)
        if found is None:
            continue
        value, written = found
        whole = expression.start == 0 and expression.end == len(text)
        if key in SHELL_KEYS and not SAFE_IN_SHELL.match(written):
            message = (
                f"the value of {_name(expression)} holds characters that a shell would read; "
                "give it to the command through 'env'"
            )
            scope.report(
                Diagnostic(
                    "unsafe-value", Severity.ERROR, message, place(node, expression.start, expression.end)
                )
            )
            written = ""
        elif whole:
            value = resolve(written) if key in _TYPED and isinstance(value, str) else value
            return Scalar(value, written, node.span, node.style)
        parts += [text[position : expression.start], written]
        position = expression.end
        changed = True
    if not changed:
        return node
    replaced = "".join([*parts, text[position:]])
    return Scalar(replaced, replaced, node.span, node.style)


def _name(expression: Expression) -> str:
    return (
        f"{expression.scope}.{expression.name}"
        if expression.scope != "path"
        else f"path('{expression.name}')"
    )


def _value(expression: Expression, span: Span, scope: Scope) -> tuple[Value, str] | None:
    """The value and its text as written; None when it is left alone or was reported."""
    if expression.scope == "path":
        inside = scope.path(expression.name, span) if scope.path else None
        return (inside, inside) if inside is not None else None
    names = scope.params if expression.scope == "params" else scope.matrix
    if names is None:
        return None
    if expression.scope == "params":
        scope.used.add(expression.name)
    found = names.get(expression.name)
    if found is None:
        close = near(expression.name, names)
        label = f"did you mean '{expression.scope}.{close[0]}'?" if close else ""
        if not close and names:
            label = f"there are {', '.join(names)}"
        message = f"'{_name(expression)}' is not defined"
        scope.report(
            Diagnostic(f"unknown-{expression.scope.removesuffix('s')}", Severity.ERROR, message, span, label)
        )
    return found


def typed(written: str, default: Value) -> Value:
    """A value given on the command line, typed by the parameter's default; ValueError when it does not fit."""
    if isinstance(default, str) or default is None:
        return written
    value = resolve(written)
    if isinstance(default, bool) != isinstance(value, bool) or not isinstance(value, (bool, int, float)):
        raise ValueError(f"'{written}' is not {'true or false' if isinstance(default, bool) else 'a number'}")
    return value
