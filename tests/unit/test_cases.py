"""Golden cases: a pipeline, what it resolves to, and every file it compiles to. IMGC_UPDATE=1 writes them anew.

Every golden Dockerfile is clean under hadolint (but for versions the user did not pin, and the user's own
commands) and is read by the moby parser; every plan is valid under its schema.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import dockerfile
import jsonschema
import pytest

import imgc_schema
from imgc.analysis.analysis import Analysis, analyse
from imgc.diagnostics import Severity
from imgc.document.nodes import plain
from imgc.plan.compiled import compile_pipeline
from tests_support import ROOT

CASES = sorted(path.parent for path in (ROOT / "tests" / "cases").glob("*/pipeline.yaml"))
SAMPLES = sorted(path.parent for path in (ROOT / "samples").glob("*/pipeline.yaml"))
FOLDERS = [*CASES, *SAMPLES]
UPDATE = os.environ.get("IMGC_UPDATE") == "1"
HADOLINT = Path(sys.executable).parent / "hadolint"
UNPINNED = {"DL3008", "DL3013", "DL3016", "DL3018", "DL3033", "DL3037", "DL3041"}
"""The user gave no version: not ours to invent."""
OF_THE_USER = {
    "dockerfile/alone": {"DL3066"},
    "commands/bash": {"DL4006"},  # the user's own pipe, run by the user's own shell with pipefail
    "system-packages/stated": {"DL3066"},  # base_facts names a user without its id
}


def analysed(folder: Path) -> Analysis:
    return analyse("pipeline.yaml", (folder / "pipeline.yaml").read_text(encoding="utf-8"), folder)


def expected_folder(folder: Path) -> Path:
    """Apart from the case: what it compiles to is no part of its build context."""
    return ROOT / "tests" / "expected" / ("samples" if folder in SAMPLES else "") / folder.name


def resolved_data(analysis: Analysis) -> dict[str, Any]:
    """What the file means once inheritance, bundles and bases are worked out, as plain data."""
    images = {
        name: {
            "base": image.base, "parent": image.parent, "facts": dataclasses.asdict(image.facts),
            "layers": [
                {"key": layer.key, "line": layer.span.place.line, "value": plain(layer.node)}
                for layer in (*image.layers.fixed, *image.layers.explicit)
            ],
            "env": image.env, "workdir": image.workdir, "user": image.user, "paths": list(image.paths),
            "path_map": image.path_map,
        }
        for name, image in analysis.images.items()
    }  # fmt: skip
    nodes = {
        node.path: {
            "kind": node.kind, "image": node.image, "after": node.after, "group": node.group,
            "settings": {name: plain(setting.node) for name, setting in node.settings.items()},
        }
        for node in analysis.nodes.values()
    }  # fmt: skip
    return {"images": images, "nodes": nodes}


def outputs(folder: Path) -> dict[str, bytes]:
    analysis = analysed(folder)
    assert [d.text for d in analysis.diagnostics if d.severity is Severity.ERROR] == []
    files = dict(compile_pipeline(analysis.resolved, folder / "compiled").files)
    resolved = json.dumps(resolved_data(analysis), ensure_ascii=False, indent=1, default=str)
    return {**files, "resolved.json": (resolved + "\n").encode()}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_golden(folder: Path) -> None:
    found = outputs(folder)
    expected = expected_folder(folder)
    if UPDATE:
        shutil.rmtree(expected, ignore_errors=True)
        for path, data in found.items():
            (expected / path).parent.mkdir(parents=True, exist_ok=True)
            (expected / path).write_bytes(data)
    kept = {
        path.relative_to(expected).as_posix(): path.read_bytes()
        for path in expected.rglob("*")
        if path.is_file()
    }
    assert sorted(found) == sorted(kept)
    for path, data in found.items():
        assert data.decode() == kept[path].decode(), path


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_dockerfiles_are_clean(folder: Path) -> None:
    files = sorted(expected_folder(folder).glob("images/*/Dockerfile"))
    assert files or folder.name == "none"
    for file in files:
        dockerfile.parse_string(file.read_text(encoding="utf-8"))
        result = subprocess.run(
            [str(HADOLINT), "--format", "json", str(file)], capture_output=True, text=True, check=False
        )
        codes = {finding["code"] for finding in json.loads(result.stdout)} - UNPINNED
        assert codes <= OF_THE_USER.get(f"{folder.name}/{file.parent.name}", set()), (file, codes)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_plans_are_valid(folder: Path) -> None:
    plan = json.loads((expected_folder(folder) / "plan.json").read_text(encoding="utf-8"))
    jsonschema.validate(plan, imgc_schema.load("plan"), cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_instruction_has_its_origin(folder: Path) -> None:
    """The source map leads from each instruction to the YAML, but for what imgc adds to restore a user."""
    for file in sorted(expected_folder(folder).glob("images/*/Dockerfile.map.json")):
        for line in json.loads(file.read_text(encoding="utf-8"))["lines"]:
            assert line["yaml_line"] is not None or line["instruction"] in ("USER", "ARG"), (file, line)
