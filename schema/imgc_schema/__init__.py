"""The JSON Schemas of imgc's documents: the one source of key names, types, docs and foreign names."""

from __future__ import annotations

import json
import pkgutil  # importlib.resources takes 6 ms more to import, at every compile
from functools import cache
from typing import Any

NAMES = ("pipeline", "plan", "diagnostics")


def text(name: str) -> str:
    """A schema's file as it is. `name` is one of NAMES; ValueError for any other."""
    if name not in NAMES:
        raise ValueError(f"no schema is named {name!r}; there are {', '.join(NAMES)}")
    data = pkgutil.get_data(__name__, f"{name}.schema.json")
    if data is None:
        raise FileNotFoundError(f"{name}.schema.json is missing from the package {__name__}")
    return data.decode()


@cache
def load(name: str) -> dict[str, Any]:
    """A schema as data. `name` is one of NAMES. Read once and shared by all callers: do not change it."""
    schema: dict[str, Any] = json.loads(text(name))
    return schema
