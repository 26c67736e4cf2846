"""What the file says about one image."""

from __future__ import annotations

from imgc.diagnostics import Span
from imgc.document.nodes import Mapping, Node
from imgc.records import dataclass, field


@dataclass(frozen=True, slots=True)
class Text:
    """A string of the file with its place."""

    value: str
    span: Span


@dataclass(frozen=True, slots=True)
class SecretUse:
    """A secret mounted in build steps or given to a node: as a variable, as a file, or at its default
    place `/run/secrets/NAME`."""

    name: str
    span: Span
    env: str = ""
    target: str = ""
    required: bool = True


@dataclass(frozen=True, slots=True)
class PipOptions:
    """`pip`: options of every Python install. Empty values mean "not written"."""

    index_url: str = ""
    index_username: str = ""
    index_password: str = ""
    """Name of a secret."""
    extra_index_urls: tuple[str, ...] = ()
    pre: bool = False
    extra_args: tuple[str, ...] = ()
    installer: str = ""
    """uv, pip, or "" when not written."""
    secrets: tuple[SecretUse, ...] = ()
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """An image as written: its name, where the name stands, its keys. An inline image has `inline`."""

    name: str
    span: Span
    node: Mapping
    inline: bool = False
    keys: dict[str, Node] = field(default_factory=dict)
