"""The reference of all keys, in Markdown, made from the schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from imgc_schema import load

Schema = dict[str, Any]

_SYSTEMS = ("conducto", "zenml", "pachyderm", "flyte")
_TITLES = {"conducto": "Conducto", "zenml": "ZenML", "pachyderm": "Pachyderm", "flyte": "Flyte"}
_PLAIN = re.compile(r"[A-Za-z_./~][A-Za-z0-9_./~@+=-]*( [A-Za-z0-9_./~@+=-]+)*\Z")
_SECTIONS = {"image": "images", "node": "nodes"}
_WORDS = {"true", "false", "null", "~", ".inf", ".nan"}


def markdown() -> str:
    """The whole page."""
    schema = load("pipeline")
    main = {"": schema, "image": schema["$defs"]["image"], "node": schema["$defs"]["node"]}
    lines = [
        "# The keys of pipeline.yaml",
        "",
        "Made from the schema with `python docs/make.py`; `imgc schema` prints the schema itself, for editors.",
        "",
        "- [The file](#the-file)",
        "- [Images](#images)",
        "- [Nodes](#nodes)",
        "- [Parts](#parts): what some keys take",
        "- [Names in other systems](#names-in-other-systems)",
    ]
    for title, name in (("The file", ""), ("Images", "image"), ("Nodes", "node")):
        lines += ["", f"## {title}", "", main[name]["description"], *_keys(main[name], place=name or "file")]
        lines += _groups(main[name])
    lines += ["", "## Parts"]
    for name, part in schema["$defs"].items():
        if name not in main and part.get("description"):
            lines += ["", f'<a id="{_anchor(name)}"></a>', f"### {_title(name)}", "", part["description"]]
            lines += [*_form(part), *_keys(part, "####", main["image"]["properties"]), *_groups(part)]
    return "\n".join([*lines, *_other_names(main)]) + "\n"


def _keys(
    schema: Schema, heading: str = "###", image: Schema | None = None, place: str = ""
) -> Iterator[str]:
    """The keys of an object; those that are the same in an image are only named. `place` begins the anchors
    of keys, since an image and a node have some of the same name."""
    required = schema.get("required", ())
    same = [key for key, value in schema.get("properties", {}).items() if image and image.get(key) == value]
    if same:
        yield from ("", f"As in an [image](#images): {', '.join(f'`{key}`' for key in same)}.")
    for key, value in schema.get("properties", {}).items():
        if key in same:
            continue
        yield from ("", f'<a id="{place}-{key}"></a>') if place else ("",)
        yield from (f"{heading} `{key}`", "")
        needed = " Required." if key in required and "Required" not in value.get("description", "") else ""
        yield f"{value.get('description', '')}{needed}".strip()
        yield from ("", f"Takes {_takes(value)}.")
        if examples := value.get("examples"):
            yield from ("", "```yaml")
            yield from (f"{key}: {flow(example)}" for example in examples)
            yield "```"


def _form(schema: Schema) -> Iterator[str]:
    """What a part is that has no keys of its own."""
    if "properties" not in schema:
        yield from ("", f"Takes {_takes(schema)}.")
        if examples := schema.get("examples"):
            yield from ("", ", ".join(f"`{flow(example)}`" for example in examples))


def _groups(schema: Schema) -> Iterator[str]:
    for group in schema.get("x-exclusive", ()):
        names = [f"`{key}`" for key in group]
        yield from ("", f"At most one of {', '.join(names[:-1])} and {names[-1]}.")


# Types in words


def _takes(schema: Schema) -> str:
    return _join(list(dict.fromkeys(_types(schema))))


def _types(schema: Schema) -> Iterator[str]:
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        if name == "expression":
            return  # an expression is taken everywhere
        if name in _SECTIONS:
            yield f"[{name}](#{_SECTIONS[name]})"
        elif load("pipeline")["$defs"][name].get("description"):
            yield f"[{_title(name).lower()}](#{_anchor(name)})"
        else:
            yield from _types(load("pipeline")["$defs"][name])
        return
    for union in ("anyOf", "oneOf"):
        if union in schema:
            for branch in schema[union]:
                yield from _types(branch)
            return
    if "const" in schema:
        yield f"`{flow(schema['const'])}`"
    elif "enum" in schema:
        yield from (f"`{flow(value)}`" for value in schema["enum"])
    else:
        declared = schema.get("type", [])
        for name in [declared] if isinstance(declared, str) else declared:
            yield _type(name, schema)


def _type(name: str, schema: Schema) -> str:
    match name:
        case "string":
            return f"text: {schema['x-expects']}" if "x-expects" in schema else "text"
        case "integer" | "number":
            least = f" from {schema['minimum']}" if "minimum" in schema else ""
            return f"a {'whole ' if name == 'integer' else ''}number{least}"
        case "boolean":
            return "`true` or `false`"
        case "array":
            inner = _takes(schema["items"]) if "items" in schema else ""
            return f"a list of {inner}" if inner else "a list"
        case "object":
            others = schema.get("additionalProperties")
            inner = _takes(others) if isinstance(others, dict) else ""
            return f"a mapping, each value {inner}" if inner else "a mapping"
        case _:
            return "nothing"


def _join(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} or {parts[-1]}" if parts else "anything"


def _title(name: str) -> str:
    words = re.sub(r"([A-Z])", r" \1", name).lower()
    return words[:1].upper() + words[1:]


def _anchor(name: str) -> str:
    words = re.sub(r"([A-Z])", r"-\1", name)
    return f"part-{words.lower()}"


# Names in other systems


def _other_names(main: dict[str, Schema]) -> Iterator[str]:
    yield from ("", "## Names in other systems", "")
    yield f"| here | {' | '.join(_TITLES[system] for system in _SYSTEMS)} |"
    yield f"|{' --- |' * (len(_SYSTEMS) + 1)}"
    for place, schema in main.items():
        for key, value in schema["properties"].items():
            names = value.get("x-names")
            if names:
                cells = (_cell(names.get(system)) for system in _SYSTEMS)
                yield f"| {f'{place}: ' if place else ''}`{key}` | {' | '.join(cells)} |"


def _cell(names: str | list[str] | None) -> str:
    listed = [names] if isinstance(names, str) else names or []
    return ", ".join(f"`{name}`" for name in listed).replace("|", "\\|")


# Values


def flow(value: object) -> str:
    """A value as YAML on one line."""
    match value:
        case dict():
            return f"{{{', '.join(f'{_text(str(key))}: {flow(inner)}' for key, inner in value.items())}}}"
        case list():
            return f"[{', '.join(flow(inner) for inner in value)}]"
        case str():
            return _text(value)
        case _:
            return json.dumps(value)


def _text(text: str) -> str:
    if _PLAIN.match(text) and text.lower() not in _WORDS and not text.startswith("-"):
        return text
    return json.dumps(text, ensure_ascii=False)
