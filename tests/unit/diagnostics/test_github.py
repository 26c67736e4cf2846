"""Workflow commands: one line a finding, nothing in a message can end it or add another."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from imgc.diagnostics import Diagnostic, Origin, Severity, Span
from imgc.diagnostics.github import to_github


def finding(message: str, file: str = "p.yaml", end_line: int = 1) -> Diagnostic:
    return Diagnostic("some-code", Severity.WARNING, message, Span(Origin(file), 1, 2, end_line, 7))


def test_a_finding_is_a_command_with_its_place() -> None:
    assert to_github([finding("what is wrong")]) == (
        "::warning file=p.yaml,line=2,endLine=2,title=some-code,col=3,endColumn=8::what is wrong\n"
    )


def test_columns_are_left_out_over_several_lines() -> None:
    assert "col" not in to_github([finding("m", end_line=3)])


def test_files_are_relative_to_the_workspace() -> None:
    assert "file=services/a/p.yaml," in to_github([finding("m")], "services/a")


@given(st.text(), st.text(alphabet=":,%\n\r=ab/"))
def test_no_text_can_become_another_command(message: str, file: str) -> None:
    written = to_github([finding(message, file)])
    assert written.count("\n") == 1
    match = re.fullmatch(r"::warning file=([^,]*),line=[^:]*::(.*)\n", written, re.DOTALL)
    assert match
    decode = {"%0A": "\n", "%0D": "\r", "%3A": ":", "%2C": ",", "%25": "%"}
    back = re.sub("%0A|%0D|%3A|%2C|%25", lambda code: decode[code[0]], match[2])
    assert back == message
