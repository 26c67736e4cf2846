"""`commands`: the user's own shell commands, one RUN each, as the base's user (or that of a `user` layer)."""

from __future__ import annotations

import re

from imgc.diagnostics import Fix, Severity, Span
from imgc.document.expressions import place
from imgc.document.nodes import Scalar, Sequence
from imgc.instructions.quoting import command_problem
from imgc.instructions.types import Command
from imgc.layers.kind import Kind, Layer, Reading, Written
from imgc.layers.recipe import Recipe
from imgc.layers.secrets import check_secrets, exports, mounts
from imgc.layers.yaml_text import replaced
from imgc.model.image import SecretUse, Text
from imgc.patterns import lazy
from imgc.records import dataclass

_RUN = lazy(r"\s*RUN(?:\s+|\Z)", re.IGNORECASE)
_INSTRUCTION = lazy(r"\s*([A-Z]+)\s")
_FLAG = lazy(r"\s*(--(?:mount|network|security)=\S*)")
_KEYS = {
    "ADD": "copy", "ARG": "params", "CMD": "cmd", "COPY": "copy", "ENTRYPOINT": "entrypoint", "ENV": "env",
    "EXPOSE": "expose", "FROM": "base", "HEALTHCHECK": "healthcheck", "LABEL": "labels", "ONBUILD": "",
    "SHELL": "shell", "STOPSIGNAL": "stop_signal", "USER": "user", "VOLUME": "", "WORKDIR": "workdir",
}  # fmt: skip
"""Instructions that are no commands, and the keys that mean them."""


@dataclass(frozen=True, slots=True)
class CommandsLayer:
    key: str
    span: Span
    items: tuple[Text, ...]
    secrets: tuple[SecretUse, ...] = ()

    def emit(self, recipe: Recipe) -> None:
        for item in self.items:
            if not emit_command(recipe, item.value, self.key, item.span, self.secrets):
                return


def read(written: Written, reading: Reading) -> Layer | None:
    if not isinstance(written.node, Sequence):
        return None
    items = [item for item in written.node if isinstance(item, Scalar) and isinstance(item.value, str)]
    flow = written.node.flow
    good = tuple(Text(item.text, item.span) for item in items if check_command(item, reading, flow))
    return CommandsLayer(written.key, written.span, good, written.secrets) if good else None


KIND = Kind(("commands",), 15, read)


def check_command(item: Scalar, reading: Reading, flow: bool = False) -> bool:
    """Whether text can be a command; what is wrong or odd is reported. `flow`: it stands between [ ]."""
    text = item.text
    if not text.strip():
        if text:  # the schema asks for a character
            reading.error("empty-command", "this command is empty", item.span)
        return False
    if found := _RUN.match(text):
        edit = replaced(item, 0, found.end(), "", flow) if found.end() < len(text) else None
        # Behind RUN a list is a program and its arguments; here it would be a line for the shell.
        safe = not text[found.end() :].startswith("[")
        fixes = (Fix("remove 'RUN'", (edit,), safe),) if edit else ()
        message = "a command is written without RUN: each becomes a RUN of its own"
        reading.error("run-prefix", message, _head(item, found.end()), label="remove 'RUN'", fixes=fixes)
        return False
    if found := _INSTRUCTION.match(text):
        key = _KEYS.get(found[1])
        if key is not None:
            label = f"use the key '{key}'" if key else "a 'dockerfile' may hold it"
            reading.error(
                "dockerfile-instruction",
                f"{found[1]} is an instruction of Dockerfiles, and no command of a shell",
                _head(item, found.end(1)), label=label, severity=Severity.WARNING,
            )  # fmt: skip
    elif found := _FLAG.match(text):
        reading.error(
            "run-flag", "this is a flag of RUN, and no command of a shell",
            _head(item, found.end(1)),
            label="use the keys 'secrets', 'ssh' and 'build'", severity=Severity.WARNING,
        )  # fmt: skip
    if reason := command_problem(text):
        reading.error("unwritable-value", f"the command {reason}", item.span)
        return False
    return True


def _head(item: Scalar, end: int) -> Span:
    """The beginning of an item, up to an offset of its value."""
    return item.span.until(place(item, 0, end))


def emit_command(
    recipe: Recipe, text: str, key: str, span: Span, secrets: tuple[SecretUse, ...] = (), note: str = ""
) -> bool:
    """Adds a user's command; False when the base cannot run any."""
    if recipe.facts.shell is False:
        recipe.error(
            "base-without-shell", f"the base '{recipe.base}' has no shell, so nothing can be run in it", span
        )
        return False
    check_secrets(secrets, recipe.shell, recipe.report)
    recipe.become("")
    given = mounts(secrets, recipe.user, recipe.ssh)
    recipe.add(Command(exports(secrets) + text, given, recipe.shell), key, span, note)
    return True
