"""No value gets through, however the stream is cut."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgc_engine.masking import MASK, Mask, MaskedStream


def through_stream(mask: Mask, pieces: list[bytes]) -> bytes:
    stream = MaskedStream(mask)
    return b"".join([*(stream.feed(piece) for piece in pieces), stream.close()])


def test_a_value_is_hidden_in_its_usual_disguises() -> None:
    mask = Mask([b"pa$$ w/rd\n"])
    shown = [
        "pa$$ w/rd",
        "x pa$$ w/rd y",
        "https://u:pa%24%24%20w%2Frd@host",
        base64.b64encode(b"pa$$ w/rd").decode(),
        base64.b64encode(b"pa$$ w/rd\n").decode(),
    ]
    for text in shown:
        assert MASK in mask.text(text)
        assert "w/rd" not in mask.text(text)
        assert "cGEkJCB3" not in mask.text(text)


def test_each_line_of_a_long_value_is_hidden_but_not_a_brace() -> None:
    mask = Mask([b'{\n  "key": "abcdef"\n}\n'])
    assert mask.text('  "key": "abcdef"') == "  ***"
    assert mask.text("{ }") == "{ }"


def test_nothing_is_masked_where_nothing_is_secret() -> None:
    for values in ([], [b""], [b" \n"]):
        assert Mask(values).text("as it is ") == "as it is "
        assert through_stream(Mask(values), [b"as ", b"it is"]) == b"as it is"


def test_a_value_that_begins_another_does_not_show_the_others_rest() -> None:
    mask = Mask([b"abc", b"abcdef"])
    assert through_stream(mask, [b"xabc", b"def-"]) == b"x***-"
    assert through_stream(mask, [b"xabc", b"-"]) == b"x***-"


def test_a_value_whose_end_begins_another_is_not_cut() -> None:
    mask = Mask([b"XYab", b"abcd"])
    assert through_stream(mask, [b"XYab", b"!"]) == b"***!"


SMALL = st.binary(min_size=1, max_size=6).map(lambda data: bytes(b"ab-"[byte % 3] for byte in data))


@given(st.lists(SMALL, min_size=1, max_size=3), st.lists(SMALL, max_size=12))
def test_cutting_changes_nothing(values: list[bytes], pieces: list[bytes]) -> None:
    mask = Mask(values)
    assert through_stream(mask, pieces) == mask.data(b"".join(pieces))


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_what_is_held_back_is_bounded(size: int) -> None:
    mask = Mask([b"s" * size + b"!"])
    stream = MaskedStream(mask)
    given_out = sum(len(stream.feed(b"s" * 1000)) for _ in range(50))
    assert given_out >= 50_000 - 2 * mask.longest
