"""`pip`: options as they are read, and what uv and pip are told."""

from __future__ import annotations

import pytest

from imgc.layers.facts import BaseFacts
from python_layers import UNKNOWN

PACKAGES = "pip_packages: [six]\n"


def command(kit, options: str, facts: BaseFacts | None = None) -> str:
    """The last RUN, on one line."""
    text = kit.dockerfile(PACKAGES + f"pip: {options}", **({"facts": facts} if facts else {}))
    return " ".join(text.rpartition("RUN ")[2].replace("\\\n", " ").split())


@pytest.mark.parametrize(
    ("options", "uv", "pip"),
    [
        (
            "{index_url: 'https://i.example/simple'}",
            "--default-index https://i.example/simple six",
            "--index-url https://i.example/simple six",
        ),
        (
            "{extra_index_urls: ['https://a.example/s', 'https://b.example/s']}",
            "--index https://a.example/s --index https://b.example/s --index-strategy unsafe-best-match six",
            "--extra-index-url https://a.example/s --extra-index-url https://b.example/s six",
        ),
        ("{pre: true}", "--prerelease=allow six", "--pre six"),
        (
            "{index_url: {url: 'https://i.example/s', username: me}}",
            "--default-index https://me@i.example/s six",
            "https://me@i.example/s",
        ),
    ],
)
def test_each_option_for_each_installer(kit, options, uv, pip):
    assert uv in command(kit, options[:-1] + ", installer: uv}")
    assert pip in command(kit, options[:-1] + ", installer: pip}")


def test_extra_arguments_are_pips_unless_an_installer_is_named(kit):
    assert "python3 -m pip install --no-deps six" in command(kit, "{extra_args: --no-deps}")
    assert "/tmp/uv pip install --system --no-deps six" in command(
        kit, "{extra_args: --no-deps, installer: uv}"
    )


def test_text_is_split_and_a_list_is_taken_as_it_is(kit):
    assert "-C 'a b' six" in command(kit, """{extra_args: "-C 'a b'"}""")
    assert "-C 'a b' six" in command(kit, '{extra_args: [-C, "a b"]}')


def test_an_own_index_strategy_wins(kit):
    text = command(
        kit,
        "{extra_index_urls: ['https://a.ex/s'], extra_args: --index-strategy first-index, installer: uv}",
    )
    assert text.count("--index-strategy") == 1


def test_old_pythons_get_pip(kit):
    old = BaseFacts("debian", "apt", "root", True, "3.7", False, source="x")
    assert "python3 -m pip install six" in command(kit, "{}", old)
    assert kit.codes == []


def test_a_password_is_a_secret_mount_and_nothing_else(kit):
    options = "{index_url: {url: 'https://i.example/simple', username: 'm e', password: tok}"
    uv = command(kit, options + ", installer: uv}")
    assert "--mount=type=secret,id=tok,required=true" in uv
    assert "UV_INDEX_PRIVATE_PASSWORD=\"$(cat /run/secrets/tok)\" UV_INDEX_PRIVATE_USERNAME='m e'" in uv
    assert "--default-index private=https://i.example/simple" in uv
    pip = command(kit, options + ", installer: pip}")
    assert 'PIP_INDEX_URL=https://m%20e:"$(python3 -c' in pip
    assert "@i.example/simple python3 -m pip install six" in pip


def test_the_stage_of_uv_goes_by_the_images_options_and_secrets(kit):
    text = kit.dockerfile(
        PACKAGES + "pip: {index_url: {url: 'https://i.example/s', password: tok}, pre: true}"
    )
    stage = text.partition("FROM python:3.11-slim AS etl")[0]
    assert "--mount=type=secret,id=tok,required=true" in stage
    assert "__token__" in stage


def test_secrets_as_variables_and_files(kit):
    text = kit.dockerfile(
        PACKAGES + "secrets:\n- {secret: a, env: A}\n- {secret: b, target: /root/.netrc}\n"
        "- {secret: c, env: C, required: false}"
    )
    text = text.replace("\\\n    ", "")
    assert 'A="$(cat /run/secrets/a)" C="$(cat /run/secrets/c 2>/dev/null)" UV_LINK_MODE=copy' in text
    assert "--mount=type=secret,id=b,target=/root/.netrc,required=true" in text
    assert "--mount=type=secret,id=c " in text


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ("{index_url: 'https://me:pw@i.example/s'}", "credentials-in-url"),
        ("{index_url: {url: 'https://me@i.example/s'}}", "credentials-in-url"),
        ("{extra_index_urls: ['https://me:pw@i.example/s']}", "credentials-in-url"),
        ("{extra_args: '--find-links https://me:pw@i.example/s'}", "credentials-in-url"),
        ('{extra_args: "it\'s"}', "bad-arguments"),
        ("{index_url: 'pypi'}", "bad-url"),
    ],
)
def test_bad_options(kit, options, code):
    kit.read(PACKAGES + f"pip: {options}")
    assert kit.codes == [code]


def test_the_cache_is_where_it_is_mounted_also_where_home_is_not(kit):
    jovyan = BaseFacts("ubuntu", "apt", "jovyan", True, "3.11", False, source="the lock")
    assert "UV_CACHE_DIR=/root/.cache/uv" in command(kit, "{}", jovyan)
    assert "UV_CACHE_DIR=/root/.cache/uv" in command(kit, "{}", UNKNOWN)
    assert "PIP_CACHE_DIR=/root/.cache/pip" in command(kit, "{installer: pip}", jovyan)
    assert "UV_CACHE_DIR" not in command(kit, "{}")
