"""Slow questions answered from memory: what is not known yet is asked for in a thread, a bounded number
at once."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable
from typing import Any

log = logging.getLogger(__name__)
_AT_ONCE = 4
_MOST_KEPT = 500
_AFTER_FAILURE = 20.0


class Lookups:
    """Values by key, each with the time until which it holds."""

    def __init__(self) -> None:
        self.values: dict[Hashable, tuple[float, Any]] = {}
        self.running: set[Hashable] = set()
        self.lock = threading.Lock()

    def get(self, key: Hashable, ask: Callable[[], Any], holds: float) -> tuple[Any, bool]:
        """The value (None while there is none) and whether it is up to date; begins to ask where it is not.

        Never blocks. `holds` is in seconds. A question that fails is not asked again for a while.
        """
        now = time.monotonic()
        with self.lock:
            until, value = self.values.get(key, (0.0, None))
            if until > now:
                return value, True
            if key not in self.running and len(self.running) < _AT_ONCE:
                self.running.add(key)
                threading.Thread(
                    target=self._ask, args=(key, ask, holds), name="imgc-lookup", daemon=True
                ).start()
        return value, False

    def _ask(self, key: Hashable, ask: Callable[[], Any], holds: float) -> None:
        value: Any = None
        try:
            value = ask()
        except Exception as error:
            log.info("looking up %s failed: %s", key, error)
            holds = _AFTER_FAILURE
        with self.lock:
            if len(self.values) >= _MOST_KEPT:
                self.values.pop(min(self.values, key=lambda name: self.values[name][0]), None)
            self.values[key] = time.monotonic() + holds, value
            self.running.discard(key)
