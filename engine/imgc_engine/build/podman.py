"""Builds on Podman, which answers Docker's requests with a builder of its own: what it says, as BuildKit's steps.

It has no BuildKit, so the `docker` program cannot build on it. A request carries less (build.sending).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from imgc.dockerfile.userfile import UserFileError, read
from imgc_engine.build.progress import Output, Step, Update

_STEP = re.compile(r"(?:\[(\d+)/\d+\] )?STEP (\d+)/\d+: (.*)", re.DOTALL)
_EXIT = re.compile(r"exit status (\d+)")
_COUNTED = ("FROM", "WORKDIR", "COPY", "ADD", "RUN")


class PodmanProgress:
    """`done` is whether it has named the image. Steps are named as BuildKit names them, `[stage 2/3] RUN make`,
    by which their lines in the YAML are found. Names and errors are told without what is `hidden`."""

    def __init__(self, dockerfile: str, hidden: str) -> None:
        self.done = False
        self._names = _vertexes(dockerfile)
        self._hidden = hidden
        self._step = ""

    def feed(self, line: str) -> Iterator[Update]:
        message = json.loads(line) if line.startswith("{") else {}
        if "aux" in message:
            self.done = True
        elif "error" in message:
            text = str(message["error"]).replace(self._hidden, "").strip()
            code = _EXIT.search(text)
            yield Step(self._step, "failed", f"exit code: {code[1]}" if code else text)
        elif text := str(message.get("stream", "")).rstrip("\n"):
            yield from self._said(text)

    def _said(self, text: str) -> Iterator[Update]:
        found = _STEP.fullmatch(text)
        if found is not None:
            if self._step:
                yield Step(self._step, "done")
            key = (int(found[1] or 1) - 1, int(found[2]))
            self._step = self._names.get(key, found[3]).replace(self._hidden, "")
            yield Step(self._step, "started")
        elif text.startswith("--> Using cache"):
            yield Step(self._step, "cached")
        elif not text.startswith(("--> ", "COMMIT ", "Successfully ")):
            for line in text.splitlines():
                yield Output(self._step, line)


def _vertexes(dockerfile: str) -> dict[tuple[int, int], str]:
    """What BuildKit would call each step, by stage from 0 and number from 1; those that it does not count have no
    name."""
    try:
        file = read(dockerfile)
    except UserFileError:
        return {}
    names: dict[tuple[int, int], str] = {}
    for stage in file.stages:
        steps = [step for step in file.instructions if step.stage == stage.index]
        total = sum(step.keyword in _COUNTED for step in steps)
        counted = 0
        for number, step in enumerate(steps, 1):
            if step.keyword in _COUNTED:
                counted += 1
                where = stage.name or (f"stage-{stage.index}" if len(file.stages) > 1 else "")
                names[stage.index, number] = f"[{where} {counted}/{total}] {step.text}".replace("[ ", "[")
    return names
