from figures import best


def test_the_largest_is_first() -> None:
    assert best("eu", 2) == [("Ghent", 31), ("Porto", 25)]


def test_a_limit_past_the_end() -> None:
    assert len(best("us", 99)) == 2
