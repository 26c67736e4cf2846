"""The output of a command in a shared container: a server that it leaves behind may go on with it."""

from __future__ import annotations

import threading

from imgc_engine.run.attempt import Hooks
from imgc_engine.run.logs import Log, Stream
from imgc_engine.run.streams import Attached


class Drain:
    """Takes it in a thread of its own, which may outlast the attempt.

    The log is closed when the attempt has ended and nothing more can come. `over` is set at the output's
    end; `error` is the log's, after which nothing more is taken.
    """

    def __init__(self, log: Log, hooks: Hooks) -> None:
        self.over = threading.Event()
        self.error: OSError | None = None
        self._log, self._hooks = log, hooks
        self._lock = threading.Lock()
        self._telling = True
        self._holders = 1  # the attempt, and the thread

    def start(self, attached: Attached, stdin: bytes | None) -> None:
        if stdin is not None:
            attached.send(stdin)
        self._holders += 1
        threading.Thread(target=self._copy, args=(attached,), daemon=True).start()

    def take(self, stream: Stream, data: bytes) -> None:
        """Store it, and show what may be shown. OSError."""
        self._tell(stream, self._log.write(stream, data))

    def finish(self) -> None:
        """The attempt has ended: what still comes is only kept. OSError."""
        self._let_go()
        with self._lock:
            self._telling = False

    def _copy(self, attached: Attached) -> None:
        try:
            for stream, data in attached.frames():
                self.take(stream, data)
        except OSError as error:  # the disk is full
            self.error = error
        attached.close()
        try:
            self._let_go()
        except OSError as error:
            self.error = error
        self.over.set()

    def _let_go(self) -> None:
        with self._lock:
            self._holders -= 1
            last = self._holders == 0
        if last:
            for stream, shown in self._log.close().items():
                self._tell(stream, shown)

    def _tell(self, stream: Stream, shown: bytes) -> None:
        with self._lock:
            if shown and self._telling:
                self._hooks.output(stream, shown)
