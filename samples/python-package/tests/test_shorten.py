from textkit import shorten


def test_short_text_is_kept() -> None:
    assert shorten("abc", 3) == "abc"


def test_long_text_is_cut() -> None:
    assert shorten("abcdef", 4) == "abc…"
