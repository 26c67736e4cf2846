"""The schema, walked over the nodes of a document.

A validator of plain data knows neither places nor intentions; this one gives each finding its node,
picks the branch of a union that was meant, and knows the names that other systems use. It reads the
subset of JSON Schema that pipeline.schema.json keeps to; a property test holds it against jsonschema.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, TypeAlias

from imgc.diagnostics import Diagnostic, Edit, Fix, Related, Severity, Span
from imgc.diagnostics.near import near
from imgc.document.nodes import Entry, Mapping, Node, Scalar, Sequence
from imgc.records import dataclass
from imgc_schema import load

Schema: TypeAlias = dict[str, Any]
Report: TypeAlias = Callable[[Diagnostic], None]

_EXPRESSION = "${{"
_TYPES = {
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}


@dataclass(frozen=True, slots=True)
class Use:
    """A value that names something: `kind` is the schema's `x-kind` (secret, bundle, image-name, …)."""

    kind: str
    node: Scalar


def check(node: Node, report: Report, definition: str = "", key: Entry | None = None) -> list[Use]:
    """Reports everything in which a node departs from the schema, or from one of its `$defs`.

    `key` is the entry whose value the node is, where a part of a document is looked at alone: messages name it.
    Returns the values that name something, in file order.
    """
    schema = load("pipeline")
    walker = _Walker(report)
    walker.walk(node, schema["$defs"][definition] if definition else schema, definition, key)
    return walker.uses


class _Walker:
    def __init__(self, report: Report) -> None:
        self.report = report
        self.uses: list[Use] = []
        self.definitions: dict[str, Schema] = load("pipeline")["$defs"]

    def error(
        self, code: str, message: str, span: Span, *, label: str = "", fixes: tuple[Fix, ...] = (),
        related: tuple[Related, ...] = (),
    ) -> None:  # fmt: skip
        self.report(Diagnostic(code, Severity.ERROR, message, span, label, fixes, related))

    def resolve(self, schema: Schema, name: str) -> tuple[Schema, str]:
        """Follows `$ref`; annotations beside it do not matter here."""
        while "$ref" in schema:
            name = schema["$ref"].removeprefix("#/$defs/")
            schema = self.definitions[name]
        return schema, name

    def walk(self, node: Node, schema: Schema, name: str, key: Entry | None) -> None:
        """Checks a node; `name` is what the schema is called, `key` the entry whose value the node is."""
        if isinstance(node, Mapping) and node.broken:
            return
        schema, name = self.resolve(schema, name)
        for union in ("anyOf", "oneOf"):
            if union in schema:
                self.union(node, [self.resolve(branch, name) for branch in schema[union]], key)
                return
        if "const" in schema and not (
            isinstance(node, Scalar)
            and node.value == schema["const"]
            and type(node.value) is type(schema["const"])
        ):
            self.error("wrong-value", f"{_subject(key)} must be {schema['const']}", node.span)
            return
        if "type" in schema and not _has_type(node, schema["type"]):
            self.wrong_type(node, [schema], key)
            return
        match node:
            case Mapping():
                self.mapping(node, schema, name, key)
            case Sequence():
                self.sequence(node, schema, name, key)
            case Scalar():
                self.scalar(node, schema, key)

    def union(self, node: Node, branches: list[tuple[Schema, str]], key: Entry | None) -> None:
        if isinstance(node, Scalar) and isinstance(node.value, str) and _EXPRESSION not in node.value:
            branches = [branch for branch in branches if branch[1] != "expression"] or branches
        fitting = [branch for branch in self.flat(branches) if _fits(node, branch[0])]
        if not fitting:
            self.wrong_type(node, [schema for schema, _ in self.flat(branches)], key)
            return
        if isinstance(node, Mapping) and len(fitting) > 1:
            fitting = [max(fitting, key=lambda branch: _likeness(node, branch[0], fitting))]
        if len(fitting) == 1:
            self.walk(node, *fitting[0], key)
            return
        best: tuple[list[Diagnostic], list[Use]] | None = None
        for schema, name in fitting:
            found: list[Diagnostic] = []
            walker = _Walker(found.append)
            walker.walk(node, schema, name, key)
            if best is None or len(found) < len(best[0]):
                best = found, walker.uses
        for diagnostic in best[0] if best else ():
            self.report(diagnostic)
        self.uses += best[1] if best else ()

    def flat(self, branches: Iterable[tuple[Schema, str]]) -> list[tuple[Schema, str]]:
        """Branches of branches, as one list."""
        found: list[tuple[Schema, str]] = []
        for schema, name in branches:
            inner = schema.get("anyOf") or schema.get("oneOf")
            found.extend(
                self.flat(self.resolve(branch, name) for branch in inner) if inner else [(schema, name)]
            )
        return found

    # Scalars

    def scalar(self, node: Scalar, schema: Schema, key: Entry | None) -> None:
        value = node.value
        if "x-kind" in schema and isinstance(value, str):
            self.uses.append(Use(schema["x-kind"], node))
        if "enum" in schema and value not in schema["enum"]:
            options = [str(option) for option in schema["enum"]]
            close = near(node.text, options)
            fixes = tuple(Fix(f"replace with '{name}'", (Edit(node.span, name),)) for name in close[:1])
            label = f"did you mean '{close[0]}'?" if close else ""
            message = f"{_subject(key)} is one of {', '.join(options)}; '{_short(node.text)}' is none of them"
            self.error("wrong-value", message, node.span, label=label, fixes=fixes)
        elif isinstance(value, str):
            pattern = schema.get("pattern")
            if pattern and not _pattern(pattern).search(value):
                expected = schema.get("x-expects", f"text of the form {pattern}")
                self.error("wrong-value", f"{_subject(key)} must be {expected}", node.span)
            elif len(value) < schema.get("minLength", 0):
                self.error("wrong-value", f"{_subject(key)} must not be empty", node.span)
            elif len(value) > schema.get("maxLength", len(value)):
                self.error(
                    "wrong-value",
                    f"{_subject(key)} must have at most {schema['maxLength']} characters",
                    node.span,
                )
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            self.number(node, value, schema, key)

    def number(self, node: Scalar, value: float, schema: Schema, key: Entry | None) -> None:
        if value != value or value in (float("inf"), float("-inf")):
            self.error("wrong-value", f"{_subject(key)} must be a finite number", node.span)
        elif value < schema.get("minimum", value):
            self.error("wrong-value", f"{_subject(key)} must be {schema['minimum']} or more", node.span)
        elif "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
            self.error(
                "wrong-value", f"{_subject(key)} must be more than {schema['exclusiveMinimum']}", node.span
            )
        elif value > schema.get("maximum", value):
            self.error("wrong-value", f"{_subject(key)} must be {schema['maximum']} or less", node.span)

    def wrong_type(self, node: Node, schemas: list[Schema], key: Entry | None) -> None:
        wanted = list(dict.fromkeys(name for schema in schemas for name in _types(schema)))
        expected = " or ".join(_TYPES[name] for name in wanted)
        hint = next((schema["x-expects"] for schema in schemas if "x-expects" in schema), None)
        if isinstance(node, Scalar) and node.value is None:
            self.error(
                "missing-value",
                f"{_subject(key)} has no value: expected {hint or expected}",
                _at_key(node, key),
            )
            return
        if isinstance(node, Scalar) and "string" in wanted and node.style == "":
            self.unquoted(node, hint, key)
            return
        if isinstance(node, Mapping) and "string" in wanted and not node.flow and "object" not in wanted:
            message = f"{_subject(key)} must be {expected}, and this reads as a mapping because of the ':'"
            self.error("wrong-type", message, node.span, label="put it in quotes")
            return
        fixes: tuple[Fix, ...] = ()
        if (
            isinstance(node, Scalar)
            and "array" in wanted
            and node.style != "|"
            and "\n" not in node.text
            and "," not in node.text
        ):
            fixes = (Fix("make it a list", (Edit(node.span.head(), "["), Edit(_tail(node.span), "]"))),)
        self.error(
            "wrong-type", f"{_subject(key)} must be {expected}, not {_what(node)}", node.span, fixes=fixes
        )

    def unquoted(self, node: Scalar, hint: str | None, key: Entry | None) -> None:
        """A number or boolean where text is wanted: 3.10 would be 3.1."""
        quoted = f'"{node.text}"'
        fix = Fix(f"write {quoted}", (Edit(node.span, quoted),))
        value = "true or false" if isinstance(node.value, bool) else f"the number {node.value}"
        self.error(
            "unquoted-text",
            f"{_subject(key)} must be {hint or 'text'}, and {node.text} without quotes is {value}",
            node.span, label=f"write {quoted}", fixes=(fix,),
        )  # fmt: skip

    # Sequences and mappings

    def sequence(self, node: Sequence, schema: Schema, name: str, key: Entry | None) -> None:
        if len(node.items) < schema.get("minItems", 0):
            self.error("wrong-value", f"{_subject(key)} must not be empty", node.span)
        if "maxItems" in schema and len(node.items) > schema["maxItems"]:
            self.error("wrong-value", f"{_subject(key)} takes at most {schema['maxItems']} items", node.span)
        if schema.get("uniqueItems"):
            seen: dict[object, Node] = {}
            for item in node.items:
                if isinstance(item, Scalar) and seen.setdefault(item.value, item) is not item:
                    related = Related(seen[item.value].span, "it is here first")
                    self.error(
                        "duplicate-item",
                        f"'{_short(item.text)}' stands twice in this list",
                        item.span,
                        related=(related,),
                    )
        if "items" in schema:
            for item in node.items:
                self.walk(item, schema["items"], name, key)

    def mapping(self, node: Mapping, schema: Schema, name: str, key: Entry | None) -> None:
        if len(node.entries) < schema.get("minProperties", 0):
            self.error("wrong-value", f"{_subject(key)} must not be empty", node.span)
        properties: dict[str, Schema] = schema.get("properties", {})
        others = schema.get("additionalProperties", {})
        names = schema.get("propertyNames")
        for entry in node.entries:
            inner = properties.get(entry.name)
            if inner is not None:
                other = _other_meaning(entry.value, inner)
                if other:
                    self.foreign_key(entry, node, other, schema.get("x-noun", "this"))
                else:
                    self.walk(entry.value, inner, entry.name, entry)
            elif others is False:
                self.unknown_key(entry, node, schema, name)
            else:
                if names is not None:
                    self.key_name(entry, names)
                if isinstance(others, dict):
                    self.walk(entry.value, others, name, entry)
        self.missing(node, schema, key)
        for group in schema.get("x-exclusive", ()):
            present = [entry for entry in node.entries if entry.name in group]
            for later in present[1:]:
                related = (Related(present[0].key.span, f"'{present[0].name}' is here"),)
                message = f"'{later.name}' cannot stand beside '{present[0].name}': only one of {_either(group)} can be given"
                self.error("conflicting-keys", message, later.key.span, related=related)

    def missing(self, node: Mapping, schema: Schema, key: Entry | None) -> None:
        keys = {entry.name for entry in node.entries}
        where = _head(node, key)
        for wanted in schema.get("required", ()):
            if wanted not in keys and not self.meant(wanted, keys, schema):
                self.error("missing-key", f"the key '{wanted}' is missing here", where)
        for group in schema.get("x-require-any", ()):
            # An unknown key, which is reported, may be meant for one of them.
            if not keys & set(group) and keys <= set(schema.get("properties", {})):
                self.error("missing-key", f"one of the keys {_either(group)} is needed here", where)
        for entry in node.entries:
            for wanted in schema.get("x-needs", {}).get(entry.name, ()):
                if wanted not in keys:
                    self.error("missing-key", f"'{entry.name}' needs '{wanted}' beside it", entry.key.span)

    def meant(self, wanted: str, keys: set[str], schema: Schema) -> bool:
        """Whether an unknown key, reported already, is a misspelt or foreign form of the wanted one."""
        foreign = schema.get("x-foreign", {})
        unknown = [key for key in keys if key not in schema.get("properties", {})]
        return any(
            foreign.get(key, {}).get("key") == wanted or wanted in near(key, [wanted]) for key in unknown
        )

    def key_name(self, entry: Entry, names: Schema) -> None:
        names, _ = self.resolve(names, "")
        pattern = names.get("pattern")
        if (pattern and not _pattern(pattern).search(entry.name)) or len(entry.name) < names.get(
            "minLength", 0
        ):
            expected = names.get("x-expects", f"a name of the form {pattern}")
            self.error(
                "wrong-name",
                f"'{_short(entry.name)}' cannot be a name here: expected {expected}",
                entry.key.span,
            )

    def unknown_key(self, entry: Entry, node: Mapping, schema: Schema, name: str) -> None:
        owner = schema.get("x-noun") or (f"'{name}'" if name else "a pipeline file")
        foreign = schema.get("x-foreign", {}).get(entry.name)
        properties = schema.get("properties", {})
        if foreign:
            self.foreign_key(entry, node, foreign, owner)
            return
        message = f"'{_short(entry.name)}' is not a key of {owner}"
        close = near(entry.name, properties)
        if close:
            fixes = tuple(
                Fix(f"replace with '{other}'", (Edit(entry.key.span, other),))
                for other in close
                if node.entry(other) is None
            )
            self.error(
                "unknown-key", message, entry.key.span, label=f"did you mean '{close[0]}'?", fixes=fixes
            )
            return
        elsewhere = _owners().get(entry.name, [])
        label = f"it is a key of {' and of '.join(elsewhere)}" if elsewhere else ""
        self.error("unknown-key", message, entry.key.span, label=label)

    def foreign_key(self, entry: Entry, node: Mapping, foreign: dict[str, Any], owner: str) -> None:
        right = foreign.get("key")
        system = foreign.get("system")
        message = f"'{entry.name}' is not a key of {owner}"
        label = (
            f"{system + ' calls' if system else 'what others call'} '{entry.name}' is '{right}' here"
            if right
            else ""
        )
        if system and right:
            label = f"what {system} calls '{entry.name}' is '{right}' here"
        if foreign.get("note"):
            label = f"{label}: {foreign['note']}" if label else foreign["note"]
        fixes: tuple[Fix, ...] = ()
        if right and "of" not in foreign and "." not in right and node.entry(right) is None:
            edits = _rewrite(entry, right, foreign.get("value"))
            fixes = (Fix(f"rewrite as '{right}'", edits),) if edits else ()
        self.error("foreign-key", message, entry.key.span, label=label, fixes=fixes)


def _other_meaning(node: Node, schema: Schema) -> dict[str, Any] | None:
    """A key of ours with a value of the type that another system gives it: `pip: [numpy]` means `pip_packages`."""
    foreign: dict[str, dict[str, Any]] = schema.get("x-foreign-type", {})
    return next((meaning for kind, meaning in foreign.items() if _has_type(node, kind)), None)


def _rewrite(entry: Entry, right: str, value: str | None) -> tuple[Edit, ...]:
    """The edits that turn another system's key into ours; none when its value means something else."""
    rename = Edit(entry.key.span, right)
    node = entry.value
    if value == "same":
        return (rename,)
    if value == "list":
        if isinstance(node, Sequence):
            return (rename,)
        if isinstance(node, Scalar) and node.value is not None and "\n" not in node.text:
            return (rename, Edit(node.span.head(), "["), Edit(_tail(node.span), "]"))
    if value == "negate" and isinstance(node, Scalar) and isinstance(node.value, bool):
        return (rename, Edit(node.span, "false" if node.value else "true"))
    return ()


@cache
def _owners() -> dict[str, list[str]]:
    """Key -> what it is a key of, over the main definitions."""
    schema = load("pipeline")
    owners: dict[str, list[str]] = {}
    places = {
        "the file's top level": schema,
        "an image": schema["$defs"]["image"],
        "a node": schema["$defs"]["node"],
    }
    for owner, place in places.items():
        for key in place["properties"]:
            owners.setdefault(key, []).append(owner)
    return owners


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    """The schema's patterns are ECMA's, in which `\\d` is an ASCII digit."""
    return re.compile(pattern, re.ASCII)


def _types(schema: Schema) -> list[str]:
    declared = schema.get("type", [])
    if not declared and "const" in schema:
        return ["integer"] if isinstance(schema["const"], int) else ["string"]
    return [declared] if isinstance(declared, str) else list(declared)


def _fits(node: Node, schema: Schema) -> bool:
    types = _types(schema)
    return not types or _has_type(node, types)


def _has_type(node: Node, types: str | list[str]) -> bool:
    wanted = (types,) if isinstance(types, str) else types
    match node:
        case Mapping():
            return "object" in wanted
        case Sequence():
            return "array" in wanted
    value = node.value
    if isinstance(value, bool):
        return "boolean" in wanted
    if isinstance(value, int):
        return "integer" in wanted or "number" in wanted
    if isinstance(value, float):
        return "number" in wanted or ("integer" in wanted and value.is_integer())
    return ("string" if isinstance(value, str) else "null") in wanted


def _what(node: Node) -> str:
    match node:
        case Mapping():
            return "a mapping"
        case Sequence():
            return "a list"
    if isinstance(node.value, str):
        return f"the text '{_short(node.text)}'"
    return node.text


def _subject(key: Entry | None) -> str:
    return f"'{_short(key.name)}'" if key else "this"


def _either(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _short(text: str) -> str:
    line = text.split("\n", 1)[0]
    return line if len(line) <= 40 and line == text else line[:37] + "..."


def _at_key(node: Node, key: Entry | None) -> Span:
    return key.key.span if key is not None and key.value is node else node.span


def _likeness(node: Mapping, schema: Schema, all_: Iterable[tuple[Schema, str]]) -> int:
    """How much a mapping looks like an object of a union: by the keys that it must have, be they misspelt, and
    by those that it may."""
    keys = {entry.name for entry in node.entries}
    unknown = keys.difference(*(other.get("properties", ()) for other, _ in all_))
    required = set(schema.get("required", ()))
    meant = sum(1 for key in unknown if near(key, required))
    return 5 * meant + 4 * len(keys & required) + 2 * len(keys & set(schema.get("properties", ())))


def _head(node: Mapping, key: Entry | None) -> Span:
    """Where a mapping lacks something: at its `{`, else at the key it is the value of, else at its first key."""
    if node.flow:
        return Span(node.span.origin, node.span.line, node.span.column, node.span.line, node.span.column + 1)
    if key is not None and key.value is node:
        return key.key.span
    return node.entries[0].key.span if node.entries else node.span


def _tail(span: Span) -> Span:
    return Span(span.origin, span.end_line, span.end_column, span.end_line, span.end_column)
