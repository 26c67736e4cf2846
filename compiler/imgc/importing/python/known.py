"""Functions and methods whose results can be told: of text, lists and paths. None of them can grow without bound."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from typing import Any

from imgc.importing.python.values import HERE, LONGEST, Local, Symbol, Value, is_plain, is_symbolic

_WIDE = re.compile(r"\d{4,}")


class NotKnown(Exception):
    """The result cannot be told."""


def short(text: str) -> str:
    if len(text) > LONGEST:
        raise NotKnown
    return text


def text_of(value: Value) -> str:
    """The value as it stands in a formatted text."""
    if isinstance(value, Local):
        return value.path
    if isinstance(value, int) and abs(value) > 1 << 128:
        raise NotKnown
    if is_plain(value):
        return str(value)
    raise NotKnown


def formatted(value: Value, spec: str) -> str:
    if _WIDE.search(spec):
        raise NotKnown
    return short(format(value if is_plain(value) else text_of(value), spec))


def percent(text: str, value: Value) -> str:
    values = value if isinstance(value, tuple) else (value,)
    if isinstance(value, dict):
        if not all(map(is_plain, value.values())):
            raise NotKnown
        values = value  # type: ignore[assignment]
    elif not all(isinstance(one, Local) or is_plain(one) for one in values):
        raise NotKnown
    if _WIDE.search(text) or "*" in text:
        raise NotKnown
    made = (
        values if isinstance(values, dict) else tuple(v.path if isinstance(v, Local) else v for v in values)
    )
    return short(text % made)


def method(of: Value, name: str, args: list[Value], named: dict[str, Value]) -> Value:
    """What a method of a known value gives; raises NotKnown, or what Python raises for bad arguments."""
    if isinstance(of, str):
        return _text_method(of, name, args, named)
    if isinstance(of, list):
        return _list_method(of, name, args)
    if isinstance(of, dict):
        return _dict_method(of, name, args, named)
    if isinstance(of, Local):
        return _path_method(of, name, args)
    raise NotKnown


_PLAIN_TEXT = {
    "strip", "lstrip", "rstrip", "lower", "upper", "title", "capitalize", "split", "rsplit", "splitlines",
    "startswith", "endswith", "removeprefix", "removesuffix", "partition", "rpartition", "find", "count",
    "isdigit", "isalpha", "casefold", "swapcase",
}  # fmt: skip


def _text_method(of: str, name: str, args: list[Value], named: dict[str, Value]) -> Value:
    if name == "format":
        if _WIDE.search(of) or re.search(r"\{[^{}]*[.\[!{]", of.replace("{{", "")):
            raise NotKnown  # attributes, items and computed widths
        return short(of.format(*map(text_of, args), **{key: text_of(value) for key, value in named.items()}))
    if name == "join" and len(args) == 1 and isinstance(args[0], (list, tuple)):
        parts = [text_of(one) for one in args[0] if isinstance(one, (str, Local)) or _refuse()]
        if len(of) * len(parts) + sum(map(len, parts)) > LONGEST:
            raise NotKnown
        return of.join(parts)
    if name == "replace" and len(args) == 2 and all(isinstance(one, str) for one in args):
        if (len(of) + 1) * (len(args[1]) + 1) > 100 * LONGEST:
            raise NotKnown
        return short(of.replace(args[0], args[1]))
    if name in ("zfill", "ljust", "rjust", "center") and args and isinstance(args[0], int) and args[0] < 1000:
        return getattr(of, name)(*args)
    if name in _PLAIN_TEXT and not named and all(map(_is_text_argument, args)):
        made = getattr(of, name)(*args)
        return list(made) if isinstance(made, list) else made
    raise NotKnown


def _is_text_argument(value: Value) -> bool:
    return is_plain(value) or (isinstance(value, tuple) and all(map(is_plain, value)))


def _refuse() -> bool:
    raise NotKnown


def _list_method(of: list[Value], name: str, args: list[Value]) -> Value:
    if len(of) > LONGEST:
        raise NotKnown
    if name == "append" and len(args) == 1:
        of.append(args[0])
    elif name == "extend" and len(args) == 1 and isinstance(args[0], (list, tuple)):
        of.extend(list(args[0])[:LONGEST])
    elif name == "insert" and len(args) == 2 and isinstance(args[0], int):
        of.insert(args[0], args[1])
    elif name == "sort" and not args and all(isinstance(one, str) for one in of):
        of.sort()
    elif name == "reverse" and not args:
        of.reverse()
    elif name == "copy" and not args:
        return list(of)
    elif name in ("remove", "index", "count") and len(args) == 1 and all(map(is_plain, [*of, *args])):
        return getattr(of, name)(args[0])
    elif name == "pop" and all(isinstance(one, int) for one in args) and len(args) < 2:
        return of.pop(*args)
    else:
        raise NotKnown
    return None


def _dict_method(of: dict[Any, Value], name: str, args: list[Value], named: dict[str, Value]) -> Value:
    if name in ("get", "setdefault", "pop") and 1 <= len(args) <= 2 and is_plain(args[0]):
        return getattr(of, name)(*args)
    if name == "update" and len(args) < 2 and all(isinstance(one, dict) for one in args):
        of.update(*args, **named)
        return None
    if name in ("items", "keys", "values") and not args:
        return list(getattr(of, name)())
    if name == "copy" and not args:
        return dict(of)
    raise NotKnown


def _path_method(of: Local, name: str, args: list[Value]) -> Value:
    if name in ("resolve", "absolute", "expanduser") and not of.path.startswith("~"):
        return Local(posixpath.normpath(posixpath.join(HERE, of.path)))
    if name == "joinpath":
        return Local(posixpath.join(of.path, *map(text_of, args)))
    if name in ("as_posix", "__str__") and not args:
        return of.path
    if name in ("with_name", "with_suffix") and len(args) == 1 and isinstance(args[0], str):
        stem = posixpath.splitext(of.path)[0]
        return Local(
            stem + args[0] if name == "with_suffix" else posixpath.join(posixpath.dirname(of.path), args[0])
        )
    raise NotKnown


def path_attribute(of: Local, name: str) -> Value:
    if name == "parent":
        return Local(posixpath.dirname(of.path) or ".")
    if name == "parents":
        found = [Local(posixpath.dirname(of.path) or ".")]
        while found[-1].path not in ("/", ".") and len(found) < 30:
            found.append(Local(posixpath.dirname(found[-1].path) or "."))
        return found
    if name == "name":
        return posixpath.basename(of.path)
    if name in ("stem", "suffix"):
        return posixpath.splitext(posixpath.basename(of.path))[name == "suffix"]
    raise NotKnown


def _range(*args: Value) -> Value:
    made = range(*args)
    if len(made) > LONGEST:
        raise NotKnown
    return list(made)


def _listed(value: Value = ()) -> list[Value]:
    if isinstance(value, (list, tuple, dict, str, set)):
        return list(value)
    raise NotKnown


def _texts(value: Value) -> list[Value]:
    listed = _listed(value)
    if not (
        all(isinstance(one, str) for one in listed) or all(isinstance(one, (int, float)) for one in listed)
    ):
        raise NotKnown
    return listed


def _join(*parts: Value) -> Value:
    return short(posixpath.join(*map(text_of, parts)))


def _number(value: Value) -> Value:
    if isinstance(value, str) and len(value) > 30:
        raise NotKnown
    return value


def _made_dict(*args: Value, **named: Value) -> Value:
    pairs: dict[Value, Value] = {}
    for one in args:
        pairs.update(one if isinstance(one, dict) else dict(_listed(one)))
    return pairs | named


FUNCTIONS: dict[str, Callable[..., Value]] = {
    "builtins.range": _range,
    "builtins.len": lambda value: len(_listed(value)),
    "builtins.str": lambda value="": short(text_of(value)),
    "builtins.int": lambda value=0: int(_number(value)),
    "builtins.float": lambda value=0: float(_number(value)),
    "builtins.bool": lambda value=False: bool(value),
    "builtins.abs": abs,
    "builtins.round": lambda value, digits=None: round(
        value, digits if digits is None or abs(digits) < 30 else _refuse()
    ),
    "builtins.list": _listed,
    "builtins.tuple": lambda value=(): tuple(_listed(value)),
    "builtins.set": lambda value=(): sorted(set(_texts(value))),
    "builtins.dict": _made_dict,
    "builtins.sorted": lambda value: sorted(_texts(value)),
    "builtins.reversed": lambda value: _listed(value)[::-1],
    "builtins.min": lambda *values: min(_texts(values[0] if len(values) == 1 else values)),
    "builtins.max": lambda *values: max(_texts(values[0] if len(values) == 1 else values)),
    "builtins.sum": lambda value: sum(_texts(value)),
    "builtins.enumerate": lambda value, start=0: [tuple(one) for one in enumerate(_listed(value), start)],
    "builtins.zip": lambda *values: [tuple(one) for one in zip(*map(_listed, values), strict=False)],
    "os.path.join": _join,
    "os.path.dirname": lambda path: posixpath.dirname(text_of(path)),
    "os.path.basename": lambda path: posixpath.basename(text_of(path)),
    "os.path.normpath": lambda path: posixpath.normpath(text_of(path)),
    "os.path.abspath": lambda path: posixpath.normpath(posixpath.join(HERE, text_of(path))),
    "os.path.realpath": lambda path: posixpath.normpath(posixpath.join(HERE, text_of(path))),
    "os.fspath": text_of,
    "pathlib.Path": lambda *parts: Local(_join(*parts) if parts else "."),
    "pathlib.PurePath": lambda *parts: Local(_join(*parts) if parts else "."),
    "pathlib.PurePosixPath": lambda *parts: Local(_join(*parts) if parts else "."),
    "textwrap.dedent": lambda text: _dedent(text),
    "inspect.cleandoc": lambda text: _cleandoc(text),
    "shlex.quote": lambda text: _quote(text),
    "shlex.join": lambda words: short(" ".join(map(_quote, _texts(words)))),
    "copy.copy": lambda value: _copied(value),
}
BUILTINS = frozenset(name.removeprefix("builtins.") for name in FUNCTIONS if name.startswith("builtins.")) | {
    "print", "open", "getattr", "hasattr", "isinstance", "input", "map", "filter", "any", "all", "super", "type",
    "exit", "repr", "vars", "globals", "locals", "eval", "exec", "__import__", "Exception", "ValueError",
    "RuntimeError", "TypeError", "KeyError", "NotImplementedError", "ImportError", "staticmethod", "classmethod",
    "property", "object", "frozenset", "iter", "next", "bytes", "chr", "ord", "hash", "id", "callable", "Ellipsis",
}  # fmt: skip


def _dedent(text: Value) -> str:
    import textwrap

    return textwrap.dedent(text)


def _cleandoc(text: Value) -> str:
    import inspect

    return inspect.cleandoc(text)


def _quote(text: Value) -> str:
    import shlex

    return short(shlex.quote(text_of(text)))


def _copied(value: Value) -> Value:
    if isinstance(value, (list, dict)):
        return value.copy()
    raise NotKnown


def call(function: Symbol, args: list[Value], named: dict[str, Value]) -> Value:
    """What a function that is known gives; raises NotKnown, or what Python raises for bad arguments."""
    known = FUNCTIONS.get(function.name)
    if known is None or any(map(is_symbolic, args)):
        raise NotKnown
    return known(*args, **named)
