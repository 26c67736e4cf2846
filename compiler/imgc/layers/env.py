"""`env`: variables of the build and the run; also `runtime_env`, which is set last.

One ENV instruction, sorted by name: order means nothing, unless a value uses another variable of the same
map. Then the written order holds, and each use of a variable begins a new instruction, since inside of one
instruction `${A}` is what A was before it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from imgc.diagnostics import Diagnostic, Edit, Fix, Related, Severity, Span
from imgc.document.expressions import place
from imgc.document.nodes import Entry, Mapping, Node, Scalar
from imgc.instructions.quoting import (
    BadReference,
    Variable,
    bare_variables,
    env_parts,
    env_problem,
    name_problem,
)
from imgc.instructions.types import Env
from imgc.layers.kind import Kind, Layer, Reading, Written
from imgc.layers.recipe import Recipe
from imgc.patterns import lazy
from imgc.records import dataclass

Variables = tuple[tuple[str, str], ...]
"""Names and values as written: `${NAME}` is a variable, `$$` a dollar sign."""

_SECRET = lazy(
    r"(?:^|_)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)", re.IGNORECASE
)
_NO_SECRET = lazy(r"(?:^|_)(?:public|file|version)(?:_|$)", re.IGNORECASE)
"""What BuildKit's rule SecretsUsedInArgOrEnv takes for a secret, and what it lets pass."""


@dataclass(frozen=True, slots=True)
class EnvLayer:
    key: str
    span: Span
    variables: Variables

    def emit(self, recipe: Recipe) -> None:
        emit_env(recipe, self.variables, self.key, self.span)


def read(written: Written, reading: Reading) -> Layer | None:
    variables = read_variables(written.node, reading.report)
    return EnvLayer(written.key, written.span, variables) if variables else None


KIND = Kind(("env",), 1, read)


def read_variables(node: Node, report: Callable[[Diagnostic], None]) -> Variables:
    """The variables that can be written; the others are reported at their values."""
    found: list[tuple[str, str]] = []
    entries = [entry for entry in node if _is_variable(entry)] if isinstance(node, Mapping) else []
    for entry in entries:
        scalar = entry.value
        assert isinstance(scalar, Scalar)
        _hint_at_dollars(scalar, report)
        if _is_writable(scalar, report):
            found.append((entry.name, scalar.text))
            warn_of_secret(entry.name, scalar, "in the image", report)
    _warn_of_order(entries, report)
    return tuple(found)


def emit_env(recipe: Recipe, variables: Sequence[tuple[str, str]], key: str, span: Span | None) -> None:
    for group in _groups(variables):
        recipe.add(Env(group, expand=True), key, span)
    recipe.env.update(variables)


def looks_secret(name: str) -> bool:
    """Whether a variable of this name probably holds a secret."""
    return bool(_SECRET.search(name)) and not _NO_SECRET.search(name)


def warn_of_secret(name: str, value: Scalar, where: str, report: Callable[[Diagnostic], None]) -> None:
    """Warns of a variable that looks like a secret and is written out: `where` it could be read."""
    if looks_secret(name) and _is_literal(value):
        message = (
            f"'{name}' looks like a secret, and its value would be readable {where}; keep it under 'secrets'"
        )
        report(Diagnostic("secret-in-env", Severity.WARNING, message, value.span))


def names_in(value: str) -> set[str]:
    """The variables that a value uses."""
    parts = env_parts(value)
    return (
        set()
        if isinstance(parts, BadReference)
        else {part.name for part in parts if isinstance(part, Variable)}
    )


def _is_variable(entry: Entry) -> bool:
    """Whether an entry has the form that the schema asks for; the rest was reported."""
    return (
        isinstance(entry.value, Scalar) and entry.value.value is not None and name_problem(entry.name) is None
    )


def _is_writable(scalar: Scalar, report: Callable[[Diagnostic], None]) -> bool:
    if "\n" in scalar.text:
        message = "a newline cannot be part of a variable's value: a Dockerfile has no way to write it"
        report(Diagnostic("newline-in-value", Severity.ERROR, message, scalar.span))
        return False
    parts = env_parts(scalar.text)
    if isinstance(parts, BadReference):
        # An expression that is still there was reported, or is filled in later.
        if not scalar.text.startswith("${{", parts.offset):
            span = place(scalar, parts.offset, parts.offset + 2)
            report(Diagnostic("bad-variable", Severity.ERROR, parts.reason, span))
        return False
    if reason := env_problem(scalar.text, expand=True):
        report(Diagnostic("unwritable-value", Severity.ERROR, f"the value {reason}", scalar.span))
        return False
    return True


def _is_literal(scalar: Scalar) -> bool:
    """Whether a value may be the secret itself, and not a switch, a reference or the place of a file."""
    text = scalar.text
    return (
        bool(text)
        and not isinstance(scalar.value, bool)
        and not names_in(text)
        and "${{" not in text
        and not text.startswith("/run/secrets/")
    )


def _hint_at_dollars(scalar: Scalar, report: Callable[[Diagnostic], None]) -> None:
    for variable in bare_variables(scalar.text):
        span = place(scalar, variable.start, variable.end)
        fixes: tuple[Fix, ...] = ()
        if span is not scalar.span:
            fixes = (
                Fix(
                    f"use the variable: ${{{variable.name}}}",
                    (Edit(span, f"${{{variable.name}}}"),),
                    safe=False,
                ),
                Fix(f"say that it is text: $${variable.name}", (Edit(span, f"$${variable.name}"),)),
            )
        message = (
            f"'${variable.name}' stays as it is: a variable is '${{{variable.name}}}', a dollar sign '$$'"
        )
        report(Diagnostic("literal-dollar", Severity.HINT, message, span, fixes=fixes))


def _warn_of_order(entries: Sequence[Entry], report: Callable[[Diagnostic], None]) -> None:
    """A value that uses a variable set further down sees what the base has. That is meant where the later one
    extends what the base has, as `PATH: /opt/bin:${PATH}` does."""
    later = {entry.name: entry for entry in entries}
    for entry in entries:
        del later[entry.name]
        assert isinstance(entry.value, Scalar)
        for name in sorted(names_in(entry.value.text) & later.keys()):
            other = later[name]
            assert isinstance(other.value, Scalar)
            if name in names_in(other.value.text):
                continue
            message = (
                f"'{name}' is set only below: '${{{name}}}' is what the base has here; put '{name}' first"
            )
            related = (Related(other.key.span, f"'{name}' is set here"),)
            report(Diagnostic("later-variable", Severity.WARNING, message, entry.value.span, related=related))


def _groups(variables: Sequence[tuple[str, str]]) -> list[Variables]:
    """The variables of each ENV instruction."""
    names = {name for name, _ in variables}
    uses = {name: (names_in(value) & names) - {name} for name, value in variables}
    if not any(uses.values()):
        return [tuple(sorted(variables))] if variables else []
    groups: list[list[tuple[str, str]]] = [[]]
    for name, value in variables:
        current = {other for other, _ in groups[-1]}
        # One that an earlier value of the instruction uses would be right there too, but linters balk at it.
        if uses[name] & current or any(name in uses[other] for other in current):
            groups.append([])
        groups[-1].append((name, value))
    return [tuple(group) for group in groups]
