"""Quoting: what is written, what is refused, and that every value comes back."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judge import many, parse, process_word, texts

from imgc.instructions import quoting
from imgc.instructions.quoting import BadReference, Literal, Variable

# Words in quotes.


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("", '""'),
        ("copy", "copy"),
        ("/usr/bin:/bin", "/usr/bin:/bin"),
        ("a b", '"a b"'),
        ("--flag", '"--flag"'),
        ('say "hi"', '"say \\"hi\\""'),
        ("C:\\x", '"C:\\\\x"'),
        ("$HOME", '"\\$HOME"'),
        ("'", '"\'"'),
        ("`id`", '"`id`"'),
        (" edge ", '" edge "'),
        ("é", '"é"'),
    ],
)
def test_literal(value: str, text: str) -> None:
    assert quoting.literal(value) == text


def test_another_escape_character() -> None:
    assert quoting.literal('a`"$\\', escape="`") == '"a```"`$\\"'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("/opt/bin:${PATH}", '"/opt/bin:${PATH}"'),
        ("$$5", '"\\$5"'),
        ("$HOME", '"\\$HOME"'),
        ("$${A}", '"\\${A}"'),
        ('${A}"', '"${A}\\""'),
        ("${A}\\", '"${A}"\\\\""'),
        ("plain", "plain"),
    ],
)
def test_env_value_with_variables(value: str, text: str) -> None:
    assert quoting.env_value(value, expand=True) == text


@pytest.mark.parametrize("value", ["a\nb", "\0", "\ud800", "x" * 70_000])
def test_a_value_that_no_line_can_hold(value: str) -> None:
    assert quoting.line_problem(value)
    with pytest.raises(ValueError, match="the value"):
        quoting.literal(value)


@many
@given(texts)
def test_a_literal_comes_back(value: str) -> None:
    if quoting.line_problem(value):
        with pytest.raises(ValueError):
            quoting.literal(value)
        return
    word = quoting.literal(value)
    for keyword in ("WORKDIR", "USER"):
        (found,) = parse(f"{keyword} {word}\n")
        assert found.value == value
    (found,) = parse(f"ENV A={word}\n")
    assert found.value == (("A", value),)
    (found,) = parse(f"ARG A={word}\n")
    assert found.value == (("A", value),)


@many
@given(texts, texts)
def test_a_label_comes_back(key: str, value: str) -> None:
    if quoting.label_key_problem(key) or quoting.line_problem(value):
        return
    (found,) = parse(f"LABEL {quoting.literal(key)}={quoting.literal(value)}\n")
    assert found.value == ((key, value),)


# Variables.


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ("", ()),
        ("a", (Literal("a"),)),
        ("${A}", (Variable("A", 0, 4),)),
        ("x${A}y${B_1}", (Literal("x"), Variable("A", 1, 5), Literal("y"), Variable("B_1", 6, 12))),
        ("$$", (Literal("$"),)),
        ("a$$b$c", (Literal("a$b$c"),)),
        ("$${A}", (Literal("${A}"),)),
        ("$$${A}", (Literal("$"), Variable("A", 2, 6))),
        ("$", (Literal("$"),)),
        ("$A$", (Literal("$A$"),)),
        ("$ {A}", (Literal("$ {A}"),)),
    ],
)
def test_env_parts(value: str, parts: tuple[object, ...]) -> None:
    assert quoting.env_parts(value) == parts


@pytest.mark.parametrize(
    ("value", "offset", "word"),
    [
        ("a${", 1, "no '}'"),
        ("${A", 0, "no '}'"),
        ("x ${A:-b} ${C}", 2, "'${A:-b}'"),
        ("${}", 0, "'${}'"),
        ("${1}", 0, "'${1}'"),
        ("${A}${ B }", 4, "'${ B }'"),
        ("${é}", 0, "'${é}'"),
    ],
)
def test_a_bad_reference(value: str, offset: int, word: str) -> None:
    found = quoting.env_parts(value)
    assert isinstance(found, BadReference)
    assert found.offset == offset
    assert word in found.reason
    assert quoting.env_problem(value, expand=True)
    assert quoting.env_problem(value) is None
    with pytest.raises(ValueError):
        quoting.env_value(value, expand=True)


def test_bare_variables() -> None:
    assert quoting.bare_variables("$A $$B ${C} x$D_1-$ $5") == (Variable("A", 0, 2), Variable("D_1", 13, 17))


@many
@given(texts)
def test_variables_are_replaced_and_nothing_else(value: str) -> None:
    parts = quoting.env_parts(value)
    if isinstance(parts, BadReference):
        assert value[parts.offset :].startswith("${")
        return
    if quoting.line_problem(value):
        return
    env = {part.name: f"<{part.name}>" for part in parts if isinstance(part, Variable)}
    assert process_word(quoting.env_value(value, expand=True), env) == "".join(
        f"<{part.name}>" if isinstance(part, Variable) else part.text for part in parts
    )
    for part in parts:
        if isinstance(part, Variable):
            assert value[part.start : part.end] == f"${{{part.name}}}"


# Exec form.


def test_exec_form() -> None:
    assert quoting.exec_form(["python", "-c", 'print("é")']) == '["python", "-c", "print(\\"é\\")"]'


def test_a_script_is_written_line_by_line() -> None:
    assert quoting.exec_form(["sh", "-ec", "# why\nset -x\n\n  # note\nif a; then\n\tb\nfi\n"]) == (
        '["sh", "-ec", "# why\\n\\\nset -x\\n\\\n\\n  # note\\n\\\nif a; then\\n\\\n\\tb\\n\\\nfi\\n"]'
    )
    assert quoting.exec_form(["one\n"]) == '["one\\n"]'


@many
@given(st.lists(texts, max_size=4))
def test_an_exec_form_comes_back(argv: list[str]) -> None:
    if quoting.argv_problem(argv):
        with pytest.raises(ValueError):
            quoting.exec_form(argv)
        return
    for keyword in ("RUN", "CMD", "ENTRYPOINT", "SHELL"):
        (found,) = parse(f"{keyword} {quoting.exec_form(argv)}\n")
        assert found.value == tuple(argv)


def test_a_long_script_fits_where_a_long_line_does_not() -> None:
    assert quoting.command_problem("echo a\n" * 20_000) is None
    assert "too" not in (quoting.command_problem("x" * 60_000) or "")
    assert quoting.command_problem("x" * 70_000)
    assert quoting.command_problem('"' * 40_000) is None  # as it is
    assert quoting.command_problem('"\r' * 20_000)  # in the exec form


# Words of generated commands.


@many
@given(st.lists(texts, min_size=1, max_size=4))
def test_shell_words_come_back(argv: list[str]) -> None:
    if any(quoting.line_problem(word) for word in argv):
        with pytest.raises(ValueError):
            quoting.words(*argv)
        return
    clause = quoting.words("echo", *argv)
    (found,) = parse(f"RUN {clause} && \\\n    {clause}\n")
    assert shlex.split(str(found.value)) == ["echo", *argv, "&&", "echo", *argv]


# Users' commands.


@pytest.mark.parametrize(
    "text",
    [
        "make",
        "make && make install",
        "echo $HOME '$x' \"y\" `id` ; true | cat",
        "[ -f x ] && y",
        "[[ -f x ]] || true",
        "echo a\\\\b",
        "echo é",
        "printf '%s' \"a # b\"",
        "FROM x",
    ],
)
def test_a_plain_command_is_written_as_it_is(text: str) -> None:
    assert quoting.user_command(text) == text


@pytest.mark.parametrize(
    "text",
    [
        '["make"]',
        '["make"] && true',
        "[]",
        "cat <<EOF",
        "cat << EOF\nx\nEOF",
        "a\nb",
        "a \\\nb",
        "echo \\",
        "echo \\\\",
        "echo \\ ",
        "# nothing",
        "echo a\rb",
        "",
        "  ",
        "\u00a0make",
        "make\u2028",
    ],
)
def test_a_trap_is_avoided(text: str) -> None:
    assert quoting.user_command(text).startswith('["/bin/sh", "-ec", "')
    (found,) = parse(f"RUN {quoting.user_command(text)}\n")
    assert found.value == ("/bin/sh", "-ec", text)


@pytest.mark.parametrize("text", ["--mount=type=secret,id=x cat", "--network=none true", "-- x", "-x", "+x"])
def test_a_command_is_no_option(text: str) -> None:
    """Neither of RUN nor of the shell, which would look for them behind `-ec`."""
    assert quoting.user_command(text) == f'["/bin/sh", "-ec", " {text}"]'
    assert quoting.user_command(text, ("python3", "-c")) == f'["python3", "-c", "{text}"]'


def test_blanks_around_a_command_are_left_out() -> None:
    assert quoting.user_command(" make all\n") == "make all"
    assert quoting.user_command("x = 1\n", ("python3", "-c"), ("python3", "-c")).startswith("[")


def test_the_shell_in_force() -> None:
    bash = ("/bin/bash", "-o", "pipefail", "-c")
    assert quoting.user_command("make", bash) == '["/bin/bash", "-o", "pipefail", "-c", "make"]'
    assert quoting.user_command("make", bash, in_force=bash) == "make"
    assert quoting.user_command("make", in_force=bash) == '["/bin/sh", "-ec", "make"]'


@many
@given(texts, st.booleans())
def test_a_command_comes_back(text: str, mounts: bool) -> None:
    if quoting.command_problem(text):
        with pytest.raises(ValueError):
            quoting.user_command(text)
        return
    before = "--mount=type=ssh \\\n    --mount=type=cache,target=/x \\\n    " if mounts else ""
    first, second = parse(f"RUN {before}{quoting.user_command(text)}\nRUN end\n")
    script = " " + text if text.startswith(("-", "+")) else text
    assert first.value in (("/bin/sh", "-ec", script), text.strip(" \t\n"))
    assert len(first.flags) == 2 * mounts
    assert second.value == "end"


# COPY.


def copy(sources: Sequence[str], destination: str) -> str:
    return " ".join(quoting.copy_words(sources, destination))


@pytest.mark.parametrize(
    ("sources", "destination", "text"),
    [
        (["src"], "/app", "src /app"),
        (["a", "b.txt"], "./", "a b.txt ./"),
        (["."], ".", ". ."),
        (["my file"], "/my dir/", '["my file", "/my dir/"]'),
        (["report (1).pdf"], "/", '["report (1).pdf", "/"]'),
        (["arr[0].txt"], "/", r'["arr[\\\\[]0].txt", "/"]'),
        (["a*b"], "/", r'["a[\\\\*]b", "/"]'),
        (["a\\b"], "/", r'["a[\\\\\\\\]b", "/"]'),
        (["$x"], "/", r'["\\$x", "/"]'),
        (["!x"], "/", '["[!]x", "/"]'),
        (["<<EOF"], "<<EOF", '["./<<EOF", "./<<EOF"]'),
        (["a:b"], "/", "./a:b /"),
        (["--from=x"], "/", '["--from=x", "/"]'),
        (["'q'"], '/"q"', r"""["\\'q\\'", "/\\\"q\\\""]"""),
    ],
)
def test_copy_words(sources: list[str], destination: str, text: str) -> None:
    assert copy(sources, destination) == text


@many
@given(st.lists(texts, min_size=1, max_size=3), texts)
def test_paths_come_back(sources: list[str], destination: str) -> None:
    if any(map(quoting.path_problem, (*sources, destination))):
        with pytest.raises(ValueError):
            quoting.copy_words(sources, destination)
        return
    sources = [source for source in sources if not source.startswith("./")] or ["x"]
    (found,) = parse(f"COPY {copy(sources, destination)}\n")
    assert found.value == (tuple(sources), destination.removeprefix("./"))


# Names and the rest.


@pytest.mark.parametrize("value", ["type=cache", "/var/cache/apt", "1000:1000", "~/x", "uv@sha256:ab"])
def test_mount_safe(value: str) -> None:
    assert quoting.is_mount_safe(value)
    assert quoting.flag_problem(value) is None


@pytest.mark.parametrize("value", ["", "a b", "a,b", "é", '"', "$x", "a\n", "a\\"])
def test_not_mount_safe(value: str) -> None:
    assert not quoting.is_mount_safe(value)
    assert quoting.flag_problem(value)


@pytest.mark.parametrize(
    ("problem", "good", "bad"),
    [
        (quoting.name_problem, ["A", "_a1", "discovery.type", "a-b"], ["", "1A", "A B", "A=", "A\n", "é"]),
        (quoting.label_key_problem, ["a", "a b", "é", '"'], ["", "a=b", "a\nb", "\0"]),
        (quoting.reference_problem, ["a", "ghcr.io:5000/a/b:1@sha256:0"], ["", "a b", "$A", "-a", "a\n"]),
        (quoting.stage_problem, ["a", "a-b_c.d"], ["", "1a", "A", "a b", "scratch", "context", "a\n"]),
        (quoting.port_problem, ["80", "80-90/tcp", "53/udp"], ["", "80/TCP", "127.0.0.1:80", "$P", "80\n"]),
        (quoting.signal_problem, ["SIGTERM", "INT", "9", "SIGRTMIN+3"], ["", "a b", "0", "SIGNO", "9\n"]),
        (quoting.path_problem, ["a", "é", "a\tb", '"'], ["", "a\nb", "\r", "\0", "x" * 5000, "\x7f"]),
    ],
)
def test_problems(problem: object, good: list[str], bad: list[str]) -> None:
    assert callable(problem)
    assert [value for value in good if problem(value)] == []
    assert [value for value in bad if not problem(value)] == []


def test_stage_name() -> None:
    assert quoting.stage_name("etl") == "etl"
    assert quoting.stage_name("3d") == "image-3d"
    assert quoting.stage_name("scratch") == "image-scratch"


def test_a_comment_is_one_line() -> None:
    assert quoting.comment("a\nb\u2028c\ud800\x1b é") == "a\\nb\\u2028c\\ud800\\x1b é"
