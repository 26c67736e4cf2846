"""Flyte's secrets: an entry of `secrets` for each, and how a step or a node uses it."""

from __future__ import annotations

import re

from imgc.importing.draft import Given
from imgc.importing.names import secret_name
from imgc.importing.python.arguments import Arguments, Importing, Unclear, text, why_not
from imgc.importing.python.values import Call, Value

_WHERE = "the variable of this computer that holds it; `file` reads a file"


def secret_uses(given: Arguments, value: Value, line: int, *, mounts: bool) -> list[Given]:
    """What `secret_mounts`, or `secrets` of an environment, ask for."""
    found: list[Given] = []
    for one in value if isinstance(value, (list, tuple)) else [value]:
        try:
            found.append(_use(given.importing, one, line, mounts))
        except Unclear as error:
            given.importing.lost(given.block, "a secret", str(error), line)
    return found


def _use(importing: Importing, value: Value, line: int, mounts: bool) -> Given:
    if not isinstance(value, Call):
        if not isinstance(value, str):
            raise Unclear(why_not(value, "a secret"))
        name = declared(importing, value, value, line)
        return name if mounts else {"secret": name, "env": _variable(value)}
    names = ("group", "key") if value.name.startswith("flytekit") else ("key", "group", "mount", "as_env_var")
    fields = {**dict(zip(names, value.args, strict=False)), **value.named}
    key, group = text(fields.get("key")), fields.get("group")
    whole = f"{group}_{key}" if isinstance(group, str) and group else key
    name = declared(importing, key, whole, line)
    mount, variable = fields.get("mount"), fields.get("as_env_var") or fields.get("env_var")
    if mount is not None:
        return {"secret": name, "target": text(mount)}
    if isinstance(variable, str):
        return {"secret": name, "env": variable}
    return name if mounts else {"secret": name, "env": _variable(whole)}


def _variable(name: str) -> str:
    return re.sub(r"[^A-Z0-9_]", "_", name.upper())


def declared(importing: Importing, key: str, whole: str, line: int) -> str:
    """The name of a secret in the file, which has an entry for it."""
    name = secret_name(key)
    secrets = importing.made.head.block("secrets", importing.span(line))
    if secrets.get(name) is None:
        secrets.set(name, {"env": _variable(whole)}, importing.span(line), note=_WHERE)
    return name
