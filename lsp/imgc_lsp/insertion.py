"""The text that a completion puts in: indentation, what belongs behind a key, quotes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from imgc.document.scalars import resolve
from imgc_lsp.schema import Form, Schema, forms

_PLAIN = re.compile(r"[A-Za-z0-9_./@~][A-Za-z0-9_./@:+=~\[\]<>!,-]*")
_STEP = 2
_MOST_CHOICES = 8


@dataclass(frozen=True, slots=True)
class Place:
    """Where a key goes: the column of its mapping, in flow style or not, and whether the client takes
    snippets."""

    column: int
    flow: bool
    snippets: bool


def key_text(key: str, schema: Schema, place: Place) -> str:
    """A key and the beginning of its value, as a snippet (`$0` is where typing goes on) or plain text."""
    found = [form for form in forms(schema) if form.name != "expression"]
    name = quoted(key)
    scalars = [form for form in found if not form.is_mapping and not form.is_list]
    inner = " " * (place.column + _STEP)
    if scalars:
        text = f"{name}: {_scalar(scalars, place) if len(scalars) == len(found) else '$0'}"
    elif found and all(form.is_mapping for form in found):
        text = f"{name}: {{$0}}" if place.flow else f"{name}:\n{inner}$0"
    elif found and all(form.is_list for form in found):
        text = f"{name}: [$0]" if place.flow else f"{name}:\n{inner}- $0"
    else:
        text = f"{name}: $0"
    return text if place.snippets else plain(text)


def _scalar(found: list[Form], place: Place) -> str:
    choices = [choice for form in found for choice in values_of(form)]
    if len(choices) == 1 and "const" in found[0].schema:
        return choices[0]
    if place.snippets and 1 < len(choices) <= _MOST_CHOICES and all(_only_choices(form) for form in found):
        return "${1|" + ",".join(choices) + "|}"
    return "$0"


def _only_choices(form: Form) -> bool:
    return "enum" in form.schema or form.types == ["boolean"]


def values_of(form: Form) -> list[str]:
    """The values a form lists: its constant, its enumeration, true and false."""
    schema = form.schema
    if "const" in schema:
        return [written(schema["const"])]
    if "enum" in schema:
        return [written(value) for value in schema["enum"]]
    return ["true", "false"] if form.types == ["boolean"] else []


def written(value: object) -> str:
    """A value of the schema as YAML has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quoted(value)
    return str(value)


def quoted(text: str, quote: str = "") -> str:
    """A text as a YAML value, in quotes only where it needs them; inside an open quote with that quote's
    escapes."""
    if quote == "'":
        return text.replace("'", "''")
    if quote == '"':
        return text.replace("\\", "\\\\").replace('"', '\\"')
    if _PLAIN.fullmatch(text) and isinstance(resolve(text), str) and not text.endswith(":"):
        return text
    return '"' + quoted(text, '"') + '"'


def flow_safe(text: str) -> str:
    """A written value that may stand between brackets."""
    return '"' + quoted(text, '"') + '"' if text[:1] not in "'\"" and re.search(r"[\[\]{},]", text) else text


def plain(snippet: str) -> str:
    """A snippet as text, for clients that know none."""
    text = re.sub(r"\$\{\d+\|([^,|]*)[^}]*\}", r"\1", snippet)
    return re.sub(r"\$(\d+|\{\d+\})", "", text)


def escape(text: str) -> str:
    """Text that means itself in a snippet."""
    return re.sub(r"([\\$}])", r"\\\1", text)
