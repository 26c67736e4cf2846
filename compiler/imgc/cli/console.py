"""How commands speak, and how they end."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from imgc.records import dataclass

EXIT_FINE = 0
EXIT_PROBLEMS = 1
EXIT_USAGE = 2
EXIT_ENVIRONMENT = 3
EXIT_STEP_FAILED = 4
EXIT_BUG = 70
EXIT_INTERRUPTED = 130


class Failure(Exception):
    """Ends a command with a message and an exit code."""

    def __init__(self, message: str, code: int = EXIT_USAGE) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Console:
    """Results go to standard output, everything else through here to standard error."""

    color_choice: str
    quiet: bool = False
    verbose: bool = False

    def color_of(self, stream: TextIO) -> bool:
        """Whether what is written to a stream is colored."""
        if self.color_choice == "auto":
            return stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
        return self.color_choice == "always"

    def say(self, text: str, always: bool = False) -> None:
        if always or not self.quiet:
            print(text, file=sys.stderr)
