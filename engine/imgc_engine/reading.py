"""JSON values into records, strictly: a missing, unknown or mistyped field is a ReadError."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, TypeVar

from imgc.records import is_record, names_of

T = TypeVar("T")
Reader = Callable[[Any], Any]

_NAMES = {str: "a string", int: "an integer", bool: "true or false"}


class ReadError(ValueError):
    """The document is not what it should be. The text is a sentence that names the path, `nodes[3].cpu`."""

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(f"{path.lstrip('.') or 'The document'} {message}.")
        self._message, self._path = message, path

    def below(self, step: str) -> ReadError:
        """The same, said of what holds the value: paths are only put together when something is wrong."""
        return ReadError(self._message, step + self._path)


def read(kind: Callable[..., T], value: object) -> T:
    """`value` (of json.loads) as an instance of the record `kind`. Fields are named as in the document."""
    made: T = _reader(kind)(value)
    return made


def plain(value: object) -> object:
    """The other way: a value that `read` takes."""
    if is_record(type(value)):
        return {name: plain(getattr(value, name)) for name in names_of(type(value))}
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


@cache
def _reader(kind: Any) -> Reader:
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if is_record(kind):
        return _object(kind)
    if origin in (typing.Union, types.UnionType):
        return _optional(args)
    if origin is typing.Literal:
        return _literal(args)
    if origin is tuple:
        return _list(_reader(args[0]))
    if origin is Mapping:
        return _map(_reader(args[1]))
    if kind is float:
        return _number
    if kind is object:
        return lambda value: value
    return _scalar(kind)


def _object(kind: Any) -> Reader:
    hints = typing.get_type_hints(kind)
    fields = [(name, _reader(hints[name])) for name in names_of(kind)]
    names = {name for name, _ in fields}

    def read_object(value: Any) -> Any:
        if not isinstance(value, dict):
            raise ReadError("must be an object")
        if value.keys() != names:
            if missing := sorted(names - value.keys()):
                raise ReadError(f"lacks {', '.join(missing)}")
            raise ReadError(f"has what is not known here: {', '.join(sorted(value.keys() - names))}")
        return kind(**_each(value, fields))

    return read_object


def _each(value: Mapping[str, Any], fields: Iterable[tuple[str, Reader]]) -> dict[str, Any]:
    made = {}
    for name, reader in fields:
        try:
            made[name] = reader(value[name])
        except ReadError as error:
            raise error.below(f".{name}") from None
    return made


def _optional(args: tuple[Any, ...]) -> Reader:
    (inner,) = [arg for arg in args if arg is not type(None)]
    reader = _reader(inner)
    return lambda value: None if value is None else reader(value)


def _literal(allowed: tuple[Any, ...]) -> Reader:
    def read_literal(value: Any) -> Any:
        if value not in allowed:
            raise ReadError(f"must be {' or '.join(map(repr, allowed))}")
        return value

    return read_literal


def _list(reader: Reader) -> Reader:
    def read_list(value: Any) -> Any:
        if not isinstance(value, list):
            raise ReadError("must be a list")
        made = []
        for index, item in enumerate(value):
            try:
                made.append(reader(item))
            except ReadError as error:
                raise error.below(f"[{index}]") from None
        return tuple(made)

    return read_list


def _map(reader: Reader) -> Reader:
    def read_map(value: Any) -> Any:
        if not isinstance(value, dict):
            raise ReadError("must be an object")
        return _each(value, ((name, reader) for name in value))

    return read_map


def _scalar(kind: type) -> Reader:
    def read_scalar(value: Any) -> Any:
        if type(value) is not kind:  # not isinstance: true is no integer
            raise ReadError(f"must be {_NAMES[kind]}")
        return value

    return read_scalar


def _number(value: Any) -> Any:
    if type(value) not in (int, float):
        raise ReadError("must be a number")
    return value
