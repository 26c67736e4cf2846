"""Requirements that exclude each other: said only when it is certain."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from imgc.diagnostics import Origin, Severity, Span
from imgc.layers.python.conflicts import conflicts, unsatisfiable
from imgc.layers.python.specs import BadSpec, Spec, parse

ORIGIN = Origin("pipeline.yaml")


def spec(text: str, line: int = 0, where: str = "") -> Spec:
    found = parse(text, Span(ORIGIN, line, 0, line, len(text)), where)
    assert not isinstance(found, BadSpec)
    return found


def codes(*texts: str) -> list[str]:
    return [finding.code for finding in conflicts([spec(text, line) for line, text in enumerate(texts)])]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("numpy==1", "numpy==2"),
        ("numpy==1.5", "numpy>=2"),
        ("numpy>=2", "NumPy<2"),
        ("numpy>1.5", "numpy==1.5"),
        ("numpy==1.4.*", "numpy==1.5.1"),
        ("numpy~=1.4.2", "numpy>=1.5"),
        ("numpy==1.5", "numpy!=1.5"),
        ("numpy<2", "numpy>=2.0a0"),
        ("a.b_c<1", "A-B-C>=1"),
        ("torch==2.1+cpu", "torch==2.1+cu121"),
        ("x==1; python_version<'3.9'", "x==2; python_version<'3.9'"),
        ("x @ https://example.com/a.whl", "x @ https://example.com/b.whl"),
    ],
)
def test_exclusive_requirements_are_an_error_at_the_later(first, second):
    (finding,) = conflicts([spec(first, 3), spec(second, 7)])
    assert (finding.code, finding.severity) == ("conflicting-requirements", Severity.ERROR)
    assert (finding.span.line, finding.related[0].span.line) == (7, 3)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("numpy>=1", "numpy<3"),
        ("numpy>=1.5", "numpy==1.5"),
        ("numpy==1.5", "numpy==1.5.0"),
        ("numpy==1.5", "numpy==1.5+cpu"),
        ("numpy>1.5", "numpy<1.5.1"),
        ("numpy>1.5", "numpy<1.5.0.1"),
        ("numpy>1,<2", "numpy>1.9999"),
        ("numpy~=1.4", "numpy>=1.99"),
        ("numpy===1.5", "numpy==2"),
        ("numpy", "numpy==2"),
        ("numpy==1; python_version<'3.9'", "numpy==2; python_version>='3.9'"),
        ("numpy==1", "numpy==2; python_version>='3.9'"),
        ("numpy @ https://example.com/a.whl", "numpy==2"),
        ("requests[socks]", "requests"),
    ],
)
def test_what_may_hold_together_is_no_finding(first, second):
    assert codes(first, second) == []


def test_the_same_twice_is_a_hint_with_a_fix():
    removal = Span(ORIGIN, 4, 0, 5, 0)
    second = Spec("Requests >= 2", Span(ORIGIN, 4, 2, 4, 15), "requests", specifier=">=2", removal=removal)
    (finding,) = conflicts([spec("requests>=2", 1), second])
    assert (finding.code, finding.severity) == ("duplicate-requirement", Severity.HINT)
    assert finding.fixes[0].edits[0].span is removal


def test_one_hint_is_enough():
    assert codes("six", "six", "six") == ["duplicate-requirement"] * 2
    assert codes("six==1", "six==2", "six==1") == ["conflicting-requirements"] * 2


def test_a_file_that_repeats_a_requirement_is_left_alone():
    assert conflicts([spec("six", 1), spec("six", 2, where="base.txt:4")]) == []


def test_the_place_in_a_file_is_named():
    (finding,) = conflicts([spec("six==1", 1, where="base.txt:4"), spec("six==2", 2)])
    assert "'six==1' (base.txt:4)" in finding.message


numbers = st.lists(st.integers(0, 3), min_size=1, max_size=3).map(lambda parts: ".".join(map(str, parts)))
versions = st.builds(
    lambda release, suffix: release + suffix,
    numbers,
    st.sampled_from(["", "", "", "a1", "rc1", ".dev1", ".post0", ".post1", "a1.dev0", "rc1.post1"]),
)
clauses = st.one_of(
    st.builds(
        lambda op, version: op + version, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), versions
    ),
    st.builds(lambda op, version: f"{op}{version}.*", st.sampled_from(["==", "!="]), numbers),
    st.builds(lambda first, rest: f"~={first}.{rest}", st.integers(0, 3), numbers),
)
specifier_sets = st.lists(clauses, min_size=1, max_size=4).map(lambda found: SpecifierSet(",".join(found)))


@settings(max_examples=1500, deadline=None)
@given(specifier_sets)
def test_agrees_with_newer_packaging(specifiers):
    ask = getattr(specifiers, "is_unsatisfiable", None)
    if ask is None:
        pytest.skip("this version of packaging cannot say")
    assert unsatisfiable(specifiers) == ask()


@settings(max_examples=300, deadline=None)
@given(specifier_sets, st.lists(versions, min_size=20, max_size=20))
def test_no_version_fulfils_what_is_called_unsatisfiable(specifiers, candidates):
    if unsatisfiable(specifiers):
        assert not [v for v in candidates if specifiers.contains(Version(v), prereleases=True)]
