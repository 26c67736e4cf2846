"""`install_docker`: Docker's client on any base."""

from __future__ import annotations

import pytest

from code_layers import NO_SHELL, UNKNOWN, Kit, hadolint
from imgc.instructions.types import Copy
from imgc.layers.docker_client import FILES, IMAGE
from imgc.model.reference import parse


def test_it_comes_from_dockers_own_image(kit: Kit):
    text = kit.dockerfile("install_docker: true")
    assert text.count(f"--from={IMAGE}") == len(FILES)
    assert "curl" not in text
    assert kit.findings == []


@pytest.mark.parametrize("facts", [UNKNOWN, NO_SHELL])
def test_the_base_does_not_matter(tmp_path, facts):
    kit = Kit(tmp_path, facts)
    instructions = kit.image("install_docker: true")
    assert [type(instruction) for instruction in instructions] == [Copy] * len(FILES)
    assert kit.findings == []


@pytest.mark.parametrize("value", ["false", "", "12", "[]"])
def test_anything_but_true_adds_nothing(kit: Kit, value):
    assert kit.image(f"install_docker: {value}") == []


def test_it_is_pinned():
    assert parse(IMAGE).tag.count(".") == 2


def test_hadolint(kit: Kit, tmp_path):
    assert hadolint(kit.dockerfile("install_docker: true"), tmp_path) == ""
