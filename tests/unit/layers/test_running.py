"""How an image runs: user, workdir, and what is written last."""

from __future__ import annotations

from dataclasses import replace

import dockerfile
import pytest

from code_layers import DEBIAN, NO_SHELL, NOT_ROOT, UNKNOWN, Kit, fixed, hadolint
from imgc.diagnostics import Diagnostic
from imgc.instructions.types import (
    Cmd,
    Copy,
    Entrypoint,
    Expose,
    Healthcheck,
    Label,
    Shell,
    StopSignal,
    Workdir,
)
from imgc.layers.recipe import Recipe
from imgc.layers.users import ensure_user, make

ALL = """
user: app
workdir: /srv/app
entrypoint: [python, -m, 8]
cmd: ["a b", '$HOME', "\\n", true]
labels: {b.c: 2.10, a: 'x "y" $z'}
expose: [8080, 53/udp, 8000-8010/tcp, 8080]
healthcheck: {cmd: [curl, -f, localhost], interval: 1m30s, timeout: 500µs, start_period: 5s, retries: 3}
stop_signal: SIGINT
runtime_env: {MODE: prod}
shell: [/bin/bash, -ec]
"""


def test_all_of_it(kit: Kit) -> None:
    text = kit.dockerfile(ALL.replace("500µs", "5000µs"))
    assert text == (
        "FROM python:3.11-slim AS app\n"
        "RUN echo app:x:10001: >>/etc/group && \\\n"
        "    echo app:x:10001:10001::/home/app:/bin/sh >>/etc/passwd && \\\n"
        "    mkdir -p /home/app && \\\n"
        "    chown 10001:10001 /home/app && \\\n"
        "    mkdir -p /srv/app && \\\n"
        "    chown 10001:10001 /srv/app\n"
        "WORKDIR /srv/app\n"
        "USER 10001:10001\n"
        "ENV MODE=prod\n"
        "EXPOSE 8080 53/udp 8000-8010/tcp\n"
        "STOPSIGNAL SIGINT\n"
        'HEALTHCHECK --interval=90s --timeout=0.005s --start-period=5s --retries=3 CMD ["curl", "-f", "localhost"]\n'
        'SHELL ["/bin/bash", "-ec"]\n'
        'ENTRYPOINT ["python", "-m", "8"]\n'
        'CMD ["a b", "$HOME", "\\n", "true"]\n'
        'LABEL a="x \\"y\\" \\$z" \\\n'
        "    b.c=2.10\n"
    )
    assert hadolint(text, kit.folder) == ""
    assert len(dockerfile.parse_string(text)) == 12


def test_nothing_is_added_that_nobody_asked_for(kit: Kit) -> None:
    assert kit.image("{}") == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("entrypoint: []", Entrypoint(())),
        ("cmd: []", Cmd(())),
        ("cmd: [1.10, null-x]", Cmd(("1.10", "null-x"))),
        ("expose: ['080']", Expose(("080",))),
        ("stop_signal: 9", StopSignal("9")),
        ("stop_signal: '15'", StopSignal("15")),
        ("stop_signal: TERM", StopSignal("TERM")),
        ("stop_signal: SIGRTMIN+3", StopSignal("SIGRTMIN+3")),
        ("shell: [sh, -c]", Shell(("sh", "-c"))),
        ("labels: {b: 1, a: ''}", Label((("a", ""), ("b", "1")))),
        ("healthcheck: {cmd: [x], timeout: 0}", Healthcheck(("x",), (("timeout", "0s"),))),
        ("healthcheck: {cmd: [x], interval: 1.5h}", Healthcheck(("x",), (("interval", "1.5h"),))),
    ],
)
def test_values(kit: Kit, source: str, expected: object) -> None:
    assert kit.image(source) == [expected]
    assert kit.codes == []


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            "expose: [8080, 0, 65536, 9-7, '70000/udp']",
            [("bad-port", 1, 16), ("bad-port", 1, 19), ("bad-port", 1, 26), ("bad-port", 1, 31)],
        ),
        ("stop_signal: SIGTREM", [("bad-signal", 1, 14)]),
        ("stop_signal: 65", [("bad-signal", 1, 14)]),
        ("stop_signal: SIGRTMIN+16", [("bad-signal", 1, 14)]),
        ("healthcheck: {cmd: [x], interval: 10us}", [("bad-duration", 1, 35)]),
        ("healthcheck: {cmd: [x], interval: 9999999h}", [("bad-duration", 1, 35)]),
        ("healthcheck: {cmd: [x], retries: 3000000000}", [("bad-retries", 1, 34)]),
        ("healthcheck: {cmd: ['', x]}", [("empty-command", 1, 21)]),
        ('cmd: [a, "b\\0"]', [("unwritable-value", 1, 10)]),
        ("entrypoint: ['']", [("empty-command", 1, 14)]),
        ('labels: {a: "b\\nc"}', [("newline-in-value", 1, 13)]),
        ('labels: {a: "b\\0c"}', [("unwritable-value", 1, 13)]),
        ('labels: {"a=b": c}', [("bad-label", 1, 10)]),
        ("workdir: app", [("relative-workdir", 1, 10)]),
        ("user: 4294967295", [("bad-user", 1, 7)]),
        ("user: 'a:99999999999'", [("bad-user", 1, 7)]),
        # What the schema has refused already is not said twice.
        ("{expose: [x, 1.5, true], stop_signal: [x], healthcheck: {interval: 1}, cmd: x, labels: [a]}", []),
        ("{user: a b, shell: x, workdir: 5, entrypoint: [{a: b}], runtime_env: x}", []),
        ("healthcheck: {cmd: [x], interval: soon, retries: 0}", []),
    ],
)
def test_what_is_said(kit: Kit, source: str, said: list[tuple[str, int, int]]) -> None:
    kit.image(source)
    assert kit.said == said


def test_fixes(kit: Kit) -> None:
    for source, expected in (
        ("stop_signal: SIGTREM", "stop_signal: SIGTERM"),
        ("workdir: app", "workdir: /app"),
        ("workdir: 'a b'", "workdir: '/a b'"),
    ):
        kit.image(source)
        assert fixed(source, kit.findings[0]) == expected
        kit.image(expected)
        assert kit.codes == []


# WORKDIR


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("workdir: /a/../b//c/.", ["WORKDIR /b/c"]),
        ("workdir: //a", ["WORKDIR /a"]),
        ("workdir: '/a $b'", ['WORKDIR "/a \\$b"']),
        (
            "layers:\n- workdir: /a\n- workdir: b\n- workdir: /a/b\nworkdir: /c",
            ["WORKDIR /a", "WORKDIR /a/b", "WORKDIR /c"],
        ),
    ],
)
def test_workdir(kit: Kit, source: str, expected: list[str]) -> None:
    assert kit.dockerfile(source).splitlines()[1:] == expected


def test_a_workdir_that_the_parent_has_is_not_said_again(kit: Kit) -> None:
    assert kit.image("workdir: /w", workdir="/w") == []
    assert kit.dockerfile("workdir: x", workdir="/w").splitlines()[1:] == ["WORKDIR /w/x"]


def test_a_workdir_with_a_newline(kit: Kit) -> None:
    kit.image('layers:\n- workdir: "/a\\nb"')
    assert kit.said == [("newline-in-value", 2, 12)]


# USER


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("user: 1000", ["USER 1000"]),
        ("user: '1000:2000'", ["USER 1000:2000"]),
        ("user: root", []),
        ("user: nobody", ["USER 65534:65534"]),
        (
            "user: '1000'\nworkdir: /w",
            ["RUN mkdir -p /w && \\", "    chown 1000:1000 /w", "WORKDIR /w", "USER 1000"],
        ),
        ("user: 1000\nworkdir: /tmp", ["WORKDIR /tmp", "USER 1000"]),
        ("user: root\nworkdir: /w", ["WORKDIR /w"]),
    ],
)
def test_users_that_need_nothing(kit: Kit, source: str, expected: list[str]) -> None:
    assert kit.dockerfile(source).splitlines()[1:] == expected


def test_root_on_a_base_that_is_not(kit: Kit) -> None:
    kit.facts = NOT_ROOT
    assert kit.dockerfile("user: root").splitlines()[1:] == ["USER root"]
    assert kit.dockerfile("cmd: [x]", user="root").splitlines()[1:] == ["USER node", 'CMD ["x"]']


def test_on_an_unknown_base_the_build_looks(kit: Kit) -> None:
    kit.facts, kit.base = UNKNOWN, "acme/base:1"
    text = kit.dockerfile("user: app.x")
    lines = [line.strip() for line in text.replace("\\\n", "").replace("     ", " ").splitlines()]
    assert [" ".join(line.split()) for line in lines[1:]] == [
        "RUN { grep -q '^app[.]x:' /etc/passwd || { { grep -q '^app[.]x:' /etc/group || "
        "echo app.x:x:10001: >>/etc/group; } && echo app.x:x:10001:10001::/home/app.x:/bin/sh >>/etc/passwd && "
        "mkdir -p /home/app.x && chown 10001:10001 /home/app.x; }; }",
        "USER app.x",
    ]
    assert hadolint(text.replace("USER app.x\n", ""), kit.folder) == ""


def test_a_group_of_its_own_name(kit: Kit) -> None:
    text = kit.dockerfile("user: app:staff")
    assert "{ grep -q '^staff:' /etc/group || echo staff:x:10001: >>/etc/group; } && \\\n" in text
    assert text.endswith("USER app:staff\n")
    assert kit.dockerfile("user: app:50").endswith("USER 10001:50\n")


@pytest.mark.parametrize("before", ["commands: [useradd app]", "system_packages: [postgresql]"])
def test_after_steps_that_may_make_users_the_build_looks(kit: Kit, before: str) -> None:
    assert kit.dockerfile(f"{before}\nuser: app").endswith("USER app\n")


def test_ensured_before_them_the_ids_are_known() -> None:
    recipe = Recipe("app", "python:3.11-slim", DEBIAN, lambda _: None, owner="app")
    ensure_user(recipe)
    assert recipe.owner == "10001:10001"
    assert len(recipe.steps) == 1
    ensure_user(recipe)
    assert len(recipe.steps) == 1


def test_users_of_the_lock() -> None:
    facts = replace(UNKNOWN, users=(("root", "0:0"), ("node", "1000:1001")))
    recipe = Recipe("app", "acme/base:1", facts, lambda _: None)
    assert make(recipe, "node", "user", None) == "1000:1001"
    assert recipe.steps == []
    assert make(recipe, "node:5", "user", None) == "1000:5"
    assert make(recipe, "app", "user", None) == "10001:10001"
    assert len(recipe.steps) == 1


def test_what_the_parent_made_is_known_on_top_of_it() -> None:
    parent = Recipe("base", "python:3.11-slim", DEBIAN, lambda _: None, owner="app")
    ensure_user(parent)
    child = Recipe("app", "parent", DEBIAN, lambda _: None, owner="app", notes=dict(parent.notes))
    ensure_user(child)
    assert (child.owner, child.steps) == ("10001:10001", [])
    other = Recipe("app", "parent", DEBIAN, lambda _: None, owner="other", notes=dict(parent.notes))
    ensure_user(other)
    assert (other.owner, len(other.steps)) == ("other", 1)
    assert parent.notes["users"] == {"app": "10001:10001"}


def test_without_a_shell_no_user_can_be_made(kit: Kit) -> None:
    kit.facts = NO_SHELL
    kit.image("user: app")
    assert kit.said == [("base-without-shell", 1, 7)]
    assert kit.dockerfile("user: 65532\nworkdir: /w").splitlines()[1:] == ["WORKDIR /w", "USER 65532"]


def test_it_is_said_once_although_code_needs_the_user_first(kit: Kit) -> None:
    kit.facts = NO_SHELL
    kit.files("src/a.py")
    kit.image("user: app\ncopy_dir: src")
    assert kit.said == [("base-without-shell", 1, 7)]


def test_generated_runs_become_root_again() -> None:
    findings: list[Diagnostic] = []
    recipe = Recipe(
        "app", "acme/base:1", replace(NOT_ROOT, users=()), findings.append, user="node", owner="app"
    )
    ensure_user(recipe, "/app")
    recipe.become("")
    assert [type(step.instruction).__name__ for step in recipe.steps] == ["User", "Run", "User"]


def test_a_user_that_is_none_is_not_written(kit: Kit) -> None:
    kit.files("a")
    kit.image("user: a b\ncopy_dir: .")
    assert [step.instruction for step in kit.recipe.steps[1:]] == [Workdir("/app"), Copy((".",), "./")]
