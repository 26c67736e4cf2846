"""`conda`."""

from __future__ import annotations

import pytest

from imgc.layers.facts import BaseFacts
from python_layers import PYTHON, UNKNOWN

MICROMAMBA = BaseFacts("debian", "apt", "mambauser", True, "", True, "micromamba", source="the table")
MINIFORGE = BaseFacts("ubuntu", "apt", "root", True, "3.12", False, conda="conda", source="the table")


def test_with_micromamba(kit, hadolint):
    text = kit.dockerfile(
        "conda:\n  packages: [scipy, 'numpy>=1.26', 'python=3.12']\n"
        "  channels: [conda-forge, bioconda]\n  pip: [six]",
        MICROMAMBA,
        "mambaorg/micromamba:1.5",
    )
    assert kit.codes == []
    assert (
        "CONDA_PKGS_DIRS=/root/.cache/conda micromamba install -y -n base --override-channels "
        "-c conda-forge -c bioconda" in text.replace(" \\\n        ", " ")
    )
    words = text.replace("\\\n", " ").split()
    places = [words.index(word) for word in ("'numpy>=1.26'", "pip", "python=3.12", "scipy")]
    assert places == sorted(places)
    assert 'ENV PATH="/opt/conda/bin:${PATH}"' in text
    assert "/opt/conda/bin/python -m pip install six" in text
    assert hadolint(text) == ""


def test_with_conda(kit, hadolint):
    text = kit.dockerfile("conda: {packages: [numpy]}", MINIFORGE, "condaforge/miniforge3:24")
    assert " conda install -y -n base --override-channels -c conda-forge numpy" in text
    assert "ENV" not in text
    assert hadolint(text) == ""


def test_on_an_unknown_base_the_build_looks(kit, hadolint):
    text = kit.dockerfile("conda: {packages: [numpy]}", UNKNOWN, "ghcr.io/acme/x:1")
    assert '"$(command -v micromamba || command -v mamba || command -v conda)" install' in text
    assert hadolint(text) == ""


def test_a_base_known_to_have_none(kit):
    kit.emit("conda: {packages: [numpy]}", PYTHON)
    (finding,) = kit.findings
    assert finding.code == "no-conda"
    assert "mambaorg/micromamba" in finding.text


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("{packages: [--yes]}", "option-in-packages"),
        ("{packages: [numpy], channels: ['https://me:pw@h.example/c']}", "credentials-in-url"),
        ("{pip: ['a b']}", "bad-requirement"),
        ("{pip: [./lib]}", "local-in-conda"),
    ],
)
def test_bad_items(kit, value, code):
    kit.file("lib/pyproject.toml")
    kit.read(f"conda: {value}")
    assert kit.codes == [code]


def test_secrets_and_an_index_for_pip(kit):
    text = kit.dockerfile(
        "conda: {pip: [six]}\npip: {index_url: {url: 'https://i.example/s', password: tok}}",
        MINIFORGE,
        "condaforge/miniforge3:24",
    )
    assert "--mount=type=secret,id=tok,required=true" in text
    assert "/opt/conda/bin/python -m pip install six" in text
