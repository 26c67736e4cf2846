"""The JSON Schemas of imgc's documents: the one source of key names, types, docs and foreign names."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

NAMES = ("pipeline", "plan", "diagnostics")


def text(name: str) -> str:
    """The schema's file as it is. `name` is one of NAMES; ValueError for any other."""
    if name not in NAMES:
        raise ValueError(f"no schema is named {name!r}; there are {', '.join(NAMES)}")
    return resources.files(__name__).joinpath(f"{name}.schema.json").read_text(encoding="utf-8")


@cache
def load(name: str) -> dict[str, Any]:
    """The schema `name`, one of NAMES. Read once and shared: do not change it."""
    loaded: dict[str, Any] = json.loads(text(name))
    return loaded
