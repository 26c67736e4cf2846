import pytest

from service import greeting


@pytest.mark.parametrize(("path", "name"), [("/", "world"), ("/Ada", "Ada"), ("/Ada%20L", "Ada L")])
def test_greeting(path: str, name: str) -> None:
    assert greeting(path) == f"Good morning, {name}!\n"
