"""The schema of the plan and the engine's reading of it say the same."""

from __future__ import annotations

import copy
import dataclasses
import json
import re
import typing
from pathlib import Path
from typing import Any

import jsonschema
import plans
import pytest

import imgc_schema
from imgc_engine import plan as model

DECISION = Path(__file__).parents[2] / "docs/decisions/0002-plan.md"


def the_example() -> dict[str, Any]:
    """The plan that the decision shows, with its alternatives and omissions settled."""
    text = re.search(r"```json\n(.*?)```", DECISION.read_text(encoding="utf-8"), re.DOTALL)
    assert text is not None
    settled = (
        text[1]
        .replace('"sha256:…"', json.dumps("sha256:" + "0" * 64))
        .replace('"repo|git|s3"', '"git"')
        .replace('"own|group|pool"', '"own"')
        .replace("{…}", '{"file": "pipeline.yaml", "line": 6, "column": 5}')
    )
    example: dict[str, Any] = json.loads(settled)
    return example


def validate(document: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(imgc_schema.load("plan")).validate(document)


def test_the_schema_is_a_schema_with_everything_described() -> None:
    schema = imgc_schema.load("plan")
    jsonschema.Draft202012Validator.check_schema(schema)
    for name, part in schema["$defs"].items():
        assert part.get("description"), name
        if "properties" in part:
            assert part["additionalProperties"] is False, name
            for key, value in part["properties"].items():
                assert value.get("description") or "$ref" in value, f"{name}.{key}"


def test_the_example_of_the_decision_is_a_plan() -> None:
    example = the_example()
    validate(example)
    loaded = model.load(example)
    assert loaded.secrets["pat"].env == "GITHUB_PAT"
    assert loaded.secrets["token"].file == "~/.pypi-token"
    assert loaded.images["etl"].build.cache_from == ()
    assert str(loaded.nodes[0].place("image")) == "pipeline.yaml:10:3"
    assert str(loaded.nodes[0].place("cpu")) == "pipeline.yaml:9:1"


def test_the_test_plans_are_plans() -> None:
    document = plans.plan(
        plans.serial(plans.run("a"), plans.parallel(plans.run("b"), plans.run("c", needs=["b"]), name="fan"))
    )
    validate(document)
    loaded = model.load(document)
    assert [(node.path, node.after) for node in loaded.nodes] == [
        ("", ()),
        ("a", ()),
        ("fan", ("a",)),
        ("fan/b", ()),
        ("fan/c", ("fan/b",)),
    ]


def test_schema_and_dataclasses_have_the_same_fields() -> None:
    schema = imgc_schema.load("plan")
    pairs = {
        "place": model.Place, "image": model.Image, "build": model.BuildSettings,
        "codeSource": model.CodeSource, "builder": model.Builder, "node": model.Node,
        "call": model.Call, "repo": model.Repo, "secretSource": model.SecretSource,
    }  # fmt: skip
    for name, kind in pairs.items():
        assert set(schema["$defs"][name]["properties"]) == {f.name for f in dataclasses.fields(kind)}, name
    assert set(schema["properties"]) == {f.name for f in dataclasses.fields(model.Plan)} | {"$schema"}
    node = typing.get_type_hints(model.Node)
    properties = schema["$defs"]["node"]["properties"]
    for key in ("kind", "when"):
        assert set(properties[key]["enum"]) == set(typing.get_args(node[key]))


WRONG: list[tuple[list[str | int], Any, str]] = [
    (["nodes", 1, "cpu"], "1", "nodes[1].cpu must be a number."),
    (["nodes", 1, "gpu"], True, "nodes[1].gpu must be an integer."),
    (["nodes", 1, "kind"], "shell", "nodes[1].kind must be 'serial' or"),
    (["nodes", 1, "command"], None, "nodes[1] has no command."),
    (["nodes", 1, "image"], "nowhere", "nodes[1] runs in 'nowhere', which is no image."),
    (["nodes", 1, "after"], ["x"], "nodes[1] waits for 'x', which is no node."),
    (["nodes", 1, "parent"], None, "nodes[1] must be the first node"),
    (["nodes", 1, "mounts"], [{"src": "a", "dst": "/b"}], "nodes[1].mounts[0] lacks read_only."),
    (["nodes", 1, "colour"], "red", "nodes[1] has what is not known here: colour."),
    (["images", "box", "after"], ["later"], "images.box names 'later', which is no image before it."),
    (["version"], 2, "version must be 1"),
    (["nodes"], {}, "nodes must be a list."),
    (["secrets"], {"pat": "x"}, "secrets.pat must be an object."),
]


@pytest.mark.parametrize(("path", "value", "message"), WRONG, ids=[case[2][:40] for case in WRONG])
def test_what_is_no_plan_is_refused_with_its_path(path: list[str | int], value: Any, message: str) -> None:
    document = copy.deepcopy(plans.plan(plans.serial(plans.run("a"))))
    holder: Any = document
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    with pytest.raises(model.ReadError) as caught:
        model.load(document)
    assert str(caught.value).startswith(message)


def test_equal_plans_have_equal_digests() -> None:
    document = plans.plan(plans.serial(plans.run("a")))
    shuffled = dict(reversed(document.items()))
    assert model.digest(document) == model.digest(shuffled)
    assert model.digest(document) != model.digest(plans.plan(plans.serial(plans.run("b"))))
