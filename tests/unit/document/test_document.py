"""Documents: values, places, islands, limits, errors in plain words."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgc.document.document import load
from imgc.document.islands import LARGE
from imgc.document.nodes import Mapping, Scalar, plain


def findings(text: str) -> list[tuple[str, int, int]]:
    return [(d.code, d.span.place.line, d.span.place.column) for d in load("p.yaml", text).diagnostics]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 3.10", 3.1), ("a: 012", 12), ("a: 0o17", 15), ("a: 0x1F", 31), ("a: no", "no"), ("a: on", "on"),
        ("a: 12:30:45", "12:30:45"), ("a: 2024-01-01", "2024-01-01"), ("a: ~", None), ("a:", None), ("a: TRUE", True),
        ("a: 1e3", 1000.0), ("a: .5", 0.5), ("a: +1", 1), ("a: '1'", "1"), ("a: !!str 1", "1"),
        ("a: 1_000", "1_000"), ("a: .inf", float("inf")), ("a: " + "9" * 200, "9" * 200), ("a: |\n  x\n  y", "x\ny"),
        ("a: >-\n  x\n  y", "x y"), ("a: \u2028x", "\u2028x"), ("a: \u0085", "\u0085"),
    ],
)  # fmt: skip
def test_values_are_those_of_yaml_1_2(text: str, value: object) -> None:
    document = load("p.yaml", text)
    assert plain(document.root) == {"a": value}


def test_a_text_of_several_lines_ends_alike_wherever_it_stands() -> None:
    text = "a: |\n  x\nb:\n  c: |\n    y\nd: |-\n  z\ne: |+\n  w\n\nf: |\n  v\n"
    assert plain(load("p.yaml", text).root) == {
        "a": "x\n",
        "b": {"c": "y\n"},
        "d": "z",
        "e": "w\n\n",
        "f": "v\n",
    }


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("", "empty-file", 1, 1),
        ("# only a comment\n", "empty-file", 1, 1),
        ("a: 1\nb: 'x\nc: 2\n", "yaml-syntax", 2, 4),
        ("a: {x: 1\nb: 2\n", "yaml-syntax", 1, 4),
        ("a: b: c\n", "yaml-syntax", 1, 4),
        ("a: 1\n\tb: 2\n", "yaml-tab", 2, 1),
        ("a: @x\n", "yaml-syntax", 1, 4),
        ("- a\n", "yaml-syntax", 1, 1),
        ("word\n", "yaml-syntax", 1, 1),
        ("a: 1\n---\nb: 2\n", "several-documents", 2, 1),
        ("a: 1\n...\nb: 2\n", "several-documents", 2, 1),
        ("a: 1\na: 2\n", "duplicate-key", 2, 1),
        ("a: {b: 1, b: 2}\n", "duplicate-key", 1, 11),
        ("a: *x\n", "unknown-anchor", 1, 4),
        ("a: &x [*x]\n", "unknown-anchor", 1, 8),
        ("a: !!python/object:os.system x\n", "yaml-tag", 1, 4),
        ("a: !include x\n", "yaml-tag", 1, 4),
        ("a: x\x00y\n", "yaml-character", 1, 5),
        ("a: \ud800\n", "yaml-character", 1, 4),
        ("a: {[x]: 1}\n", "yaml-key", 1, 5),
        ("a: 1\n<<: 3\n", "yaml-merge", 2, 5),
        ("<<<<<<< HEAD\na: 1\n=======\n>>>>>>> x\n", "merge-conflict", 1, 1),
        ("%TAG ! x\n---\na: 1\n", "yaml-directive", 1, 1),
        ("a: {b: ${{ params.x }}}\n", "yaml-syntax", 1, 8),
    ],
)
def test_every_mistake_has_its_place(text: str, code: str, line: int, column: int) -> None:
    assert (code, line, column) in findings(text)


def test_a_broken_entry_leaves_the_others_alone() -> None:
    document = load(
        "p.yaml",
        "version: 1\nimages:\n  a: {base: x:1\n  b: {base: y:1}\n  c:\n    run: 'open\npipeline: {run: z}\n",
    )
    assert plain(document.root) == {
        "version": 1,
        "images": {"a": {}, "b": {"base": "y:1"}, "c": {"run": {}}},
        "pipeline": {"run": "z"},
    }
    assert [d.span.place.line for d in document.diagnostics] == [3, 6]
    images = document.root.get("images")
    assert isinstance(images, Mapping)
    broken = images.get("a")
    assert isinstance(broken, Mapping)
    assert broken.broken


def test_a_quote_may_reach_over_lines_that_look_like_entries() -> None:
    document = load("p.yaml", 'a: "one\ntwo: three"\nb: {x: 1,\ny: 2}\nc: 3\n')
    assert not document.diagnostics
    assert plain(document.root) == {"a": "one two: three", "b": {"x": 1, "y": 2}, "c": 3}


def test_anchors_reach_over_islands() -> None:
    text = "x: &base {image: a, cpu: 1}\ny:\n" + "".join(
        f"  k{n}: {{<<: *base, n: {n}}}\n" for n in range(LARGE * 2)
    )
    document = load("p.yaml", text)
    assert not document.diagnostics
    values = plain(document.root.get("y"))  # type: ignore[arg-type]
    assert values == {f"k{n}": {"image": "a", "cpu": 1, "n": n} for n in range(LARGE * 2)}


def test_billion_laughs_is_refused_at_once() -> None:
    text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30)
    )
    started = time.process_time()
    assert "alias-expansion" in {code for code, _, _ in findings(text)}
    assert time.process_time() - started < 1


def test_depth_and_size_are_bounded() -> None:
    assert findings("a: " + "[" * 200_000) == [("too-deep", 1, 103)]
    assert findings("a: " + "x" * (10 * 1024 * 1024)) == [("too-large", 1, 1)]
    deep = "".join(f"{' ' * n}k:\n" for n in range(400))
    assert "too-deep" in {code for code, _, _ in findings(deep)}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(end: str) -> None:
    document = load("p.yaml", end.join(["a: 1 # x\u2028y", "b: 2\f", "c: 'x"]))
    assert [(d.span.place.line, d.span.place.column) for d in document.diagnostics][-1] == (3, 4)


def test_a_bom_is_not_part_of_the_text() -> None:
    document = load("p.yaml", "\ufeffa: 1\n")
    assert not document.diagnostics
    assert document.root.entries[0].key.span.place.column == 1


texts = st.text(
    alphabet=st.sampled_from("ab: -{}[]'\"#&*!|>\n\t,?%@`<=~\r\u2028é\U0001f600\x00$"), max_size=60
)


@given(texts)
@settings(max_examples=500, deadline=None)
def test_any_text_gives_a_document(text: str) -> None:
    document = load("p.yaml", text)
    lines = len(document.lines)
    for diagnostic in document.diagnostics:
        assert 0 <= diagnostic.span.start[0] < max(lines, 1)
        assert diagnostic.span.start <= diagnostic.span.end
    plain(document.root)


@given(st.binary(max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_bytes_give_a_document(data: bytes) -> None:
    load("p.yaml", data.decode("utf-8", "replace"))


entry = st.builds(
    lambda name, body: f"{name}:\n" + "".join(f"  k{n}: {value}\n" for n, value in enumerate(body)),
    st.sampled_from(["a", "b", "c", "d"]),
    st.lists(st.sampled_from(["1", "x", "{p: q}", "[1, 2]", "'open", "b: c", ""]), max_size=6),
)


@given(st.lists(entry, max_size=5), st.lists(entry, max_size=5))
@settings(max_examples=200, deadline=None)
def test_kept_islands_give_what_a_fresh_reading_gives(before: list[str], after: list[str]) -> None:
    old = load("p.yaml", "".join(before))
    again = load("p.yaml", "".join(after), old)
    fresh = load("p.yaml", "".join(after))
    assert plain(again.root) == plain(fresh.root)
    assert [(d.code, d.span.start, d.span.end, d.message) for d in again.diagnostics] == [
        (d.code, d.span.start, d.span.end, d.message) for d in fresh.diagnostics
    ]


def test_kept_islands_move_with_the_text_above() -> None:
    first = load("p.yaml", "a: 1\nb: {c: 'x'}\n")
    moved = load("p.yaml", "a: 1\n\n# more\nb: {c: 'x'}\n", first)
    value = moved.root.get("b")
    assert value is first.root.get("b")
    assert isinstance(value, Mapping)
    inner = value.get("c")
    assert isinstance(inner, Scalar)
    assert inner.span.place.line == 4
