"""The YAML 1.2 core schema: which plain scalar is a null, a boolean or a number (yaml.org/spec/1.2.2, 10.3)."""

from __future__ import annotations

from imgc.document.nodes import Value
from imgc.patterns import lazy

_INT = lazy(r"[-+]?[0-9]+\Z")
_OCTAL = lazy(r"0o[0-7]+\Z")
_HEX = lazy(r"0x[0-9a-fA-F]+\Z")
_FLOAT = lazy(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_SPECIAL = lazy(r"([-+]?)\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")
_WORDS: dict[str, Value] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_NUMBER_START = frozenset("+-.0123456789")
_LONGEST_NUMBER = 100  # more digits than any setting has; longer ones stay text


def resolve(text: str) -> Value:
    """The value of a plain scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_START or len(text) > _LONGEST_NUMBER:
        return text
    if _INT.match(text):
        return int(text)
    if _FLOAT.match(text) or _SPECIAL.match(text):
        return float(
            text.replace(".inf", "inf")
            .replace(".Inf", "inf")
            .replace(".INF", "inf")
            .lower()
            .replace(".nan", "nan")
        )
    if _OCTAL.match(text):
        return int(text[2:], 8)
    if _HEX.match(text):
        return int(text, 16)
    return text


def is_number(text: str) -> bool:
    """Whether a plain scalar of this text would be a number."""
    return isinstance(resolve(text) if text else None, (int, float)) and text not in _WORDS
