"""`commands`, and the secrets and SSH agents that they get."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from code_layers import NO_SHELL, NOT_ROOT, Kit, fixed
from imgc.diagnostics import Origin, Severity, Span
from imgc.document.document import load
from imgc.document.nodes import Sequence
from imgc.instructions.types import Command, Mount, User
from imgc.layers.secrets import exports, mounts
from imgc.layers.yaml_text import reads_as
from imgc.model.image import SecretUse

SPAN = Span(Origin("pipeline.yaml"), 0, 0, 0, 1)


def test_each_is_a_run_at_its_own_place(kit: Kit) -> None:
    kit.image("commands:\n- make\n- make install")
    steps = kit.recipe.steps[1:]
    assert [step.instruction for step in steps] == [Command("make"), Command("make install")]
    assert [(step.key, str(step.span.place)) for step in steps if step.span] == [
        ("commands", "pipeline.yaml:2:3"),
        ("commands", "pipeline.yaml:3:3"),
    ]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("commands: [RUN echo hi]", [("run-prefix", 1, 12)]),
        ("commands:\n- run  tests\n- Run\tx", [("run-prefix", 2, 3), ("run-prefix", 3, 3)]),
        ("commands: ['  RUN x', RUN]", [("run-prefix", 1, 12), ("run-prefix", 1, 23)]),
        ("commands: [runme, running x, 'RUN=1 x']", []),
        ("commands:\n- |\n  RUN x\n  y", [("run-prefix", 2, 3)]),
        ("commands: [COPY a b]", [("dockerfile-instruction", 1, 12)]),
        ("commands: ['ENV A=b', x]", [("dockerfile-instruction", 1, 12)]),
        ("commands: [copy a b, COPYX a, FOO bar, COPY]", []),
        ("commands: ['--mount=type=ssh git clone x']", [("run-flag", 1, 12)]),
        ("commands: [' ', '', '\t']", [("empty-command", 1, 12), ("empty-command", 1, 21)]),
        ('commands: ["a\\0b"]', [("unwritable-value", 1, 12)]),
        ("commands: [1, null, [a], {b: c}]", []),
        ("commands: make", []),
    ],
)
def test_what_is_said(kit: Kit, source: str, said: list[tuple[str, int, int]]) -> None:
    kit.image(source)
    assert kit.said == said
    errors = [finding for finding in kit.findings if finding.severity is Severity.ERROR]
    assert all("RUN" in finding.text for finding in errors if finding.code == "run-prefix")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("commands: [RUN echo hi]", "commands: [echo hi]"),
        ("commands: ['RUN  echo ''hi''', x]", "commands: ['echo ''hi''', x]"),
        ('commands: ["run x"] # RUN', 'commands: ["x"] # RUN'),
        ("commands:\n  - RUN make\n  - x", "commands:\n  - make\n  - x"),
        ('commands: [RUN "a b" c]', "commands: ['\"a b\" c']"),
        ("commands:\n- RUN - x", "commands:\n- '- x'"),
        ("commands:\n- RUN 5", "commands:\n- '5'"),
        ("commands:\n- RUN &a", "commands:\n- '&a'"),
        ("commands:\n- RUN a, [b]", "commands:\n- a, [b]"),
    ],
)
def test_the_fix_of_run(kit: Kit, source: str, expected: str) -> None:
    kit.image(source)
    assert fixed(source, kit.findings[0]) == expected
    before = [item.text for item in load("", source).root.get("commands").items]  # type: ignore[union-attr]
    kit.image(expected)
    assert kit.codes == []
    commands = [
        item.instruction.text for item in kit.recipe.steps[1:] if isinstance(item.instruction, Command)
    ]
    assert commands == [text[3:].lstrip() if text[:3].upper() == "RUN" else text for text in before]


@pytest.mark.parametrize(
    "source", ["commands:\n- |\n  RUN x\n  y", 'commands: ["R\\x55N x"]', "commands: [&a RUN x]"]
)
def test_no_fix_where_the_place_is_hidden(kit: Kit, source: str) -> None:
    kit.image(source)
    assert kit.findings[0].fixes == ()


def test_an_exec_form_is_no_safe_fix(kit: Kit) -> None:
    source = 'commands: [\'RUN ["a", "b"]\']'
    kit.image(source)
    assert [fix.safe for fix in kit.findings[0].fixes] == [False]


def test_the_key_for_an_instruction_is_named(kit: Kit) -> None:
    kit.image("commands: [WORKDIR /x, VOLUME /y]")
    assert ["'workdir'" in kit.findings[0].text, "'dockerfile'" in kit.findings[1].text] == [True, True]


# As whom


def test_commands_run_as_the_user_of_the_base(kit: Kit) -> None:
    kit.facts = NOT_ROOT
    assert kit.image("commands: [make]", user="root") == [User("node"), Command("make")]
    assert kit.image("commands: [make]", user="node") == [Command("make")]


def test_the_user_of_the_image_comes_after_its_commands(kit: Kit) -> None:
    assert kit.dockerfile("user: '1000'\ncommands: [make]").splitlines()[1:] == ["RUN make", "USER 1000"]


def test_a_user_layer_holds_for_what_follows(kit: Kit) -> None:
    text = kit.dockerfile(
        "layers:\n- commands: [a]\n- user: 1000\n- commands: [b]\n- user: root\n- commands: [c]\n- user: '7'"
    )
    assert text.splitlines()[1:] == ["RUN a", "USER 1000", "RUN b", "USER root", "RUN c", "USER 7"]


def test_a_base_without_a_shell_runs_nothing(kit: Kit) -> None:
    kit.facts = NO_SHELL
    assert kit.image("commands:\n- a\n- b") == []
    assert kit.said == [("base-without-shell", 2, 3)]


def test_the_shell_of_the_image_runs_them(kit: Kit) -> None:
    text = kit.dockerfile("shell: [/bin/bash, -o, pipefail, -c]\ncommands: [a | b]")
    assert 'RUN ["/bin/bash", "-o", "pipefail", "-c", "a | b"]' in text


# Secrets


def test_a_secret_is_a_file(kit: Kit) -> None:
    text = kit.dockerfile(
        "secrets: [pat, {secret: npm, target: /root/.npmrc, required: false}]\ncommands: [make]"
    )
    assert text.splitlines()[1:] == [
        "RUN --mount=type=secret,id=pat,required=true \\",
        "    --mount=type=secret,id=npm,target=/root/.npmrc \\",
        "    make",
    ]


def test_a_secret_as_a_variable_is_read_from_its_file(kit: Kit) -> None:
    kit.image(
        "secrets: [{secret: pat, env: PAT}, {secret: x, env: X, required: false}]\ncommands: ['a && b']"
    )
    (command,) = [step.instruction for step in kit.recipe.steps[1:]]
    assert isinstance(command, Command)
    assert command.text == (
        'export PAT="$(cat /run/secrets/pat)"\n'
        'if [ -f /run/secrets/x ]; then export X="$(cat /run/secrets/x)"; fi\n'
        "a && b"
    )
    assert len(command.mounts) == 2


def test_secrets_of_a_layer_are_its_own(kit: Kit) -> None:
    kit.image("layers:\n- {commands: [a], secrets: [pat]}\n- commands: [b]")
    commands = [step.instruction for step in kit.recipe.steps[1:]]
    assert [len(command.mounts) for command in commands if isinstance(command, Command)] == [1, 0]


def test_ssh_agents(kit: Kit) -> None:
    text = kit.dockerfile("ssh: [default, deploy]\ncommands: [git clone x]")
    assert text.splitlines()[1:] == [
        "RUN --mount=type=ssh \\",
        "    --mount=type=ssh,id=deploy \\",
        "    git clone x",
    ]


def test_who_is_not_root_can_read_them(kit: Kit) -> None:
    kit.facts = NOT_ROOT
    kit.image("secrets: [pat]\nssh: [default]\ncommands: [make]")
    (command,) = [step.instruction for step in kit.recipe.steps[1:]]
    assert isinstance(command, Command)
    assert [dict(mount.options)["mode"] for mount in command.mounts] == ["0444", "0666"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("secrets: [{secret: a, target: '/x y'}]\ncommands: [b]", [("bad-target", 1, 20)]),
        ("secrets: [{secret: a, target: '/x,uid=5'}]\ncommands: [b]", [("bad-target", 1, 20)]),
        ("shell: [fish, -c]\nsecrets: [{secret: a, env: A}]\ncommands: [b]", [("secret-needs-sh", 2, 20)]),
        ("shell: [/bin/bash, -c]\nsecrets: [{secret: a, env: A}]\ncommands: [b]", []),
    ],
)
def test_secrets_that_cannot_be_given(kit: Kit, source: str, said: list[tuple[str, int, int]]) -> None:
    kit.image(source)
    assert kit.said == said


def test_each_place_is_mounted_once() -> None:
    uses = [
        SecretUse("a", SPAN),
        SecretUse("a", SPAN, env="A"),
        SecretUse("a", SPAN, target="/x", required=False),
    ]
    assert mounts(uses) == (
        Mount("secret", (("id", "a"), ("required", "true"))),
        Mount("secret", (("id", "a"), ("target", "/x"))),
    )
    assert exports(uses) == 'export A="$(cat /run/secrets/a)"\n'
    assert exports([]) == ""
    assert mounts([], ssh=["default", "default"]) == (Mount("ssh", ()),)


def test_a_secret_with_a_name_that_no_mount_can_hold_is_left_out() -> None:
    assert (mounts([SecretUse("a b", SPAN)]), exports([SecretUse("a b", SPAN, env="A")])) == ((), "")


@given(st.text(max_size=12), st.booleans())
def test_a_plain_scalar_reads_as_it_is_said_to(value: str, flow: bool) -> None:
    if not reads_as(value, value, flow):
        return
    root = load("", f"a: [{value}]" if flow else f"a:\n- {value}").root
    items = root.get("a")
    assert isinstance(items, Sequence)
    assert [getattr(item, "value", None) for item in items.items] == [value]
