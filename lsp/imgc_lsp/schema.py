"""The schema at a path of a document: which forms a value may have, its keys, its documentation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

from imgc_schema import load

Schema: TypeAlias = dict[str, Any]
Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """One form that a value may have: a schema without unions, and the name of its definition."""

    schema: Schema
    name: str

    @property
    def types(self) -> list[str]:
        declared = self.schema.get("type", [])
        if not declared and "const" in self.schema:
            return ["integer" if isinstance(self.schema["const"], int) else "string"]
        return [declared] if isinstance(declared, str) else list(declared)

    @property
    def is_mapping(self) -> bool:
        return "object" in self.types

    @property
    def is_list(self) -> bool:
        return "array" in self.types


def forms(schema: Schema, name: str = "") -> Iterator[Form]:
    """The forms of a schema: references followed, unions opened; annotations beside a reference stay."""
    while "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        beside = {
            key: value
            for key, value in schema.items()
            if key not in ("$ref", "description", "examples", "x-names")
        }
        schema = {**load("pipeline")["$defs"][name], **beside}
    branches = schema.get("anyOf") or schema.get("oneOf")
    if branches is None:
        yield Form(schema, name)
        return
    for branch in branches:
        yield from forms(branch, name)


def forms_at(path: Path) -> list[Form]:
    """The forms of the value at a path; empty where the schema knows none."""
    return list(_forms_at(path))


@cache
def _forms_at(path: Path) -> tuple[Form, ...]:
    schema = property_at(path)
    return tuple(forms(schema)) if schema is not None else ()


@cache
def property_at(path: Path) -> Schema | None:
    """The schema of the value at a path as its key has it: with the key's own description."""
    if not path:
        return load("pipeline")
    *above, step = path
    found: list[Schema] = []
    for form in _forms_at(tuple(above)):
        if isinstance(step, int):
            if form.is_list and "items" in form.schema:
                found.append(form.schema["items"])
        elif form.is_mapping:
            others = form.schema.get("additionalProperties")
            inner = form.schema.get("properties", {}).get(step) or (
                others if isinstance(others, dict) else None
            )
            if inner is not None:
                found.append(inner)
    unique = [schema for number, schema in enumerate(found) if schema not in found[:number]]
    if len(unique) > 1:
        return {
            "anyOf": unique,
            **({"description": unique[0]["description"]} if "description" in unique[0] else {}),
        }
    return unique[0] if unique else None


def general(path: Sequence[str | int]) -> Path:
    """A path with user-chosen names made alike where the schema does not tell them apart, so that caches
    stay small."""
    current: list[str | int] = []
    for step in path:
        if isinstance(step, int):
            current.append(0)
            continue
        known = any(
            step in form.schema.get("properties", {}) for form in _forms_at(tuple(current)) if form.is_mapping
        )
        if not known and current and current[-1] in ("serial", "parallel") and len(current) >= 3:
            current = ["pipeline", "serial", "_"]  # all nodes are alike
        else:
            current.append(step if known or not current else "_")
    return tuple(current)


def mapping_forms(path: Path, present: Sequence[str]) -> list[Form]:
    """The mapping forms at a path that the keys already there leave open."""
    found = [form for form in forms_at(general(path)) if form.is_mapping]
    if len(found) < 2 or not present:
        return found
    score = {id(form): sum(key in form.schema.get("properties", {}) for key in present) for form in found}
    best = max(score.values())
    return [form for form in found if score[id(form)] == best]


def documentation(schema: Schema) -> str:
    """The description of a key; of a value without one, that of its definition."""
    if "description" in schema:
        return str(schema["description"])
    return next(
        (str(form.schema["description"]) for form in forms(schema) if "description" in form.schema), ""
    )
