"""A client's configuration, read with care: anything may be in it."""

from __future__ import annotations

from typing import Any

from imgc_lsp.snapshot import Settings

_FLAGS = {
    "engineLookups": "engine_lookups",
    "inlayHints": "inlay_hints",
    "codeLenses": "code_lenses",
}


def apply(settings: Settings, data: Any) -> bool:
    """Takes over what is set and of the right type, in place; whether anything changed. `data` is the
    value of `imgc`."""
    if not isinstance(data, dict):
        return False
    inner = data.get("imgc")
    data = inner if isinstance(inner, dict) else data
    before = repr(settings)
    for name, attribute in _FLAGS.items():
        if isinstance(data.get(name), bool):
            setattr(settings, attribute, data[name])
    asked = data.get("registryLookups")
    if isinstance(asked, bool):
        settings.registry_lookups = "on" if asked else "off"
    elif asked in ("off", "cached", "on"):
        settings.registry_lookups = asked
    claimed = data.get("claim")
    if isinstance(claimed, list):
        settings.claim = tuple(str(pattern) for pattern in claimed)
    most = data.get("maxProblems")
    if isinstance(most, int) and not isinstance(most, bool) and most > 0:
        settings.max_problems = most
    return repr(settings) != before
