"""A pipeline file in the making: keys, values and comments, and what of the source they do not say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from imgc.diagnostics import Diagnostic, Severity, Span
from imgc.records import dataclass, field

Plain: TypeAlias = str | int | float | bool | None
Given: TypeAlias = "Plain | Block | Sequence[Given] | Mapping[str, Given]"


class Expression(str):
    """Text whose `${{ … }}` are meant; in any other text of a source they would mean something it does not."""

    __slots__ = ()


def like(text: str, *sources: object) -> str:
    """A text made of others: an Expression if one of them is."""
    return Expression(text) if any(isinstance(source, Expression) for source in sources) else text


@dataclass(slots=True, eq=False)
class Entry:
    """A key with its value, or an item of a list (`key` is ""). `at` is where the source says it, `note` a
    comment behind it. `left_out` says why it stands in the text as a comment only."""

    key: str
    value: Plain | Block
    at: Span | None = None
    note: str = ""
    left_out: str = ""


@dataclass(slots=True, eq=False)
class Remark:
    """A comment of its own, of one line or more."""

    text: str


@dataclass(slots=True, eq=False)
class Block:
    """A mapping or a list, with comments, in the order in which it is written. Without an entry it is not
    written, only its comments are, unless it is `inline`: that is for what may stand on one line."""

    is_list: bool = False
    inline: bool = False
    items: list[Entry | Remark] = field(default_factory=list)
    _keys: dict[str, Entry] = field(default_factory=dict, repr=False)

    @property
    def entries(self) -> Iterator[Entry]:
        return (item for item in self.items if isinstance(item, Entry) and not item.left_out)

    def entry(self, key: str) -> Entry | None:
        found = self._keys.get(key)
        return None if found is None or found.left_out else found

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def get(self, key: str) -> Plain | Block | None:
        entry = self.entry(key)
        return entry.value if entry else None

    def set(self, key: str, value: Given, at: Span | None = None, note: str = "") -> None:
        """Gives a key its value, in the place that it has, or behind all others."""
        there = self.entry(key)
        if there is None:
            self._keys[key] = entry = Entry(key, _value(value), at, note)
            self.items.append(entry)
        else:
            there.value, there.at, there.note = _value(value), at, note

    def add(self, value: Given, at: Span | None = None, note: str = "") -> None:
        """One more item of a list."""
        self.items.append(Entry("", _value(value), at, note))

    def block(self, key: str, at: Span | None = None, note: str = "") -> Block:
        """The mapping that is a key's value; begun if there is none."""
        return self._inner(key, Block(), at, note)

    def list(self, key: str, at: Span | None = None, note: str = "", inline: bool = True) -> Block:
        """The list that is a key's value; begun if there is none."""
        return self._inner(key, Block(is_list=True, inline=inline), at, note)

    def remark(self, text: str) -> None:
        self.items.append(Remark(text))

    def _inner(self, key: str, begun: Block, at: Span | None, note: str) -> Block:
        there = self.get(key)
        if isinstance(there, Block) and there.is_list == begun.is_list:
            return there
        self.set(key, begun, at, note)
        return begun


def _value(given: Given) -> Plain | Block:
    if isinstance(given, Mapping):
        mapping = Block(inline=True)
        for key, value in given.items():
            mapping.set(key, value)
        return mapping
    if isinstance(given, Sequence) and not isinstance(given, str):
        return Block(True, True, [Entry("", _value(value)) for value in given])
    return given


@dataclass(slots=True, eq=False)
class Draft:
    """What an importer makes of a source. `head` has the keys above `images`; `diagnostics` point into the
    source. A `pipeline` or `images` that stays empty is not written."""

    head: Block = field(default_factory=Block)
    images: Block = field(default_factory=Block)
    pipeline: Block = field(default_factory=Block)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def lost(self, block: Block, what: str, why: str, at: Span) -> None:
        """Says that something of the source is not in the draft: a comment in the block where it belongs, and
        a warning at its place in the source. `why` also says what to do, where something can be done."""
        block.remark(f"not carried over: {what}: {why}")
        self.warn(f"{what} is not carried over: {why}", at)

    def warn(self, message: str, at: Span) -> None:
        self.diagnostics.append(Diagnostic("not-carried-over", Severity.WARNING, message, at))
