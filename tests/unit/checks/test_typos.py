"""The typo campaign: every key of the schema, misspelt by one edit, is diagnosed at its place, and the right key is
the first that is proposed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from imgc.analysis.analysis import analyse
from imgc.checks.structure import check
from imgc.diagnostics import Diagnostic
from imgc.document.document import load
from imgc.document.nodes import Entry, Mapping, Node, Sequence
from imgc_schema import load as load_schema
from tests_support import ROOT, SHARED

SCHEMA: dict[str, Any] = load_schema("pipeline")
OBJECTS = {"": SCHEMA} | {name: found for name, found in SCHEMA["$defs"].items() if "properties" in found}
LETTERS = "eq"


def misspellings(key: str) -> set[str]:
    """All words one edit away: a letter left out, exchanged with its neighbour, replaced, or put in."""
    cuts = [(key[:n], key[n:]) for n in range(len(key) + 1)]
    found = {head + tail[1:] for head, tail in cuts if tail}
    found |= {head + tail[1] + tail[0] + tail[2:] for head, tail in cuts if len(tail) > 1}
    found |= {head + letter + tail[1:] for head, tail in cuts if tail for letter in LETTERS}
    found |= {head + letter + tail for head, tail in cuts for letter in (*LETTERS, *tail[:1])}
    return found - {key}


def meant(wrong: str, key: str, schema: dict[str, Any]) -> bool:
    """Whether a word can only be this key: it is no other one, no name of another system, and not as near to another."""
    others = [other for other in schema["properties"] if other != key]
    if wrong in others or wrong in schema.get("x-foreign", {}) or len(wrong.strip("_")) < 2:
        return False  # (a single letter is near every other)
    return not any(wrong in misspellings(other) for other in others)


def cases() -> Iterator[tuple[str, str]]:
    for name, schema in OBJECTS.items():
        for key in schema["properties"]:
            yield name, key


@pytest.mark.parametrize(("name", "key"), list(cases()), ids=lambda value: value or "file")
def test_every_key_is_known_again(name: str, key: str) -> None:
    schema = OBJECTS[name]
    neighbour = (
        next(other for other in schema["properties"] if other != key) if len(schema["properties"]) > 1 else ""
    )
    tried = 0
    for wrong in sorted(misspellings(key)):
        if not meant(wrong, key, schema):
            continue
        tried += 1
        text = f"{neighbour}: x\n{wrong}: x\n" if neighbour else f"# alone\n{wrong}: x\n"
        found: list[Diagnostic] = []
        check(load("p.yaml", text).root, found.append, name)
        said = next((one for one in found if one.code == "unknown-key"), None)
        assert said is not None, wrong
        assert (said.span.place.line, said.span.place.column) == (2, 1)
        assert said.label == f"did you mean '{key}'?", wrong
        assert said.fixes[0].edits[0].text == key
    assert tried or len(key) < 3


# In whole files

FILES = [
    *sorted((SHARED / "conformance/valid").glob("*/pipeline.yaml")),
    *sorted((ROOT / "samples").glob("*/pipeline.yaml")),
]


def keys(node: Node, schema: dict[str, Any] | None) -> Iterator[Entry]:
    """The entries whose keys the schema names; names that people give are none of them."""
    if isinstance(node, Sequence):
        for item in node.items:
            yield from keys(item, _of(schema, "items"))
    elif isinstance(node, Mapping):
        for entry in node.entries:
            inner = _properties(schema).get(entry.name)
            if inner is not None:
                yield entry
            yield from keys(entry.value, inner or _of(schema, "additionalProperties"))


def _branches(schema: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield from _branches(SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")])
            return
        yield schema
        for union in ("anyOf", "oneOf"):
            for branch in schema.get(union, ()):
                yield from _branches(branch)


def _properties(schema: dict[str, Any] | None) -> dict[str, Any]:
    return {key: value for branch in _branches(schema) for key, value in branch.get("properties", {}).items()}


def _of(schema: dict[str, Any] | None, name: str) -> dict[str, Any] | None:
    held = [branch[name] for branch in _branches(schema) if isinstance(branch.get(name), dict)]
    return {"anyOf": held} if held else None


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_a_key_of_a_file_is_diagnosed_at_its_place(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    entries = [entry for entry in keys(load("p.yaml", text).root, SCHEMA) if len(entry.name) > 3]
    assert entries
    for number, entry in enumerate(entries):
        (line, column), (_, end) = entry.key.span.start, entry.key.span.end
        at = 1 + number % (len(entry.name) - 2)
        wrong = entry.name[:at] + "q" + entry.name[at + 1 :]
        lines = text.split("\n")
        lines[line] = lines[line][:column] + wrong + lines[line][end:]
        found = analyse("pipeline.yaml", "\n".join(lines), file.parent).diagnostics
        said = [one for one in found if one.code == "unknown-key"]
        assert [one.span.start for one in said] == [(line, column)], wrong
        assert said[0].label == f"did you mean '{entry.name}'?"
