import json

from api import answer


def test_answer() -> None:
    assert json.loads(answer())["apples"] == 3
