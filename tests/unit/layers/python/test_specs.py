"""Requirements: what nearly all of them look like is read without packaging, and must mean the same."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement

from imgc.diagnostics import Origin, Span
from imgc.layers.python.specs import (
    _SIMPLE,
    BadSpec,
    _parse_any,
    is_local,
    normalised,
    option_of,
    parse,
    split_local,
)

SPAN = Span(Origin("pipeline.yaml"), 0, 0, 0, 0)

PIECES = """numpy Zope.Interface a - _ . [dev] [a,b] == >= ~= != < > === 1 1.0 1.* .* 2.0rc1 1.0.post1 1.0+cpu
, ; @ ( ) python_version<'3'"""
pieces = st.sampled_from([*PIECES.split(), " ", "[a , b]"])


@settings(max_examples=2000, deadline=None)
@given(st.lists(pieces, max_size=8).map("".join))
def test_the_short_way_says_what_packaging_says(text):
    if not _SIMPLE.fullmatch(text.strip()):
        return
    Requirement(text.strip())
    assert parse(text, SPAN) == _parse_any(text.strip(), SPAN, "")


@pytest.mark.parametrize(
    "text", ["numpy", "numpy>=1.26", "torch==2.1.*", "requests[socks]>=2,<3", "a~=1.2", "x==1rc1"]
)
def test_usual_requirements_take_the_short_way(text):
    assert _SIMPLE.fullmatch(text)


@pytest.mark.parametrize(
    "text", ["numpy>1.0.*", "numpy<=1.*", "numpy~=1", "numpy=1", "numpy==", "-numpy", "a b", "é"]
)
def test_what_is_no_requirement_has_a_reason(text):
    found = parse(text, SPAN)
    assert isinstance(found, BadSpec)
    assert found.reason
    assert "\n" not in found.reason


def test_a_requirement_in_full():
    found = parse("Foo_Bar[B,a] >=1, <2 ; python_version < '3.9'", SPAN)
    assert not isinstance(found, BadSpec)
    assert (found.name, found.extras, found.specifier) == ("foo-bar", ("a", "b"), "<2,>=1")
    assert "python_version" in found.marker
    direct = parse("x @ https://example.com/x.whl", SPAN)
    assert not isinstance(direct, BadSpec)
    assert (direct.name, direct.url) == ("x", "https://example.com/x.whl")


def test_names_are_normalised():
    assert normalised("Foo__Bar.-baz") == "foo-bar-baz"


@pytest.mark.parametrize(
    "text", ["./x", "../x", ".", "..", ".[dev]", "/x", "./x.whl", "x-1.0-py3-none-any.whl", "dist/x.tar.gz"]
)
def test_paths(text):
    assert is_local(text)


@pytest.mark.parametrize(
    "text", ["numpy", "a.b", "x @ https://e.com/x.whl", "https://e.com/x.whl", "x; os_name=='a.whl'"]
)
def test_no_paths(text):
    assert not is_local(text)


def test_extras_of_a_path():
    assert split_local("./lib[dev]") == ("./lib", "[dev]")
    assert split_local("./dist/x.whl") == ("./dist/x.whl", "")


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("-r x.txt", "-r"),
        ("--index-url=https://x", "--index-url"),
        ("-e .", "-e"),
        ("--pre", "--pre"),
        ("numpy", None),
    ],
)
def test_options(text, option):
    assert option_of(text) == option


def test_packaging_is_not_imported_for_usual_requirements():
    script = (
        "import sys\n"
        "from imgc.diagnostics import Origin, Span\n"
        "from imgc.layers.python import requirements, conflicts\n"
        "from imgc.layers.python.specs import parse\n"
        "span = Span(Origin(''), 0, 0, 0, 0)\n"
        "specs = [parse(text, span) for text in ('numpy>=1.26', 'requests[socks]', 'six')]\n"
        "assert not conflicts.conflicts(specs)\n"
        "assert 'imgc.layers.python.files' not in sys.modules\n"
        "assert not any(name.split('.')[0] in ('packaging', 'tomllib') for name in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, env={"PYTHONPATH": ":".join(sys.path)})
