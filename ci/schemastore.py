"""Makes what a pull request to SchemaStore holds: python ci/schemastore.py FOLDER (a checkout of theirs, say).

Their editors know draft-07 best, and their validator refuses keywords it does not know. So the schema is written in
draft-07 without our own notes; a test holds that it accepts and refuses what ours does. `pipeline.yaml` is too
common a name for their catalogue, so it lists `*.imgc.yaml`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import imgc_schema

NAME = "imgc-pipeline"
ROOT = Path(__file__).resolve().parent.parent
CATALOG = {
    "name": "imgc pipeline",
    "description": "Container images and the commands that run in them, for the imgc compiler",
    "fileMatch": ["*.imgc.yaml", "*.imgc.yml"],
    "url": f"https://json.schemastore.org/{NAME}.json",
}
REFUSED = {
    "unknown-key": 'version: 1\nimages: {a: {base: "python:3.12-slim", copydir: src}}\n',
    "two-starts": 'version: 1\nimages: {a: {base: "python:3.12-slim", dockerfile: Dockerfile}}\n',
    "float-version": "version: 1\nimages: {a: {python_version: 3.10}}\n",
    "no-version": 'pipeline: {image: "python:3.12-slim", run: "true"}\n',
}
_RENAMED = {"$defs": "definitions", "dependentRequired": "dependencies"}
_KEPT = frozenset({"examples", "title", "description", "default"})


def draft_07(schema: Any, *, names: bool = False) -> Any:
    """A schema in draft-07, without keywords that are ours. `names`: the keys are names and not keywords."""
    if isinstance(schema, list):
        return [draft_07(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {}
    for key, value in schema.items():
        if names:
            found[key] = draft_07(value)
        elif key == "$schema":
            found[key] = "http://json-schema.org/draft-07/schema#"
        elif key == "$id":
            found[key] = CATALOG["url"]
        elif key == "$ref":
            found[key] = value.replace("#/$defs/", "#/definitions/")
        elif key == "type" and isinstance(value, list):  # their validator wants one type at a time
            found["anyOf"] = [{"type": name} for name in value]
        elif key in ("const", "enum", *_KEPT):
            found[key] = value
        elif not key.startswith("x-") and key != "markdownEnumDescriptions":
            held = key in ("properties", "$defs", "dependentRequired")
            found[_RENAMED.get(key, key)] = draft_07(value, names=held)
    if not names and "required" in found:  # their validator wants to know what is required
        found["properties"] = dict.fromkeys(found["required"], True) | found.get("properties", {})
    return found


def files() -> dict[str, str]:
    """Path below the checkout -> text. The entry goes into the list of `src/api/json/catalog.json` by hand."""
    made = {
        f"src/schemas/json/{NAME}.json": _json(draft_07(imgc_schema.load("pipeline"))),
        "catalog-entry.json": _json(CATALOG),
    }
    for sample in sorted((ROOT / "samples").glob("*/pipeline.yaml")):
        made[f"src/test/{NAME}/{sample.parent.name}.yaml"] = sample.read_text(encoding="utf-8")
    for name, text in REFUSED.items():
        made[f"src/negative_test/{NAME}/{name}.yaml"] = text
    return made


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    for name, text in files().items():
        path = Path(sys.argv[1], name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
