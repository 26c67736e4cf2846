"""Writing `imgc.lock`: sorted, a line a value and a block an entry, so that git merges what two people add."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from imgc.lock.lock import SECTIONS, Lock
from imgc.patterns import lazy
from imgc.records import names_of

HEADER = """\
# What compiling needs and cannot look up itself: digests and facts of base images, commits, package lists.
# Written by `imgc lock`; keep it in version control. `imgc lock --update` looks everything up anew.
# After a merge conflict keep either side, and run `imgc lock`.
"""
_PLAIN = lazy(r"[A-Za-z_][A-Za-z0-9_./@+=:-]*(?<!:)")
_UNPRINTABLE = lazy("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_MAY_LACK = ("digest", "clean", "pushed", "remote", "branch", "left_out")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def write(lock: Lock) -> str:
    """The text of a lock: the same for the same content."""
    lines = ["version: 1"]
    for section in SECTIONS:
        entries = lock.section(section)
        if entries:
            lines.append(f"{section}:")
        for name in sorted(entries):
            facts = list(_facts(entries[name]))
            lines.append(f"  {scalar(name)}:{'' if facts else ' {}'}")
            lines += facts
    return HEADER + "\n".join(lines) + "\n"


def _facts(entry: object) -> Iterator[str]:
    for name in names_of(type(entry)):
        value = getattr(entry, name)
        if value is None or (name in _MAY_LACK and not value):
            continue
        if name == "users":
            ids = ", ".join(f"{scalar(user)}: {scalar(ids)}" for user, ids in sorted(value))
            yield f"    users: {{{ids}}}"
        elif isinstance(value, tuple):
            yield f"    {name}:{'' if value else ' []'}"
            yield from (f"      - {scalar(item)}" for item in value)
        else:
            yield f"    {name}: {scalar(value, quoted=name == 'commit')}"


def scalar(value: str | bool, quoted: bool = False) -> str:
    """A value as YAML: text that could be taken for something else is quoted (of commits some could, so all are)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not quoted and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return _UNPRINTABLE.sub(_escaped, json.dumps(value, ensure_ascii=False))


def _escaped(match: re.Match[str]) -> str:
    """A character that a YAML file cannot hold as it is."""
    code = ord(match[0])
    return f"\\u{code:04x}" if not 0xD800 <= code <= 0xDFFF else "\\ufffd"
