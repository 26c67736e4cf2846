"""Reading a user's Dockerfile, held against the moby parser."""

from __future__ import annotations

import re

import dockerfile
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from judge import many, process_word, texts

from imgc.dockerfile.userfile import Base, UserFileError, apply_args, bases, cut_after, makes_step, read
from imgc.instructions import quoting

FILE = """\
# syntax=docker/dockerfile:1
# escape=\\
ARG VERSION=3.12 FLAVOR
FROM --platform=$BUILDPLATFORM python:${VERSION}-slim AS Build

# a comment
run apt-get update && \\
    # why
    apt-get install -y jq \\

    git
COPY <<EOF <<-'TWO' /x/
FROM not-an-instruction
EOF
\tone
\tTWO
ARG TOKEN
FROM build
WORKDIR /
CMD ["x"]
"""


def test_a_file() -> None:
    file = read(FILE)
    assert [(i.keyword, i.line, i.end_line, i.stage) for i in file.instructions] == [
        ("ARG", 3, 3, -1),
        ("FROM", 4, 4, 0),
        ("RUN", 7, 11, 0),
        ("COPY", 12, 16, 0),
        ("ARG", 17, 17, 0),
        ("FROM", 18, 18, 1),
        ("WORKDIR", 19, 19, 1),
        ("CMD", 20, 20, 1),
    ]
    assert file.instructions[2].arguments == "apt-get update &&     apt-get install -y jq     git"
    assert file.instructions[1].flags == ("--platform=$BUILDPLATFORM",)
    assert file.instructions[3].heredocs == ("EOF", "TWO")
    assert [(stage.index, stage.name, stage.reference) for stage in file.stages] == [
        (0, "build", "python:${VERSION}-slim"),
        (1, "", "build"),
    ]
    assert [(arg.name, arg.default, arg.stage) for arg in file.args] == [
        ("VERSION", "3.12", -1),
        ("FLAVOR", None, -1),
        ("TOKEN", None, 0),
    ]
    assert [makes_step(i) for i in file.instructions] == [False, True, True, True, False, True, False, False]
    assert [i.is_json for i in file.instructions] == [False] * 7 + [True]
    for item in file.instructions:
        assert FILE[item.start : item.end].count("\n") == item.end_line - item.line + 1


def test_stages_by_name_and_number() -> None:
    file = read("FROM a AS x\nFROM b AS X\nFROM c\n")
    found = [file.stage(target) for target in ("x", "X", "0", "2", "3", "y", "")]
    assert [stage and stage.index for stage in found] == [1, 1, 0, 2, None, None, None]


@pytest.mark.parametrize(
    ("text", "line"),
    [("", 1), ("# only\n", 1), ("FROM a\nRUN <<X\nY\n", 2), ("# escape=x\nFROM a\n", 1),
     ("#escape=`\n# escape = `\nFROM a", 2)],
)  # fmt: skip
def test_what_is_no_dockerfile(text: str, line: int) -> None:
    with pytest.raises(UserFileError) as caught:
        read(text)
    assert caught.value.line == line
    with pytest.raises(dockerfile.GoParseError):
        dockerfile.parse_string(text)


# Build args.


def test_args_become_defaults() -> None:
    text = 'ARG A B=1 \\\r\n  C="x y"\r\nFROM a:$A\r\n\targ  A\r\nRUN x A B\r\nONBUILD ARG A\r\n'
    assert apply_args(text, {"A": "1", "C": "p $q", "Z": "no"}) == (
        'ARG A=1 B=1 \\\r\n  C="p \\$q"\r\nFROM a:$A\r\n\targ  A=1\r\nRUN x A B\r\nONBUILD ARG A\r\n'
    )
    assert apply_args(text, {}) == text


def test_an_arg_over_several_lines() -> None:
    text = 'FROM a\nARG A="1 \\\n# gone with it\n  2" B=3\nRUN x\n'
    assert apply_args(text, {"A": "9"}) == "FROM a\nARG A=9 B=3\nRUN x\n"
    assert apply_args(text, {"B": "9"}) == text.replace("B=3", "B=9")


def test_an_arg_with_another_escape_character() -> None:
    text = "# escape=`\nFROM a\nARG A=`\n1\n"
    assert apply_args(text, {"A": 'C:\\"$'}) == '# escape=`\nFROM a\nARG A="C:\\`"`$"\n'


def test_a_value_that_arg_cannot_hold() -> None:
    with pytest.raises(ValueError):
        apply_args("FROM a\nARG A\n", {"A": "a\nRUN x"})


# Targets.


def test_cut_after() -> None:
    text = "FROM a AS x\r\nRUN <<E\r\nFROM q\r\nE\r\n\r\n# of y\r\nFROM b AS y\r\nRUN z\r\n# end\r\n"
    assert cut_after(text, "X") == "FROM a AS x\r\nRUN <<E\r\nFROM q\r\nE\r\n"
    assert cut_after(text, "0") == cut_after(text, "x")
    assert cut_after(text, "y") == text
    with pytest.raises(LookupError):
        cut_after(text, "z")


# Bases.


def test_bases() -> None:
    text = (
        "ARG V=1\nARG W=a${V}\nARG U\nFROM x:$V AS One\nFROM one\nFROM x:${W:-b}-${U:-c}\nFROM $U\n"
        "FROM scratch\nFROM x:${TARGETARCH}\nARG V=5\nFROM x:${V#1}\n"
    )
    unknown, first, scratch = (None, None), (None, 0), ("scratch", None)
    found = [(base.reference, base.stage) for base in bases(read(text), {})]
    assert found == [("x:1", None), first, unknown, unknown, scratch, unknown, unknown]
    found = [(base.reference, base.stage) for base in bases(read(text), {"V": "2", "U": "one"})]
    assert found == [("x:2", None), first, ("x:a2-one", None), first, scratch, unknown, unknown]
    assert bases(read("FROM a\nFROM b"), {})[1] == Base("b", None, "b", 2)


# The moby parser reads it the same way.

FRAGMENTS = (
    "RUN ", "run ", "FROM a", "FROM a AS b\n", "COPY ", "ARG A=1", 'ARG A="x y" B', "ENV ", "ONBUILD ",
    "\n", "\n", "\n", "\r\n", "\\\n", "\\\n", "\\ \n", "\\", "`\n", "#", "# c\n", "  # c\n", " ", "  ", "\t",
    "<<EOF", "<<EOF\n", "<<-E\n", "EOF\n", "\tE\n", "E\n", "<<'EOF'\n", "1<<E\n", "<", '"', "'",
    "$", "${A}", "${A:-b}", "a", "b", "[", '["a"]', '["a","b"]', "--x=1 ", "--mount=a", "-- ",
    "# escape=`\n", "# syntax=x\n", "#escape = \\\n", "é", "\u00a0", "\ufeff",
)  # fmt: skip
files = st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=14).map("".join) | st.builds(
    "FROM x\n{}".format, st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=14).map("".join)
)

# Where the parser of the package (BuildKit 0.12) and that of today differ: blanks behind `<<`, what follows a
# JSON array. Flags it reads byte by byte, so that other than ASCII is mangled.
OTHER_VERSION = re.compile(r"<<-?(\\\s*\n|[ \t])|\](?s:.)*<<|--(?s:.)*[^\x00-\x7f]")


@many
@given(files)
def test_instructions_are_those_of_moby(text: str) -> None:
    assume(not OTHER_VERSION.search(text))
    try:
        wanted = dockerfile.parse_string(text)
    except dockerfile.GoParseError:
        return
    file = read(text)
    assert [(i.keyword, i.line, i.end_line, i.flags) for i in file.instructions] == [
        ((c.cmd or "").upper(), c.start_line, c.end_line, c.flags) for c in wanted
    ]
    for found, command in zip(file.instructions, wanted, strict=True):
        if found.keyword != "ONBUILD":
            assert found.heredocs == tuple(heredoc.name for heredoc in command.heredocs)
        if not command.heredocs:
            assert found.text == (command.original or "")


@many
@given(files, texts)
def test_only_args_are_changed(text: str, value: str) -> None:
    assume(not OTHER_VERSION.search(text))
    assume(quoting.line_problem(value) is None)
    try:
        before = dockerfile.parse_string(text)
    except dockerfile.GoParseError:
        return
    escape = read(text).escape
    after = dockerfile.parse_string(apply_args(text, {"A": value}))
    assert len(after) == len(before)
    for old, new in zip(before, after, strict=True):
        if (old.cmd or "").upper() != "ARG":
            assert (new.cmd, new.value, new.flags, new.heredocs) == (
                old.cmd,
                old.value,
                old.flags,
                old.heredocs,
            )
            continue
        assert len(new.value) == len(old.value)
        for old_word, new_word in zip(old.value, new.value, strict=True):
            name, _, default = new_word.partition("=")
            if old_word.partition("=")[0] != "A":
                assert new_word == old_word
            elif escape == "\\":
                assert (name, process_word(default)) == ("A", value)


@many
@given(files)
def test_cutting_keeps_what_is_before(text: str) -> None:
    try:
        file = read(text)
    except UserFileError:
        return
    for stage in file.stages:
        cut = cut_after(text, str(stage.index))
        assert text.startswith(cut)
        kept = tuple(i for i in file.instructions if i.stage <= stage.index)
        assert [(i.text, i.line) for i in read(cut).instructions] == [(i.text, i.line) for i in kept]
