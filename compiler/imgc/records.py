"""The standard `dataclass` as far as imgc uses it, made without work at import.

The standard one writes and compiles up to ten methods of each class while its module is imported, and loads
`inspect`: with a hundred classes that was half of a cold compile. Here a class gets its slots and methods shared
by all classes; the one whose speed counts, `__init__`, is compiled when the first object is made, which most
classes of most compiles never see. docs/decisions/0010-cold-start.md has the figures.

`dataclasses.replace`, `fields`, `asdict` and `is_dataclass` take these classes too. A base class has no fields.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from reprlib import recursive_repr
from typing import Any, NoReturn, TypeVar, cast, dataclass_transform

T = TypeVar("T")
_MISSING: Any = object()


class _Field:
    """A field as it is declared."""

    __slots__ = ("compare", "default", "factory", "kw_only", "name", "repr")

    def __init__(
        self,
        default: object,
        factory: Callable[[], object],
        repr: bool,  # noqa: A002
        compare: bool,
        kw_only: bool,
    ) -> None:
        self.name = ""
        self.default = default
        self.factory = factory
        self.repr = repr
        self.compare = compare
        self.kw_only = kw_only


def field(
    *,
    default: Any = _MISSING,
    default_factory: Callable[[], Any] = _MISSING,
    repr: bool = True,  # noqa: A002
    compare: bool = True,
    kw_only: bool = False,
) -> Any:
    """Like `dataclasses.field`."""
    return _Field(default, default_factory, repr, compare, kw_only)


@dataclass_transform(field_specifiers=(field,))
def dataclass(*, slots: bool, frozen: bool = False, eq: bool = True) -> Callable[[type[T]], type[T]]:
    """Like `dataclasses.dataclass`; records always have slots, which is said for those who read."""
    assert slots

    def make(written: type[T]) -> type[T]:
        return _record(written, frozen, eq)

    return make


def replace(record: T, /, **changes: Any) -> T:
    """A copy with other values in some fields, like `dataclasses.replace`."""
    cls: Any = type(record)
    values = {name: getattr(record, name) for name in cls.__slots__}
    return cast(T, cls(**(values | changes)))


def is_record(kind: object) -> bool:
    """Whether it is a class made by `dataclass` of this module."""
    return isinstance(kind, type) and hasattr(kind, "__record_fields__")


def names_of(record: type) -> tuple[str, ...]:
    """The names of the fields."""
    return cast(Any, record).__slots__  # type: ignore[no-any-return]


def _record(written: type[T], frozen: bool, eq: bool) -> type[T]:
    """The class once more, with slots: they cannot be added to a class that is there."""
    body = dict(written.__dict__)
    fields = []
    for name in body.get("__annotations__", ()):
        default = body.pop(name, _MISSING)
        one = default if isinstance(default, _Field) else _Field(default, _MISSING, True, True, False)
        one.name = name
        fields.append(one)
    body.pop("__dict__", None)
    body.pop("__weakref__", None)
    body["__slots__"] = tuple(one.name for one in fields)
    body["__record_fields__"] = tuple(fields)
    body["__dataclass_fields__"] = _StandardFields()
    body["__match_args__"] = tuple(one.name for one in fields if not one.kw_only)
    body["__init__"] = _first_init
    body["__getstate__"] = _getstate
    body["__setstate__"] = _setstate
    body.setdefault("__repr__", _repr)
    if frozen:
        body["__setattr__"] = _refuse
        body["__delattr__"] = _refuse
    if eq:
        _comparing(body, tuple(one.name for one in fields if one.compare), frozen)
    return cast("type[T]", cast(Any, type(written))(written.__name__, written.__bases__, body))


def _first_init(self: Any, *args: Any, **named: Any) -> None:
    """Stands in for `__init__` until the first object of the class is made."""
    cls = type(self)
    cls.__init__ = _compiled_init(cls)
    cls.__init__(self, *args, **named)


def _compiled_init(cls: Any) -> Any:
    """`__init__`, which sets each slot by its descriptor: the quickest way, and open for frozen ones."""
    values: dict[str, object] = {"_MISSING": _MISSING}
    positional: list[str] = []
    named: list[str] = []
    lines: list[str] = []
    for one in cls.__record_fields__:
        name, value = one.name, one.name
        values[f"_set_{name}"] = cls.__dict__[name].__set__
        default = ""
        if one.factory is not _MISSING:
            values[f"_new_{name}"] = one.factory
            default, value = "=_MISSING", f"_new_{name}() if {name} is _MISSING else {name}"
        elif one.default is not _MISSING:
            values[f"_default_{name}"] = one.default
            default = f"=_default_{name}"
        (named if one.kw_only else positional).append(name + default)
        lines.append(f"    _set_{name}(self, {value})\n")
    arguments = ", ".join(["self", *positional, *(["*", *named] if named else [])])
    exec(f"def __init__({arguments}):\n{''.join(lines) or '    pass'}", values)
    made: Any = values["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made


def _comparing(body: dict[str, Any], names: tuple[str, ...], frozen: bool) -> None:
    if not names:
        of: Callable[[object], object] = lambda _: ()  # noqa: E731
    else:
        of = attrgetter(*names)

    def __eq__(self: object, other: object) -> bool:
        return of(self) == of(other) if other.__class__ is self.__class__ else NotImplemented

    def __hash__(self: object) -> int:
        return hash(of(self))

    body.setdefault("__eq__", __eq__)
    if body.get("__hash__") is None:  # a class with an own `__eq__` has None there
        body["__hash__"] = __hash__ if frozen else None


@recursive_repr()
def _repr(self: Any) -> str:
    shown = (f"{one.name}={getattr(self, one.name)!r}" for one in self.__record_fields__ if one.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _refuse(_: object, name: str, *value: object) -> NoReturn:  # noqa: ARG001
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot assign to or delete field {name!r}")


def _getstate(self: Any) -> list[object]:
    return [getattr(self, name) for name in self.__slots__]


def _setstate(self: Any, state: list[object]) -> None:
    for name, value in zip(self.__slots__, state, strict=True):
        object.__setattr__(self, name, value)


class _StandardFields:
    """`__dataclass_fields__`, made by the standard library when somebody asks for it."""

    def __get__(self, instance: object, cls: Any) -> Any:
        import dataclasses

        specs = []
        for one in cls.__record_fields__:
            settings: dict[str, Any] = {"repr": one.repr, "compare": one.compare, "kw_only": one.kw_only}
            if one.default is not _MISSING:
                settings["default"] = one.default
            if one.factory is not _MISSING:
                settings["default_factory"] = one.factory
            specs.append((one.name, cls.__annotations__[one.name], dataclasses.field(**settings)))
        made: Any = dataclasses.make_dataclass(cls.__name__, specs)
        cls.__dataclass_fields__ = made.__dataclass_fields__
        return cls.__dataclass_fields__
