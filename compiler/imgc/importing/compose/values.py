"""Values of a Compose file, in which variables of the environment are replaced: here they are parameters."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping as Names

from imgc.document.expressions import SAFE_IN_SHELL
from imgc.document.nodes import Node, Scalar
from imgc.importing.draft import Block, Draft, Expression, like
from imgc.importing.yaml import Fields

_SERVER = "a run ends when its nodes have: nothing goes on"
REASONS = {
    "attach": "imgc logs shows what each node wrote", "annotations": "the format has labels of images only",
    "configs": "mounts and secrets bring files", "container_name": "containers belong to a run and have its names",
    "credential_spec": "there are no Windows containers", "deploy.endpoint_mode": _SERVER, "deploy.mode": _SERVER,
    "deploy.placement": "there is no swarm", "deploy.replicas": "matrix runs a node more than once",
    "deploy.restart_policy": "retry runs a node again", "deploy.rollback_config": _SERVER, "deploy.update_config": _SERVER,
    "develop": "imgc run --watch runs again what an edit touches", "env_file": "a file may hold secrets: write what is needed to env or secrets",
    "expose": _SERVER, "extends": "services are not merged here: docker compose config prints them merged",
    "healthcheck": _SERVER, "include": "other files are not read: docker compose config prints all in one",
    "links": "nodes do not talk to each other", "logging": "imgc keeps what nodes write", "networks": "nodes do not talk to each other",
    "profiles": "skip stands for a profile that nobody asks for",
    "post_start": "a node is one command", "pre_stop": "a node is one command", "provider": "a node is one command",
    "pull_policy": "an image with a tag is pulled when it is not there", "restart": "retry runs a node again",
    "scale": "matrix runs a node more than once", "stdin_open": "stdin is text of the file", "tty": "commands of a run have no terminal",
    "volumes": "a volume comes to be when it is first used", "volumes_from": "mounts are of folders of this machine",
}  # fmt: skip
_VARIABLE = re.compile(
    r"\$(?:(?P<dollar>\$)|\{(?P<braced>[A-Za-z_][A-Za-z0-9_]*)(?:(?P<how>:?[-+?])(?P<word>(?:[^{}]|\{[^{}]*\})*))?\}"
    r"|(?P<plain>[A-Za-z_][A-Za-z0-9_]*))"
)
_OPEN, _CLOSE = "\ue000", "\ue001"
_MARKED = re.compile(f"{_OPEN}([A-Za-z0-9_]+){_CLOSE}")


class Values:
    """`params` are the variables met so far, with their defaults; `images` the names of references."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.params: dict[str, str] = {}
        self.images: dict[str, str] = {}

    def text(self, scalar: Scalar, shell: bool = False) -> str:
        """The text of a scalar; an Expression where it has variables. `shell`: a shell may read it."""
        return _finished(self._marked(scalar, shell))

    def words(self, scalar: Scalar) -> list[str]:
        """The words of a command line, as Compose splits it. ValueError for an open quote."""
        return [_finished(word) for word in shlex.split(self._marked(scalar, True))]

    def _marked(self, scalar: Scalar, shell: bool) -> str:
        if "$" not in scalar.text:
            return scalar.text
        return _VARIABLE.sub(lambda found: self._variable(found, scalar, shell), scalar.text)

    def _variable(self, found: re.Match[str], scalar: Scalar, shell: bool) -> str:
        if found["dollar"]:
            return "$"
        name, how = found["braced"] or found["plain"], found["how"] or ""
        word = self._default(found["word"] or "", scalar)
        if how.endswith("+"):
            self.draft.warn(f"'{found[0]}' is taken as if {name} were not set", scalar.span)
            return ""
        default = word if how.endswith("-") else ""
        if shell and not SAFE_IN_SHELL.match(default):
            self.draft.warn(
                f"'{found[0]}' is taken as its default: a parameter of a command may not hold what a shell would read",
                scalar.span,
            )
            return default
        if not how.endswith("-") and name not in self.params:
            self.draft.warn(
                f"'{name}' is a variable of the environment: it is a parameter here, --param {name}=… gives its value",
                scalar.span,
            )
        self.params.setdefault(name, default)
        if self.params[name] != default and how.endswith("-"):
            self.draft.warn(
                f"'{name}' has another default elsewhere: a parameter has one, '{self.params[name]}'",
                scalar.span,
            )
        return f"{_OPEN}{name}{_CLOSE}"

    def _default(self, word: str, scalar: Scalar) -> str:
        """A default, with the variables in it as their own defaults."""
        return _VARIABLE.sub(
            lambda found: "$" if found["dollar"] else self._default(found["word"] or "", scalar), word
        )


def _finished(marked: str) -> str:
    parts = _MARKED.split(marked)
    if len(parts) == 1 or any("${{" in part for part in parts[::2]):
        return marked
    return Expression(
        "".join(f"${{{{ params.{part} }}}}" if number % 2 else part for number, part in enumerate(parts))
    )


class ComposeFields(Fields):
    """Fields with their variables replaced."""

    def __init__(
        self,
        values: Values,
        node: Node,
        block: Block,
        reasons: Names[str, str] | None = None,
        label: str = "",
    ) -> None:
        super().__init__(values.draft, node, block, reasons, label)
        self.values = values

    def text(self, key: str) -> str | None:
        found = self.scalar(key)
        return None if found is None else self.values.text(found)

    def inner(self, key: str, block: Block | None = None) -> ComposeFields | None:
        found = super().inner(key, block)
        if found is None:
            return None
        mapping = self._all[key].value
        return ComposeFields(self.values, mapping, found.block, self.reasons, found.label)

    def texts(self, key: str) -> list[str] | None:
        """The items of a list, or a value alone."""
        found = self.scalars(key)
        return None if found is None else [self.values.text(item) for item in found]

    def pairs(self, key: str, separator: str = "=") -> list[tuple[str, str | None]] | None:
        """A mapping, or a list of `NAME=value`; None where there is no value."""
        mapping = self.inner(key)
        if mapping is not None:
            plain = [name for name in mapping.names() if isinstance(mapping.peek(name), Scalar)]
            found: list[tuple[str, str | None]] = [(name, mapping.text(name)) for name in plain]
            mapping.done()
            return found
        listed = self.texts(key)
        if listed is None:
            return None
        split = [text.partition(separator) for text in listed]
        return [
            (name, like(value, text) if sign else None)
            for text, (name, sign, value) in zip(listed, split, strict=True)
        ]
