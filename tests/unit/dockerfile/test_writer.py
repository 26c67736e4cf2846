"""The written Dockerfile: its layout, its map of lines, and that any value comes back from it."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judge import descriptions, many, parse, process_word, texts

from imgc.diagnostics import Origin, Span
from imgc.dockerfile.writer import Written, write
from imgc.instructions import quoting
from imgc.instructions.types import (
    Arg,
    Cmd,
    Command,
    Copy,
    Entrypoint,
    Env,
    Expose,
    From,
    Healthcheck,
    Instruction,
    Label,
    Mount,
    Run,
    Shell,
    Stage,
    Step,
    StopSignal,
    User,
    Verbatim,
    Workdir,
)

ORIGIN = Origin("/home/me/project/pipeline.yaml")


def at(line: int) -> Span:
    """A key on a 1-based line of the YAML file."""
    return Span(ORIGIN, line - 1, 4, line - 1, 8)


def steps(*instructions: Instruction) -> tuple[Step, ...]:
    return (Step(From("base", "x")), *(Step(instruction) for instruction in instructions))


def written(*instructions: Instruction) -> str:
    """The text of some instructions behind `FROM base AS x`."""
    text = write([Stage("x", steps(*instructions))], image="x", file="p.yaml").text
    return text.removeprefix("FROM base AS x\n")


APT = (
    Mount("cache", (("target", "/var/cache/apt"), ("sharing", "locked"))),
    Mount("cache", (("target", "/var/lib/apt"), ("sharing", "locked"))),
)
INSTALL = "apt-get install -y --no-install-recommends"
PIP = Mount("cache", (("target", "/root/.cache/pip"),))

EXAMPLE = [
    Stage(
        "uv",
        (
            Step(From("python:3.12-slim", "uv")),
            Step(Run(("python -m pip install uv==0.5.1",), (PIP,)), "pip_packages", at(9), "uv, used below"),
        ),
    ),
    Stage(
        "etl",
        (
            Step(From("python:3.12-slim", "etl"), "base", at(4)),
            Step(Env((("LANG", "C.UTF-8"), ("GREETING", "Hello, $USER"))), "env", at(5)),
            Step(
                Run(("apt-get update", "apt-get install -y --no-install-recommends jq"), APT),
                "apt_packages",
                at(8),
            ),
            Step(
                Run(
                    (f"uv pip install --system {quoting.words('numpy>=1.26')}",),
                    (
                        Mount("bind", (("from", "uv"), ("source", "/usr/bin/uv"), ("target", "/bin/uv"))),
                        Mount("cache", (("target", "/root/.cache/uv"),)),
                    ),
                ),
                "pip_packages",
                at(9),
            ),
            Step(Workdir("/app"), "copy_dir", at(10)),
            Step(Copy(("src",), "./", "1000:1000"), "copy_dir", at(10)),
            Step(Copy(("a b", "x*"), "/app/"), "copy", at(11)),
            Step(Command("make && make install"), "commands", at(13)),
            Step(Command("set -x\nif true; then\n  echo 'hi'\nfi\n"), "commands", at(14)),
            Step(Label((("org.example.team", "data"), ("a b", "c"))), "labels", at(15)),
            Step(Expose(("8080", "53/udp")), "expose", at(16)),
            Step(
                Healthcheck(("curl", "-f", "http://x"), (("interval", "30s"), ("start_period", "5s"))),
                "healthcheck",
                at(17),
            ),
            Step(StopSignal("SIGINT"), "stop_signal", at(18)),
            Step(User("1000:1000"), "user", at(19)),
            Step(Entrypoint(("python",)), "entrypoint", at(20)),
            Step(Cmd(("-m", "etl")), "cmd", at(21)),
        ),
    ),
]

EXPECTED = r"""FROM python:3.12-slim AS uv
# etl: pipeline.yaml:9 pip_packages (uv, used below)
RUN --mount=type=cache,target=/root/.cache/pip python -m pip install uv==0.5.1

# etl pipeline.yaml:4 base
FROM python:3.12-slim AS etl
# etl: pipeline.yaml:5 env
ENV LANG=C.UTF-8 \
    GREETING="Hello, \$USER"
# etl: pipeline.yaml:8 apt_packages
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt,sharing=locked \
    apt-get update && \
    apt-get install -y --no-install-recommends jq
# etl: pipeline.yaml:9 pip_packages
RUN --mount=type=bind,from=uv,source=/usr/bin/uv,target=/bin/uv \
    --mount=type=cache,target=/root/.cache/uv \
    uv pip install --system 'numpy>=1.26'
# etl: pipeline.yaml:10 copy_dir
WORKDIR /app
COPY --chown=1000:1000 src ./
# etl: pipeline.yaml:11 copy
COPY ["a b", "x[\\\\*]", "/app/"]
# etl: pipeline.yaml:13 commands
RUN make && make install
# etl: pipeline.yaml:14 commands
RUN ["/bin/sh", "-ec", "\
set -x\n\
if true; then\n\
  echo 'hi'\n\
fi\n"]
# etl: pipeline.yaml:15 labels
LABEL org.example.team=data \
    "a b"=c
# etl: pipeline.yaml:16 expose
EXPOSE 8080 53/udp
# etl: pipeline.yaml:17 healthcheck
HEALTHCHECK --interval=30s --start-period=5s CMD ["curl", "-f", "http://x"]
# etl: pipeline.yaml:18 stop_signal
STOPSIGNAL SIGINT
# etl: pipeline.yaml:19 user
USER 1000:1000
# etl: pipeline.yaml:20 entrypoint
ENTRYPOINT ["python"]
# etl: pipeline.yaml:21 cmd
CMD ["-m", "etl"]
"""


def example() -> Written:
    return write(EXAMPLE, image="etl", file="pipeline.yaml")


# Layout.


def test_a_whole_dockerfile() -> None:
    assert example().text == EXPECTED


def test_the_lines_are_those_of_the_text() -> None:
    result = example()
    found = parse(result.text)
    assert [line.instruction for line in result.lines] == [item.keyword for item in found]
    assert [(line.line, line.end_line) for line in result.lines] == [item.lines for item in found]
    assert [(line.stage, line.step) for line in result.lines if line.step] == [
        ("uv", 1), ("uv", 2),
        ("etl", 1), ("etl", 2), ("etl", 3), ("etl", 4), ("etl", 5), ("etl", 6), ("etl", 7), ("etl", 8),
    ]  # fmt: skip
    assert result.lines[3].key == "env"
    assert result.lines[3].span is EXAMPLE[1].steps[1].span


def test_steps_that_build_nothing_do_not_count() -> None:
    stages = [
        Stage("a", (Step(From("scratch", "a")), Step(Copy(("x",), "/")))),
        Stage("b", (Step(From("a", "b")), Step(Workdir("/")), Step(Copy(("x",), "/y")))),
    ]
    lines = write(stages, image="b", file="p.yaml").lines
    assert [(line.instruction, line.step) for line in lines] == [
        ("FROM", None), ("COPY", 1), ("FROM", None), ("WORKDIR", None), ("COPY", 1),
    ]  # fmt: skip


def test_one_mount_stands_beside_one_short_clause() -> None:
    cache = Mount("cache", (("target", "/c"),))
    assert written(Run(("a",), (cache,))) == "RUN --mount=type=cache,target=/c a\n"
    assert written(Run(("a", "b"), (cache,))) == "RUN --mount=type=cache,target=/c \\\n    a && \\\n    b\n"
    long = "x" * 100
    assert written(Run((long,), (cache,))) == f"RUN --mount=type=cache,target=/c \\\n    {long}\n"
    script = written(Command("a\nb", (cache,)))
    assert script == 'RUN --mount=type=cache,target=/c ["/bin/sh", "-ec", "\\\na\\n\\\nb"]\n'


def test_a_long_list_of_packages_stands_one_a_line() -> None:
    packages = [f"package-{number:02}" for number in range(12)]
    clause = f"{INSTALL} " + quoting.words(*packages, "a>1")
    text = written(Run(("apt-get update", clause)))
    head = "RUN apt-get update && \\\n    apt-get install -y --no-install-recommends \\\n        "
    assert text == head + " \\\n        ".join([*packages, "'a>1'"]) + "\n"
    assert written(Run(("apt-get install -y a b",))) == "RUN apt-get install -y a b\n"


def test_a_value_stays_with_its_option() -> None:
    clause = "pip install -r /tmp/requirements.txt " + quoting.words(*(f"package-{n}" for n in range(12)))
    assert written(Run((clause,))).startswith(
        "RUN pip install -r /tmp/requirements.txt \\\n        package-0 \\"
    )


def test_other_long_clauses_are_filled() -> None:
    clause = "if true; then " + " # ; ".join(f"echo 'number {number}'" for number in range(20)) + "; fi"
    text = written(Run((clause,)))
    assert all(len(line) <= 112 for line in text.split("\n"))
    assert text.count("\n") < 10
    assert not any(line.lstrip().startswith("#") for line in text.split("\n"))
    (found,) = parse(text)
    assert " ".join(str(found.value).split()) == clause


def test_what_is_not_plainly_words_stays_on_its_line() -> None:
    for clause in (
        f'echo "$(cat "a  b" {"x" * 100})"',
        f"echo `a` {'x ' * 60}end",
        f"echo a  b {'x ' * 60}end",
    ):
        assert written(Run((clause,))) == f"RUN {clause}\n"


def test_a_clause_may_have_lines_of_its_own() -> None:
    text = written(Run(("case $ID in\n  debian) apt ;;\nesac", "end")))
    assert text == "RUN case $ID in \\\n      debian) apt ;; \\\n    esac && \\\n    end\n"


def test_a_users_own_command_is_never_broken() -> None:
    text = "echo " + "word " * 60 + "end"
    assert written(Command(text)) == f"RUN {text}\n"


def test_a_long_copy_stands_one_path_a_line() -> None:
    sources = tuple(f"a folder/file-{number}.txt" for number in range(6))
    assert written(Copy(sources, "/app/")) == (
        "COPY \\\n    [" + "".join(f'"{source}", \\\n    ' for source in sources) + '"/app/"]\n'
    )


def test_env_is_split_where_a_value_needs_an_earlier_one() -> None:
    text = written(Env((("A", "1"), ("B", "${A}"), ("C", "${A}${PATH}"), ("D", "${C}")), expand=True))
    assert text == 'ENV A=1\nENV B="${A}" \\\n    C="${A}${PATH}"\nENV D="${C}"\n'
    assert written(Env((("A", "1"), ("A", "${A}")))) == 'ENV A=1 \\\n    A="\\${A}"\n'


def test_nothing_to_say_is_not_said() -> None:
    stage = (Step(From("base", "x")), Step(Env(()), "env", at(3)), Step(Label(()), "labels", at(4)))
    assert write([Stage("x", stage)], image="x", file="p").text == "FROM base AS x\n"


def test_an_empty_entrypoint_takes_away_the_bases() -> None:
    assert written(Entrypoint(()), Cmd(())) == "ENTRYPOINT []\nCMD []\n"


def test_the_shell_in_force_is_followed() -> None:
    bash = ("/bin/bash", "-c")
    first = Stage("a", (Step(From("base", "a")), Step(Shell(bash)), Step(Command("x", shell=bash))))
    second = Stage("b", (Step(From("a", "b")), Step(Command("y", shell=bash)), Step(Command("z"))))
    third = Stage("c", (Step(From("base", "c")), Step(Command("z"))))
    text = write([first, second, third], image="b", file="p").text
    assert [line for line in text.split("\n") if line.startswith("RUN")] == [
        "RUN x", "RUN y", 'RUN ["/bin/sh", "-ec", "z"]', "RUN z",
    ]  # fmt: skip


# Comments.


def test_steps_of_one_key_share_a_comment() -> None:
    stage = (
        Step(From("base", "x"), "base", at(2)),
        Step(User("root"), "user"),
        Step(Workdir("/a"), "copy", at(3)),
        Step(User("1"), "user"),
        Step(Workdir("/b"), "copy", at(3)),
        Step(Workdir("/c"), "copy", at(4)),
        Step(Workdir("/d"), "copy", at(4), "why"),
        Step(Workdir("/e"), note="needed by all"),
    )
    assert write([Stage("x", stage)], image="x", file="p.yaml").text.split("\n") == [
        "# x p.yaml:2 base", "FROM base AS x",
        "USER root",
        "# x: p.yaml:3 copy", "WORKDIR /a", "USER 1", "WORKDIR /b",
        "# x: p.yaml:4 copy", "WORKDIR /c",
        "# x: p.yaml:4 copy (why)", "WORKDIR /d",
        "# x: needed by all", "WORKDIR /e", "",
    ]  # fmt: skip


@given(texts, texts, texts)
def test_a_comment_never_becomes_more(file: str, key: str, note: str) -> None:
    for image in ("escape", "syntax", "check", "hadolint"):
        stage = (
            Step(From("base", image), key, at(1), note),
            Step(Arg("A"), key, at(2), note),
            Step(Arg("B"), key, at(2), note),
            Step(Workdir("/a"), key, at(3), note),
        )
        result = write([Stage(image, stage)], image=image, file=file)
        found = parse(result.text)
        assert [item.keyword for item in found] == ["FROM", "ARG", "ARG", "WORKDIR"]
        assert [item.lines for item in found] == [(line.line, line.end_line) for line in result.lines]
        assert "\\\n" not in result.text or result.text.count("\n") == 7
        assert all(name == first for name, first in descriptions(result.text))
        assert not any(line.replace(" ", "").startswith(f"#{image}=") for line in result.text.split("\n"))


# What cannot be written is refused.


@pytest.mark.parametrize(
    "instruction",
    [
        From("a b", "x"),
        From("a\nRUN x", "x"),
        From("a", "X"),
        From("a", "scratch"),
        Arg("A B"),
        Arg("A", "x\ny"),
        Env((("A=B", "x"),)),
        Env((("A", "x\ny"),)),
        Env((("A", "${B"),), expand=True),
        Label((("a=b", "x"),)),
        Label((("a", "x\ny"),)),
        Copy((), "/a"),
        Copy(("a",), ""),
        Copy(("a",), "b", chown="a b"),
        Copy(("a",), "b", stage="a\nRUN x"),
        Workdir("/a\nRUN x"),
        User("a\nRUN x"),
        Expose(("80 81",)),
        Healthcheck((), ()),
        Healthcheck(("a",), (("interval", "3 s"),)),
        StopSignal("A B"),
        Shell(()),
        Cmd(("\0",)),
        Command("\0"),
        Command("x" * 70_000),
        Run(()),
        Run(("a\n\nb",)),
        Run(("a\n# b",)),
        Run(("a \\\nb",)),
        Run(("# a",)),
        Run(("--mount=x",)),
        Run(('["a"]',)),
        Run(("cat <<EOF",)),
        Run(("a \\",)),
        Run(("",)),
        Run(("a",), (Mount("bind", (("source", "a b"),)),)),
        Verbatim("RUN <<EOF\n"),
    ],
)
def test_refused(instruction: Instruction) -> None:
    with pytest.raises(ValueError):
        written(instruction)


# Any value in any field.

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True) | texts
small = st.lists(texts, max_size=3).map(tuple)
pairs = st.lists(st.tuples(names, texts), max_size=3, unique_by=lambda pair: pair[0]).map(tuple)
kinds = st.sampled_from(["cache", "bind", "secret", "ssh"])
options = st.lists(st.tuples(st.sampled_from(["target", "source", "id"]), texts), max_size=2).map(tuple)
mounts = st.lists(st.builds(Mount, kinds, options), max_size=3).map(tuple)

instructions: st.SearchStrategy[Instruction] = st.one_of(
    st.builds(Arg, names, st.none() | texts),
    st.builds(Env, pairs, st.booleans()),
    st.builds(Run, st.lists(small.map(lambda t: _clause(t)), min_size=1, max_size=3).map(tuple), mounts),
    st.builds(Command, texts, mounts),
    st.builds(Copy, small, texts, texts, texts),
    st.builds(Workdir, texts),
    st.builds(User, texts),
    st.builds(Label, pairs),
    st.builds(Expose, st.lists(st.sampled_from(["80", "53/udp"]) | texts, max_size=2).map(tuple)),
    st.builds(Healthcheck, small, st.lists(st.tuples(st.just("interval"), texts), max_size=1).map(tuple)),
    st.builds(StopSignal, texts),
    st.builds(Shell, small),
    st.builds(Entrypoint, small),
    st.builds(Cmd, small),
)  # fmt: skip


def _clause(words: tuple[str, ...]) -> str:
    """A clause of a generated RUN as layers make it; a word that cannot be in it is left out."""
    return quoting.words("echo", *(word for word in words if quoting.line_problem(word) is None))


def _problem(instruction: Instruction) -> object:
    """What the functions that layers ask say of an instruction."""
    found: list[object] = []
    match instruction:
        case Arg(name, value):
            found = [quoting.name_problem(name), value is not None and quoting.line_problem(value)]
        case Env(variables, expand):
            found = [quoting.name_problem(name) or quoting.env_problem(v, expand) for name, v in variables]
        case Label(labels):
            found = [quoting.label_key_problem(key) or quoting.line_problem(value) for key, value in labels]
        case Run(_, mounts):
            found = _mount_problems(mounts)
        case Command(text, mounts, shell):
            found = [quoting.command_problem(text, shell), *_mount_problems(mounts)]
        case Copy(sources, destination, chown, stage):
            flags = [quoting.flag_problem(value) for value in (chown, stage) if value]
            found = [not sources, *flags, *map(quoting.path_problem, (*sources, destination))]
        case Workdir(value) | User(value):
            found = [quoting.line_problem(value)]
        case Expose(ports):
            found = [*map(quoting.port_problem, ports)]
        case Healthcheck(argv, flags_written):
            found = [quoting.argv_problem(argv), *(quoting.flag_problem(v) for _, v in flags_written)]
        case StopSignal(signal):
            found = [quoting.signal_problem(signal)]
        case Entrypoint(()) | Cmd(()):
            found = []
        case Shell(argv) | Entrypoint(argv) | Cmd(argv):
            found = [quoting.argv_problem(argv)]
    return next(filter(None, found), None)


def _mount_problems(mounts: tuple[Mount, ...]) -> list[object]:
    return [quoting.flag_problem(value) for mount in mounts for _, value in mount.options]


def _decoded(instruction: Instruction) -> tuple[str, object]:
    """Keyword and value as `judge.parse` gives them."""
    match instruction:
        case Arg(name, value):
            return "ARG", ((name, value),)
        case Label(labels):
            return "LABEL", labels
        case Run(clauses, _):
            return "RUN", " && ".join(clauses)
        case Copy(sources, destination, _, _):
            return "COPY", (sources, destination.removeprefix("./"))
        case Workdir(value):
            return "WORKDIR", value
        case User(value):
            return "USER", value
        case Expose(ports):
            return "EXPOSE", ports
        case Healthcheck(argv, _):
            return "HEALTHCHECK", ("CMD", *argv)
        case StopSignal(signal):
            return "STOPSIGNAL", signal
        case Shell(argv) | Entrypoint(argv) | Cmd(argv):
            return type(instruction).__name__.upper(), argv
    raise AssertionError(instruction)


@many
@given(st.lists(instructions, min_size=1, max_size=5), texts, texts)
def test_any_value_in_any_field_comes_back(drawn: list[Instruction], key: str, note: str) -> None:
    good = []
    for instruction in drawn:
        if _problem(instruction):
            with pytest.raises(ValueError):
                written(instruction)
        elif not (isinstance(instruction, Copy) and any(s.startswith("./") for s in instruction.sources)):
            good.append(instruction)
    stage = (Step(From("base", "x")), *(Step(item, key, at(3 + n), note) for n, item in enumerate(good)))
    result = write([Stage("x", stage)], image="x", file="p.yaml")
    assert result == write([Stage("x", stage)], image="x", file="p.yaml")
    found = parse(result.text)
    assert [(line.instruction, (line.line, line.end_line)) for line in result.lines] == [
        (item.keyword, item.lines) for item in found
    ]
    assert found.pop(0).value == ("base", "AS", "x")
    shell: tuple[str, ...] = ()
    for instruction in good:
        if isinstance(instruction, Env):
            env: dict[str, str] = {}
            wanted: dict[str, str] = {}
            for name, value in instruction.variables:
                wanted[name] = _replaced(value, wanted) if instruction.expand else value
            while len(wanted) > len(env):
                item = found.pop(0)
                assert item.keyword == "ENV"
                # BuildKit evaluates all values of one ENV before it sets any of them.
                env |= {n: process_word(w, env) for n, w in zip(item.raw[::2], item.raw[1::2], strict=True)}
            assert env == wanted
            continue
        if isinstance(instruction, Label | Expose) and not _decoded(instruction)[1]:
            continue
        item = found.pop(0)
        if isinstance(instruction, Command):
            plain = instruction.text.strip(" \t\n")
            script = " " + instruction.text if instruction.text.startswith(("-", "+")) else instruction.text
            assert item.value == ("/bin/sh", "-ec", script) or (item.value == plain and shell == ())
        elif isinstance(instruction, Run):
            assert item.keyword == "RUN"
            wanted_words = [word for clause in instruction.clauses for word in ("&&", *shlex.split(clause))]
            assert shlex.split(str(item.value)) == wanted_words[1:]
        else:
            assert (item.keyword, item.value) == _decoded(instruction)
        if isinstance(instruction, Run | Command):
            assert len(item.flags) == len(instruction.mounts)
        if isinstance(instruction, Shell):
            shell = instruction.argv
    assert found == []


def _replaced(value: str, env: dict[str, str]) -> str:
    parts = quoting.env_parts(value)
    assert not isinstance(parts, quoting.BadReference)
    return "".join(env.get(p.name, "") if isinstance(p, quoting.Variable) else p.text for p in parts)


# Verbatim.


def test_a_users_dockerfile_is_left_as_it_is() -> None:
    text = "# escape=`\r\nARG V=1\r\nFROM a:$V as b\r\nRUN x `\r\n  y\r\nFROM b\r\nWORKDIR /\r\nCOPY . ."
    stage = Stage("x", (Step(Verbatim(text), "dockerfile", at(7)),))
    result = write([stage], image="x", file="p.yaml")
    assert result.text == text + "\n"
    assert [(i.line, i.end_line, i.stage, i.instruction, i.step) for i in result.lines] == [
        (2, 2, "", "ARG", None),
        (3, 3, "b", "FROM", 1),
        (4, 5, "b", "RUN", 2),
        (6, 6, "stage-1", "FROM", None),
        (7, 7, "stage-1", "WORKDIR", None),
        (8, 8, "stage-1", "COPY", 1),
    ]
    assert {line.key for line in result.lines} == {"dockerfile"}


# Clean, and fast.


def _everything() -> list[list[Stage]]:
    plain: list[Callable[[], Instruction]] = [
        lambda: Arg("VERSION", "a b"),
        lambda: Env((("A", 'x "y" $z'), ("B", "${A}")), True),
        lambda: Run(("echo 'a b'", "true"), APT),
        lambda: Run(("echo " + quoting.words(*(f"'{n}' $x {{}}" for n in range(12))),)),
        lambda: Command("[ -f /x ] || true"),
        lambda: Command('for f in *; do\n  echo "$f"\n# why\ndone\n', APT[:1]),
        lambda: Workdir("/my app"),
        lambda: Copy(("a b*", "c[1]"), "./"),
        lambda: Copy(("/bin/x",), "/bin/x", stage="other"),
        lambda: Label((("org.example.x", '"$y"\\'),)),
        lambda: Shell(("/bin/bash", "-o", "pipefail", "-c")),
    ]
    other = Stage("other", (Step(From("debian:12-slim", "other"), "base", at(3), "throw-away"),))
    stages = []
    for number, make in enumerate(plain):
        stage = (
            Step(From("debian:12-slim", "x"), "base", at(3)),
            Step(Workdir("/srv")),
            Step(make(), f"key_{number}", at(4 + number)),
        )
        stages.append([other, Stage("x", stage)])
    return [EXAMPLE, *stages]


def test_hadolint_is_content(tmp_path: Path) -> None:
    files = []
    for number, stages in enumerate(_everything()):
        files.append(tmp_path / f"{number}.Dockerfile")
        files[-1].write_text(write(stages, image="x", file="pipeline.yaml").text, newline="")
    hadolint = Path(sys.executable).with_name("hadolint")
    # DL3008, DL3013: "pin the version", where the user gave none. DL3048: the user's own key of a label.
    ignored = [argument for code in ("DL3008", "DL3013", "DL3048") for argument in ("--ignore", code)]
    done = subprocess.run([hadolint, "--no-color", *ignored, *files], capture_output=True, text=True)
    found = [line for line in done.stdout.splitlines() if not _is_users(line)]
    assert (found, done.stderr) == ([], "")


def _is_users(finding: str) -> bool:
    """Findings of ShellCheck in the commands that this test made up."""
    return " SC" in finding


def test_rule_invalid_definition_description() -> None:
    for stages in _everything():
        for name, first in descriptions(write(stages, image="x", file="pipeline.yaml").text):
            assert name == first


def test_a_thousand_dockerfiles() -> None:
    """Takes 115 ms of CPU where this was written; the bound is for slow machines."""
    stages = [Stage("etl", EXAMPLE[1].steps[:10])]
    begin = time.process_time()
    for _ in range(1000):
        write(stages, image="etl", file="pipeline.yaml")
    assert time.process_time() - begin < 1.0
