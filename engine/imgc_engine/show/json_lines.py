"""Events as JSON, one object a line, for programs: `{"event": "node_changed", "time": …, …}`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, TextIO

from imgc.records import is_record, names_of
from imgc_engine.events import Event, NodeExpanded, RunStarted
from imgc_engine.run.logs import now


class JsonLines:
    """A listener."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def __call__(self, event: Event) -> None:
        print(json.dumps(as_object(event), ensure_ascii=False), file=self._file, flush=True)


def as_object(event: Event) -> dict[str, Any]:
    """The event's name and time, and its fields by their names. Output is text, bytes that are none as �."""
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", type(event).__name__).lower()
    fields = {name: getattr(event, name) for name in names_of(type(event))}
    if isinstance(event, RunStarted | NodeExpanded):
        fields["nodes"] = [{"path": node.path, "kind": node.kind} for node in event.nodes]
    return {"event": name, "time": now(), **{key: _plain(value) for key, value in fields.items()}}


def _plain(value: Any) -> Any:
    if is_record(type(value)):
        return {name: _plain(getattr(value, name)) for name in names_of(type(value))}
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
