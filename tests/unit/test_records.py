"""`imgc.records` against the standard `dataclasses`."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import Any

import pytest

from imgc import records


def _classes(module: Any) -> tuple[type[Any], type[Any], type[Any]]:
    class Frozen:
        a: int
        b: str = "x"
        c: tuple[int, ...] = ()
        hidden: int = module.field(default=0, repr=False, compare=False)
        named: int = module.field(default=5, kw_only=True)

    class Open:
        a: int
        more: list[int] = module.field(default_factory=list)

    class Identity:
        a: int = 1

    for cls in (Frozen, Open, Identity):
        cls.__qualname__ = cls.__name__
    return (
        module.dataclass(frozen=True, slots=True)(Frozen),
        module.dataclass(slots=True)(Open),
        module.dataclass(slots=True, eq=False)(Identity),
    )


OURS, STANDARD = _classes(records), _classes(dataclasses)


@records.dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int = 0


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((1,), {}),
        ((1, "y", (2,)), {"named": 3}),
        ((), {"a": 1, "hidden": 9}),
        ((), {}),
        ((1, 2, 3, 4, 5), {}),
    ],
)
def test_means_what_the_standard_means(arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
    found = []
    for cls in (OURS[0], STANDARD[0]):
        try:
            one, other = (
                cls(*arguments, **named),
                cls(*arguments, **{**named, "hidden": 3} if len(arguments) < 4 else named),
            )
            found.append((repr(one), one == other, hash(one) == hash(other), one == cls(2), one == 1))
        except TypeError as error:
            found.append(str(error).split("__init__")[1])
    assert found[0] == found[1]


def test_frozen_open_and_compared_by_identity() -> None:
    frozen, opened, identity = OURS
    for change in (lambda: setattr(frozen(1), "a", 2), lambda: delattr(frozen(1), "a")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            change()
    with pytest.raises(AttributeError):
        opened(1).unknown = 1
    first, second = opened(1), opened(1)
    first.more.append(1)
    assert (first == second, second.more, opened.__hash__) == (False, [], None)
    assert identity() != identity()


def test_the_standard_functions_take_records() -> None:
    frozen = OURS[0]
    one = frozen(1)
    assert dataclasses.is_dataclass(one)
    assert [field.name for field in dataclasses.fields(one)] == [
        field.name for field in dataclasses.fields(STANDARD[0])
    ]
    assert dataclasses.asdict(one) == dataclasses.asdict(STANDARD[0](1))
    assert dataclasses.replace(one, b="z") == records.replace(one, b="z") == frozen(1, "z")
    assert records.names_of(frozen) == ("a", "b", "c", "hidden", "named")
    match Point(1, 2):
        case Point(x, y):
            assert (x, y) == (1, 2)


def test_copies() -> None:
    point = Point(1)
    assert pickle.loads(pickle.dumps(point)) == copy.copy(point) == copy.deepcopy(point) == point
