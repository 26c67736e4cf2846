"""`env` and `runtime_env`."""

from __future__ import annotations

from pathlib import Path

import dockerfile
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from code_layers import Kit, fixed, hadolint
from imgc.diagnostics import Severity
from imgc.instructions.types import Env
from imgc.layers.env import _groups, looks_secret


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("env: {B: b, A: a}", ["A=a B=b"]),
        ("env: {N: 3.10, F: 0x1F, T: True, S: 'no', E: ''}", ['E="" F=0x1F N=3.10 S=no T=True']),
        ("env: {http_proxy: x, HTTP_PROXY: y}", ["HTTP_PROXY=y http_proxy=x"]),
        ("env: {PATH: '/opt/bin:${PATH}', A: a}", ['A=a PATH="/opt/bin:${PATH}"']),
        ("env: {A: '$$HOME'}", ['A="\\$HOME"']),
        ("env: {B: '1', A: '${B}/x'}", ["B=1", 'A="${B}/x"']),
        (
            "env: {Z: z, B: '1', A: '${B}/x', C: '${A}', D: '${B}'}",
            ["Z=z B=1", 'A="${B}/x"', 'C="${A}" D="${B}"'],
        ),
        ("env: {PATH: '/a:${PATH}', P: '${PATH}'}", ['PATH="/a:${PATH}"', 'P="${PATH}"']),
        ("env: {P: '${PATH}', PATH: '/a:${PATH}'}", ['P="${PATH}"', 'PATH="/a:${PATH}"']),
    ],
)
def test_what_is_written(kit: Kit, source: str, expected: list[str]) -> None:
    text = kit.dockerfile(source)
    lines = [" ".join(part.strip(" \\") for part in line.split("\n")) for line in text.split("ENV ")[1:]]
    assert [line.strip() for line in lines] == expected
    assert hadolint(text, kit.folder) == ""
    assert kit.codes == []


def test_variables_are_known_to_later_layers(kit: Kit) -> None:
    kit.image("env: {A: 1}\nlayers:\n- env: {B: '${A}'}\nruntime_env: {C: c}")
    assert kit.recipe.env == {"A": "1", "B": "${A}", "C": "c"}


def test_runtime_env_comes_after_everything_that_runs(kit: Kit) -> None:
    text = kit.dockerfile("env: {A: a}\nruntime_env: {B: b}\ncommands: [make]\ncmd: [x]\nworkdir: /w")
    assert text.splitlines()[1:] == ["ENV A=a", "RUN make", "WORKDIR /w", "ENV B=b", 'CMD ["x"]']


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ('env:\n  A: "x\\nRUN touch /pwned"', [("newline-in-value", 2, 6)]),
        ("env:\n  A: |\n    one\n  B: b", [("newline-in-value", 2, 6)]),
        ('env: {A: "a\\0b"}', [("unwritable-value", 1, 10)]),
        ("env: {A: 'x ${B-c} y'}", [("bad-variable", 1, 13)]),
        ("env: {A: 'x ${'}", [("bad-variable", 1, 13)]),
        ("env: {A: '${1}'}", [("bad-variable", 1, 11)]),
        ('env: {A: "\\t${}"}', [("bad-variable", 1, 10)]),
        ("env: {A: x$HOME}", [("literal-dollar", 1, 11)]),
        ("env: {A: $B$C}", [("literal-dollar", 1, 10), ("literal-dollar", 1, 12)]),
        ("env: {A: $$B}", []),
        ("env: {A: 'costs 5$'}", []),
        ("env: {A: '${{ params.x }}'}", []),
        ("env: {A: '${B}', B: b}", [("later-variable", 1, 10)]),
        ("env: {GITHUB_TOKEN: abc}", [("secret-in-env", 1, 21)]),
        ("env: {password: 12345}", [("secret-in-env", 1, 17)]),
        ("env: {GITHUB_TOKEN: '${TOKEN}', KEY: '', AUTH: true, KEY_FILE: /x, SECRET: /run/secrets/x}", []),
        ("env: {A: null, B: [x], C: {d: e}, 'D E': f}", []),
        ("env: [A]", []),
    ],
)
def test_what_is_said(kit: Kit, source: str, said: list[tuple[str, int, int]]) -> None:
    kit.image(source)
    assert kit.said == said


def test_what_is_said_is_helpful(kit: Kit) -> None:
    kit.image('env: {A: "a\\nb", GITHUB_TOKEN: hunter2, C: $D}')
    newline, dollar, secret = sorted(kit.findings, key=lambda finding: finding.code == "secret-in-env")
    assert "newline" in newline.message
    assert "'secrets'" in secret.message
    assert "hunter2" not in secret.text
    assert (newline.severity, secret.severity, dollar.severity) == (
        Severity.ERROR,
        Severity.WARNING,
        Severity.HINT,
    )


@pytest.mark.parametrize(
    ("number", "expected"), [(0, "env: {A: a b/${HOME}-x}"), (1, "env: {A: a b/$$HOME-x}")]
)
def test_fixes_of_a_dollar(kit: Kit, number: int, expected: str) -> None:
    source = "env: {A: a b/$HOME-x}"
    kit.image(source)
    assert fixed(source, kit.findings[0], number) == expected
    kit.image(expected)
    assert kit.codes == []


def test_what_cannot_be_written_is_left_out(kit: Kit) -> None:
    assert kit.image('env: {A: "a\\nb", B: b, C: "${"}') == [Env((("B", "b"),), expand=True)]


@pytest.mark.parametrize("name", ["API_KEY", "apikey", "my_Secret", "TOKEN", "PWORD", "AUTH_X", "KEY_ID"])
def test_names_of_secrets(name: str) -> None:
    assert looks_secret(name)


@pytest.mark.parametrize("name", ["MONKEY", "TOKENS", "PUBLIC_KEY", "AUTH_FILE", "TOKEN_VERSION", "AUTHOR"])
def test_other_names(name: str) -> None:
    assert not looks_secret(name)


NAMES = st.sampled_from("ABCDE")
VALUES = st.lists(st.one_of(NAMES.map("${{{}}}".format), st.sampled_from(["x", "$$", " "])), max_size=4).map(
    "".join
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(NAMES, VALUES, max_size=5), st.dictionaries(NAMES, st.just("base")))
def test_each_variable_is_what_comes_of_setting_one_after_the_other(
    variables: dict[str, str], base: dict[str, str]
) -> None:
    """However the ENV instructions are cut and sorted."""
    expected = dict(base)
    for name, value in variables.items():
        expected[name] = _expanded(value, expected)
    found = dict(base)
    for group in _groups(tuple(variables.items())):
        found |= {name: _expanded(value, found) for name, value in group}
    assert found == expected


def _expanded(value: str, variables: dict[str, str]) -> str:
    for name in "ABCDE":
        value = value.replace(f"${{{name}}}", variables.get(name, ""))
    return value


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=20))
def test_no_value_becomes_an_instruction(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    quoted = '"' + "".join(f"\\U{ord(character):08x}" for character in text) + '"'
    kit = Kit(Path(tmp_path_factory.getbasetemp()))
    kit.image(f"env: {{A: {quoted}}}")
    if any(finding.severity is Severity.ERROR for finding in kit.findings):
        return
    parsed = dockerfile.parse_string(kit.dockerfile(f"env: {{A: {quoted}}}"))
    assert [command.cmd.upper() for command in parsed] == ["FROM", "ENV"]
