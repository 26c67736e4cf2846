"""The pages that are made from the source are up to date, their links lead somewhere, their examples are YAML."""

from __future__ import annotations

import importlib.util
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgc.checks.structure import check
from imgc.cli.reference import flow, markdown
from imgc.diagnostics import Diagnostic
from imgc.document.document import load
from imgc.document.nodes import plain
from imgc_cli import imgc
from imgc_schema import load as schema
from tests_support import ROOT

DOCS = ROOT / "docs"


def pages() -> dict[str, str]:
    spec = importlib.util.spec_from_file_location("docs_make", DOCS / "make.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: dict[str, str] = module.pages()
    return found


@pytest.mark.parametrize("name", ["format.md", "diagnostics.md", "targets.md"])
def test_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == pages()[name], "run: python docs/make.py"


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert imgc(capsys, "schema", "--markdown").out == markdown()
    assert imgc(capsys, "schema", "plan", "--markdown").code == 2


def test_every_key_is_there() -> None:
    text = markdown()
    definitions = schema("pipeline")["$defs"]
    for owner in (schema("pipeline"), definitions["image"], definitions["node"]):
        assert all(f"### `{key}`\n" in text for key in owner["properties"])


def test_links_lead_somewhere() -> None:
    text = markdown()
    headings = {match[1].lower().replace(" ", "-") for match in re.finditer(r"^#+ (.*)$", text, re.MULTILINE)}
    anchors = set(re.findall(r'<a id="([^"]+)">', text)) | headings
    links = set(re.findall(r"\]\(#([^)]+)\)", text))
    assert links
    assert links - anchors == set()


def test_examples_are_what_they_show() -> None:
    """Each line of an example block is one key with its value, and the structure check takes it."""
    definitions = schema("pipeline")["$defs"]
    for owner, name in (
        (schema("pipeline"), ""),
        (definitions["image"], "image"),
        (definitions["node"], "node"),
    ):
        for key, value in owner["properties"].items():
            for example in value.get("examples", ()):
                root = load("f", f"{key}: {flow(example)}\n").root
                assert plain(root) == {key: example}
                found: list[Diagnostic] = []
                check(root, found.append, name)
                wrong = [one.text for one in found if one.code not in ("missing-key", "conflicting-keys")]
                assert wrong == [], (key, example)


values: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(values)
def test_a_value_on_one_line_is_read_back(value: object) -> None:
    assert plain(load("f", f"a: {flow(value)}\n").root) == {"a": value}
