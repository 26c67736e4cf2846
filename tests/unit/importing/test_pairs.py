"""The originals of docs/comparison.md, imported, against what stands beside them: the same Dockerfiles, or a reason."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from imgc.analysis.analysis import analyse
from imgc.plan.compiled import compile_pipeline
from importkit import import_text
from tests_support import ROOT

PAIR = re.compile(
    r'^```python title="(?P<system>Conducto|ZenML|Flyte)"\n(?P<text>(?:(?!^```).)*?)^```\n'
    r'(?:(?:(?!^```(?:yaml|python title="(?:Conducto|ZenML|Flyte))).)*?)^<!-- case: (?P<case>\S+) -->',
    re.MULTILINE | re.DOTALL,
)
STAGE = re.compile(r"(?<=\S) AS [a-z][\w.-]*$")
PAIRS = {
    found["case"]: (found["system"].lower(), found["text"])
    for found in PAIR.finditer((ROOT / "docs/comparison.md").read_text(encoding="utf-8"))
}
PREAMBLES = {
    "conducto": "import conducto as co\n",
    "zenml": "from zenml import pipeline, step\nfrom zenml.config import DockerSettings\n"
    "from zenml.integrations.constants import EVIDENTLY, PYTORCH\n",
    "flyte": "from flyte import Image, Secret\n",
}
"""What the shortened originals leave out."""
BEFORE = {
    "000-02-image-string": "pipeline = co.Serial()\n",
    "000-03-image-object": "pipeline = co.Serial()\ncmd = \"cat /etc/*-release | egrep '^NAME'\"\n",
    "000-08-system-packages": "pipeline = co.Serial()\n",
    "001-06-inline-images": "root = co.Parallel()\n",
}
OTHERWISE = {
    "000-07-native-function": "the original's file imports conducto, which ours does not need: it is in the packages",
    "001-07-container-reuse": "the original names no image; ours has one with Python in it",
    "002-01-source-files": "the original stands for four values with one",
    "002-03-replicate-local": "both need `imgc lock`, which has not run",
    "002-04-requirements": "the original's second path is absolute, of the author's computer",
    "002-05-integrations-apt-stack": "what integrations and the stack need is in ZenML, not in its file",
    "002-06-step-level": "the original is one step alone, and runs code that is in the image",
    "002-07-parent-image": "ours adds packages, to show what goes on top",
    "002-08-dockerfile-build": "the original's paths are absolute, of the author's computer",
    "004-02-from-base-ref-script-dockerfile": "the image behind a name is in Flyte's configuration, not in its file",
    "004-03-with-layers": "the original is shortened: ours has more layers",
}


OTHER_NODES = {
    "000-05-copy-url": "the original is an image alone",
    "000-06-copy-repo": "the original is an image alone",
    "000-12-path-map": "the original is an image alone",
    "000-08-system-packages": "our command ends with a line end",
    "001-07-container-reuse": "the original leaves commands out",
    "002-06-step-level": "the original is one step alone",
    "002-08-dockerfile-build": "the original is a pipeline without steps",
    "900-node-fields": "Conducto counts retries, imgc attempts; and what a lazy node prints differs",
}
NAMES = {"source", "places", "image", "container", "environment"}
"""What of a node in the plan says where it was written, or how its image is called."""


def compiled(text: str, folder: Path) -> dict[str, bytes]:
    analysis = analyse("pipeline.yaml", text, folder)
    assert not analysis.failed
    return compile_pipeline(analysis.resolved, folder / "compiled").files


def nodes(files: dict[str, bytes]) -> list[dict[str, Any]]:
    """The nodes of a plan, without names and places."""
    found = json.loads(files["plan.json"])["nodes"]
    return [
        {key: value for key, value in node.items() if key not in NAMES} | {"mode": node["container"]["mode"]}
        for node in found
    ]


def dockerfiles(files: dict[str, bytes]) -> list[list[str]]:
    """The instructions of all images of a file, without the names that images and pipelines have."""
    return sorted(
        [
            STAGE.sub("", line)
            for line in content.decode().splitlines()
            if line and not line.startswith(("#", "LABEL"))
        ]
        for name, content in files.items()
        if "Dockerfile" in name and not name.endswith((".dockerignore", ".json", ".map"))
    )


@pytest.mark.parametrize("case", PAIRS)
def test_an_original_builds_what_stands_beside_it(case: str, shared: Path, tmp_path: Path) -> None:
    system, text = PAIRS[case]
    folder = tmp_path / "case"
    shutil.copytree(shared / "conformance/valid" / case, folder)
    ours = (folder / "pipeline.yaml").read_text(encoding="utf-8")
    text = PREAMBLES[system] + BEFORE.get(case, "") + text.replace("(...)", "()")
    imported = import_text(text, folder, "pipeline.py", system)
    if case == "002-03-replicate-local":
        assert any("imgc lock" in message for _, message in imported.warnings)
        return
    made, expected = compiled(imported.text, folder), compiled(ours, folder)
    assert (dockerfiles(made) == dockerfiles(expected)) is (case not in OTHERWISE), imported.text
    if nodes(made):  # the others are images alone
        assert (nodes(made) == nodes(expected)) is (case not in OTHER_NODES), imported.text


def test_the_pairs_are_found() -> None:
    assert len(PAIRS) == 28
    assert set(OTHERWISE) | set(BEFORE) <= set(PAIRS)
