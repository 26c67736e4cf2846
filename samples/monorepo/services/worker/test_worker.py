import pytest

from worker import bill


def test_bill() -> None:
    assert bill(["apples", "plums"]).endswith("cost 8")


def test_what_is_not_for_sale() -> None:
    with pytest.raises(KeyError):
        bill(["bricks"])
