"""YAML that every reader takes for the same: 1.1, 1.2 and those in between.

PyYAML knows 1.1 alone (it writes `1e3` and `0o17` without quotes), its two writers break lines in different ways, and
the one that is always there takes seconds for a long pipeline.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from imgc.patterns import lazy

_PLAIN = lazy(r"[A-Za-z_/][A-Za-z0-9_/.-]*(?: [A-Za-z0-9_/.-]+)*\Z")
_WORDS = {"true", "false", "yes", "no", "on", "off", "y", "n", "null"}
"""What one version or another takes for something else than text."""

_STEP = "  "


def dump(data: Mapping[str, object]) -> str:
    """The data in block style, in its own order. Text is quoted wherever a reader might take it for something else.

    It holds mappings, lists, text, numbers, booleans and None.
    """
    return "".join(f"{line}\n" for line in _lines(data, ""))


def _lines(value: Mapping[str, object] | Sequence[object], indent: str) -> Iterator[str]:
    """The lines of a mapping or a list that is not empty."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _entry(f"{indent}{_text(key)}:", item, indent)
    else:
        for item in value:
            yield from _item(item, indent)


def _entry(start: str, value: object, indent: str) -> Iterator[str]:
    if isinstance(value, str) and _is_block(value):
        yield f"{start} |{'' if value.endswith(chr(10)) else '-'}"
        yield from (f"{indent}{_STEP}{line}" if line else "" for line in value.removesuffix("\n").split("\n"))
    elif isinstance(value, Mapping | list | tuple) and value:
        yield start
        yield from _lines(value, indent + _STEP)
    else:
        yield f"{start} {_scalar(value)}"


def _item(value: object, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping | list | tuple) and value:
        first, *others = _lines(value, indent + _STEP)
        yield f"{indent}- {first.removeprefix(indent + _STEP)}"
        yield from others
    else:
        yield from _entry(f"{indent}-", value, indent)


def _scalar(value: object) -> str:
    match value:
        case str():
            return _text(value)
        case bool():
            return "true" if value else "false"
        case None:
            return "null"
        case int():
            return str(value)
        case float():
            return f"{value:.12f}".rstrip("0").removesuffix(".")
    return "{}" if isinstance(value, Mapping) else "[]"


def _text(text: str) -> str:
    if _PLAIN.match(text) and text.lower() not in _WORDS:
        return text
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    code = ord(character)
    return "\\n" if code == 10 else f"\\u{code:04x}" if code < 1 << 16 else f"\\U{code:08x}"


def _is_block(text: str) -> bool:
    """Several lines without anything that a block does not keep as it is."""
    lines = text.split("\n")
    return (
        len(lines) > 1
        and text[0] not in " \n"
        and not text.endswith("\n\n")
        and all(line.isprintable() and line == line.rstrip() for line in lines)
    )
