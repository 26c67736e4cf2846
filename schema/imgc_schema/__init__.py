"""The JSON Schemas of imgc's documents: the one source of key names, types, docs and foreign names."""

from __future__ import annotations

import json
import os
from functools import cache
from typing import Any

NAMES = ("pipeline", "plan", "diagnostics")


def text(name: str) -> str:
    """A schema's file as it is. `name` is one of NAMES; ValueError for any other."""
    if name not in NAMES:
        raise ValueError(f"no schema is named {name!r}; there are {', '.join(NAMES)}")
    # What pkgutil.get_data does, without loading it: that took 1 ms, importlib.resources 6 ms, at every compile.
    path = os.path.join(os.path.dirname(__file__), f"{name}.schema.json")  # noqa: PTH118, PTH120
    return __loader__.get_data(path).decode()  # type: ignore[name-defined, no-any-return]


@cache
def load(name: str) -> dict[str, Any]:
    """A schema as data. `name` is one of NAMES. Read once and shared by all callers: do not change it."""
    schema: dict[str, Any] = json.loads(text(name))
    return schema
