"""What happens during a build or a run, a line an event.

Events come from the engine package and are known here by the names of their classes, so that this module,
like all of the command line, loads nothing of the engine.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from imgc.cli.console import Console
from imgc.diagnostics.render import printable

_LONGEST = 8192
"""Characters of an output line that are shown; the log file has it whole."""


class Lines:
    """A listener that prints lines on standard error."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.parts: dict[tuple[str, str], bytes] = defaultdict(bytes)

    def __call__(self, event: Any) -> None:
        handle = getattr(self, f"on_{type(event).__name__}", None)
        if handle is not None:
            handle(event)

    def on_ImageStarted(self, event: Any) -> None:
        self.console.say(f"{event.image}: {event.work} {event.reference}")

    def on_ImageStep(self, event: Any) -> None:
        if self.console.verbose:
            self.console.say(f"{event.image}: {printable(event.name)} {event.state}")

    def on_ImageOutput(self, event: Any) -> None:
        if self.console.verbose:
            self.console.say(f"{event.image}: | {printable(event.text)}")

    def on_ImageEnded(self, event: Any) -> None:
        if event.state == "failed" or event.seconds >= 0.05 or self.console.verbose:
            self.console.say(f"{event.image}: {event.state} ({event.seconds:.1f} s)")

    def on_Notice(self, event: Any) -> None:
        self.console.say(f"imgc: {printable(event.text)}")

    def on_NodeChanged(self, event: Any) -> None:
        if event.state == "pending" and not event.seconds:
            return
        self.flush(event.path)
        took = f" ({event.seconds:.1f} s)" if event.seconds and event.state != "pending" else ""
        message = f": {event.message}" if event.message else ""
        self.console.say(f"{event.path or 'pipeline'}: {event.state}{took}{message}")

    def on_NodeOutput(self, event: Any) -> None:
        key = (event.path, str(event.stream))
        *lines, rest = (self.parts[key] + event.data).split(b"\n")
        if len(rest) > _LONGEST:
            lines, rest = [*lines, rest], b""
        self.parts[key] = rest
        for line in lines:
            self.show(event.path, line)

    def show(self, path: str, line: bytes) -> None:
        text = line[:_LONGEST].decode("utf-8", "replace").rstrip("\r")
        self.console.say(f"{path or 'pipeline'} | {printable(text)}")

    def flush(self, path: str) -> None:
        """Prints what was written without a line end."""
        for key in [key for key in self.parts if key[0] == path]:
            if rest := self.parts.pop(key):
                self.show(path, rest)
