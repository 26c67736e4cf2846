"""What drafts are written as is read back as the same values, and comments stay comments."""

from __future__ import annotations

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from imgc.document.document import load
from imgc.document.nodes import plain
from imgc.importing.draft import Block, Given
from imgc.importing.writer import quoted, render

ALMOST_PLAIN = st.text("-.:0789aeyonx_ /=@+,#", min_size=1, max_size=8)
TEXTS = ALMOST_PLAIN | st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.sampled_from(
    ["", "a\nb", "a\n", "a\n\nb\n", " a\nb", "a \nb", "\ta\nb", "a\r\nb", "no", "1.0", ".5", "0o7", "1_000", "2026-01-01", "1:30",
     "~", "null", "=", "<<", "-", "- a", "a: b", "a #b", "'", '"', "\\", "\u2028", "\x85", "\ufeff", "\x7f", "a:", "${HOME}"]
)  # fmt: skip
VALUES = st.recursive(
    TEXTS | st.integers(-(10**9), 10**9) | st.booleans() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def block_of(data: dict[str, Given], inline: bool, remark: str = "") -> Block:
    block = Block()
    for key, value in data.items():
        if remark:
            block.remark(remark)
        block.set(key, value, note=remark)
        written = block.get(key)
        if isinstance(written, Block):
            written.inline = inline or not any(written.entries)
    return block


def read(text: str) -> object:
    document = load("f", text)
    assert document.diagnostics == []
    return plain(document.root)


@settings(max_examples=400, deadline=None)
@given(
    st.dictionaries(st.text("ab: #", min_size=1, max_size=4), VALUES, min_size=1, max_size=4),
    st.booleans(),
    TEXTS,
)
def test_values_are_read_back(data: dict[str, Given], inline: bool, remark: str) -> None:
    data = {
        key: value for key, value in data.items() if "\0" not in repr(value) and "\\x00" not in repr(value)
    }
    text = render(block_of({**data, "end": 1}, inline, remark)).text
    assert read(text) == {**data, "end": 1}


@settings(max_examples=2000)
@given(TEXTS)
@example("... 0")
@example("...")
def test_yaml_1_1_reads_text_as_text(text: str) -> None:
    assert yaml.safe_load(quoted(text)) == text


@settings(max_examples=200)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30))
def test_quoted_text_is_read_back(text: str) -> None:
    assert read(f"a: [{quoted(text)}]\nb: {quoted(text)}\n") == {"a": [text], "b": text}


def test_half_of_a_pair_is_no_text() -> None:
    assert read(render(block_of({"a": "x\ud800"}, False)).text) == {"a": "x\ufffd"}


def test_how_it_looks() -> None:
    top = Block()
    top.remark("first\nsecond")
    top.set("version", 1)
    images = top.block("images")
    app = images.block("app")
    app.set("base", "python:3.12-slim", note="the last of its kind")
    packages = app.list("pip_packages")
    packages.add("numpy>=1.26")
    packages.add("idna")
    copies = app.list("copy")
    copies.add({"src": ["a b", "c"], "dst": "/x/"})
    app.list("commands").add("set -e\nmake")
    app.block("env")
    images.block("empty").remark("only said")
    assert (
        render(top).text
        == """\
# first
# second
version: 1

images:
  app:
    base: python:3.12-slim  # the last of its kind
    pip_packages: ["numpy>=1.26", idna]
    copy: [{src: [a b, c], dst: /x/}]
    commands:
      - |-
        set -e
        make
  # only said
"""
    )


def test_each_line_knows_its_entry() -> None:
    top = Block()
    app = top.block("images").block("app")
    app.set("base", "a:1")
    for name in ("x", "y"):
        app.list("commands").add(name + "\n" + name)
    rendered = render(top)
    lines = rendered.text.split("\n")
    place = rendered.at(lines.index("        y"))
    assert place is not None
    assert place.above is not None
    assert (place.entry.value, place.above.entry.key) == ("y\ny", "commands")
    assert rendered.at(0) is None
