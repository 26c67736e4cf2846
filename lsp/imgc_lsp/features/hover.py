"""Hover: what a key means, what it is called elsewhere, what it compiles to; what a name stands for."""

from __future__ import annotations

from typing import Any

from lsprotocol import types as lsp

from imgc.document.nodes import Mapping, Node, Scalar, Sequence
from imgc.document.paths import node_at
from imgc.model.pipeline import text as text_of
from imgc_lsp import convert
from imgc_lsp.features.candidates import node_path
from imgc_lsp.insertion import values_of
from imgc_lsp.locate import Spot, expression_at, scalar_at, spot_at
from imgc_lsp.schema import Schema, documentation, forms, forms_at, general, property_at
from imgc_lsp.snapshot import SECTION_OF, Snapshot
from imgc_lsp.sources import Images

SYSTEMS = {"conducto": "Conducto", "zenml": "ZenML", "pachyderm": "Pachyderm", "flyte": "Flyte"}
_MOST_LINES = 14


def hover(snapshot: Snapshot, place: lsp.Position, engine: Images) -> lsp.Hover | None:
    """`engine` knows the images of this machine."""
    line, column = convert.from_position(snapshot, place)
    expression = expression_at(snapshot, line, column)
    if expression is not None:
        found, start, end = expression
        text = _of_expression(snapshot, found.scope, found.name, spot_at(snapshot, line, column).path)
        return _hover(snapshot, text, line, start, end)
    spot = spot_at(snapshot, line, column)
    if spot.cursor.where in ("none", "text"):
        return None
    if spot.on_key:
        text = _of_key(snapshot, spot, engine)
    else:
        text = _of_value(snapshot, spot, engine)
    return _hover(snapshot, text, line, spot.cursor.start, spot.cursor.end) if text else None


def _hover(snapshot: Snapshot, text: str, line: int, start: int, end: int) -> lsp.Hover | None:
    if not text:
        return None
    return lsp.Hover(convert.markdown(text), convert.range_of(snapshot, (line, start), (line, end)))


def key_documentation(schema: Schema) -> str:
    """The description of a key, what its value may be, an example, and its names in other systems."""
    parts = [documentation(schema)]
    choices = [choice for form in forms(schema) if form.name != "expression" for choice in values_of(form)]
    if choices and choices != ["true", "false"]:
        parts.append("One of " + ", ".join(f"`{choice}`" for choice in choices))
    if "default" in schema:
        parts.append(f"Default: `{schema['default']}`")
    example = next(iter(schema.get("examples", ())), None)
    if example is not None:
        parts.append(f"```yaml\n{_yaml(example)}\n```")
    names = [
        f"{SYSTEMS.get(system, system)} `{_names(name)}`"
        for system, name in schema.get("x-names", {}).items()
    ]
    if names:
        parts.append("Elsewhere: " + ", ".join(names))
    return "\n\n".join(part for part in parts if part)


def _names(name: object) -> str:
    return "`, `".join(map(str, name)) if isinstance(name, list) else str(name)


def _yaml(value: object, depth: int = 0) -> str:
    """An example as YAML in flow style below the first level."""
    import json

    if isinstance(value, dict) and depth == 0:
        return "\n".join(f"{key}: {_yaml(inner, 1)}" for key, inner in value.items())
    if isinstance(value, list) and depth == 0:
        return "\n".join(f"- {_yaml(inner, 1)}" for inner in value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_yaml(inner, 1)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_yaml(inner, 1) for inner in value) + "]"
    return (
        value if isinstance(value, str) and value.isprintable() and ": " not in value else json.dumps(value)
    )


def _of_key(snapshot: Snapshot, spot: Spot, engine: Images) -> str:
    name = str(spot.path[-1])
    place = general(spot.path)
    schema = property_at(place)
    if schema is None:
        return ""
    if place[-1] == "_":
        return _of_declared(snapshot, spot, name, engine)
    parts = [f"**{name}**", key_documentation(schema)]
    if snapshot.analysis is not None:
        from imgc_lsp import summaries

        parts.extend(summaries.effective(snapshot, spot))
        parts.extend(summaries.compiles_to(snapshot, spot))
    return "\n\n".join(part for part in parts if part)


def _of_declared(snapshot: Snapshot, spot: Spot, name: str, engine: Images) -> str:
    from imgc_lsp.summaries import image_summary, node_summary

    if spot.path[0] == "images" and len(spot.path) == 2:
        return image_summary(snapshot, name, engine)
    if spot.path[0] == "pipeline" and spot.path[-2] in ("serial", "parallel"):
        return node_summary(snapshot, node_path((*spot.path, "")))
    schema = property_at(general(spot.path))
    return f"**{name}**\n\n{documentation(schema) if schema else ''}".strip()


def _of_value(snapshot: Snapshot, spot: Spot, engine: Images) -> str:
    scalar = scalar_at(spot)
    if scalar is None:
        return ""
    for form in forms_at(general(spot.path)):
        for kind in (form.schema.get("x-kind"), form.schema.get("x-kind-also")):
            if kind is not None and (text := _of_kind(snapshot, str(kind), scalar, spot, engine)):
                return text
        docs = form.schema.get("markdownEnumDescriptions")
        if docs and scalar.value in form.schema["enum"]:
            return f"**{scalar.text}**: {docs[form.schema['enum'].index(scalar.value)]}"
    key = next((step for step in reversed(spot.path) if isinstance(step, str)), None)
    schema = property_at(general(spot.path[: spot.path.index(key) + 1])) if key is not None else None
    return documentation(schema) if schema is not None else ""


def _of_kind(snapshot: Snapshot, kind: str, scalar: Scalar, spot: Spot, engine: Images) -> str:
    from imgc_lsp.summaries import image_summary, node_summary, reference_summary

    name = scalar.text
    if kind == "image-name" and name in snapshot.names.of("images"):
        return image_summary(snapshot, name, engine)
    if kind == "image-ref":
        return reference_summary(snapshot, name, engine)
    if kind in SECTION_OF and name in snapshot.names.of(SECTION_OF[kind]):
        section = SECTION_OF[kind]
        source = _source(snapshot, node_at(snapshot.root, (section,)), name)
        return f"**{name}** of `{section}`\n\n```yaml\n{source}\n```"
    if kind == "node":
        own = node_path(spot.path).rpartition("/")[0]
        found = next(
            (path for path in (f"{own}/{name}" if own else name, name) if path in snapshot.nodes), None
        )
        return node_summary(snapshot, found) if found else ""
    if kind.startswith("path"):
        target = snapshot.directory / name
        state = (
            "a folder"
            if target.is_dir()
            else f"{target.stat().st_size:,} bytes"
            if target.is_file()
            else "there is no such path"
        )
        return f"`{name}`: {state}"
    return ""


def _source(snapshot: Snapshot, section: Node | None, name: str) -> str:
    """The lines of an entry."""
    entry = section.entry(name) if isinstance(section, Mapping) else None
    if entry is None:
        return name
    first, last = entry.key.span.start[0], max(entry.value.span.end[0], entry.key.span.start[0])
    return "\n".join(line.strip("\n") for line in snapshot.lines[first : min(last, first + _MOST_LINES) + 1])


def _of_expression(snapshot: Snapshot, scope: str, name: str, path: tuple[str | int, ...]) -> str:
    if scope == "params":
        params: Any = snapshot.root.get("params")
        value = params.get(name) if isinstance(params, Mapping) else None
        return (
            f"`params.{name}` is `{value.text}` unless given with `--param`"
            if isinstance(value, Scalar)
            else ""
        )
    if scope == "matrix":
        own = node_path(path)
        for node_name, node in snapshot.nodes.items():
            if node_name == own or own.startswith(f"{node_name}/") or node_name == "":
                matrix = node.get("matrix")
                values = matrix.get(name) if isinstance(matrix, Mapping) else None
                if isinstance(values, Sequence):
                    return f"`matrix.{name}`: one of " + ", ".join(
                        f"`{text_of(item)}`" for item in values.items
                    )
        return ""
    return f"the path of `{name}` inside the container"
