from report import table


def test_the_dearest_is_first() -> None:
    assert table().splitlines()[2].split() == ["plums", "5"]
