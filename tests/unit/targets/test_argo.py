"""Workflows as Argo would run them: what runs, in which order and how it ends is as the engine has it."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import plans
import pytest
import trees
import yaml
from argo_model import Argo
from hypothesis import given, settings
from hypothesis import strategies as st
from plans import parallel, run, serial

from imgc.targets.argo import manifests as manifests_
from imgc.targets.argo import workflow
from imgc.targets.argo.manifests import parts
from imgc.targets.argo.workflow import emit
from imgc.targets.registry import make
from imgc.targets.target import Support
from tests_support import SHARED

JSON = dict[str, Any]
SCHEMAS = SHARED / "data" / "schemas"


def emitted(plan: JSON) -> tuple[list[JSON], list[tuple[str, Support]]]:
    """The manifests, and what was said."""
    said: list[tuple[str, Support]] = []
    places: Any = lambda *_: None  # noqa: E731
    subject: Any = SimpleNamespace(plan=plan, images=plan["images"], node_span=places, image_span=places)
    files = emit(subject, lambda what, support, _: said.append((what, support)))
    return [yaml.safe_load(text) for text in files.values()], said


def strict(schema: Any) -> Any:
    """The schema without keys that it does not know."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: strict(value) for key, value in schema.items()}
    open_ = schema.get("x-kubernetes-preserve-unknown-fields")
    if isinstance(schema.get("properties"), dict) and not open_ and "additionalProperties" not in schema:
        made["additionalProperties"] = False
    return made


@cache
def checks() -> list[Callable[[JSON], object]]:
    whole = strict(json.loads((SCHEMAS / "argo-workflows.json").read_text()))
    crd = strict(json.loads((SCHEMAS / "argo-crd.json").read_text()))
    (version,) = (one for one in crd["spec"]["versions"] if one["name"] == "v1alpha1")
    ends = {"apiVersion": {}, "kind": {}, "metadata": {"type": "object"}}
    stored = version["schema"]["openAPIV3Schema"]
    stored["properties"] |= ends
    kinds = {
        kind: jsonschema.Draft202012Validator(
            {**whole, "oneOf": [{"$ref": f"#/definitions/io.argoproj.workflow.v1alpha1.{kind}"}]}
        )
        for kind in ("Workflow", "WorkflowTemplate")
    }
    limits = jsonschema.Draft4Validator(stored)
    return [
        lambda manifest: kinds[manifest["kind"]].validate(manifest),
        lambda manifest: manifest["kind"] != "Workflow" or limits.validate(manifest),
    ]


@pytest.fixture(scope="module")
def valid() -> Callable[[JSON], None]:
    if not SCHEMAS.is_dir():
        pytest.skip("the schemas are not beside this checkout")

    def check(manifest: JSON) -> None:
        for one in checks():
            one(manifest)
        assert len(json.dumps(manifest)) < 1_500_000
        assert len(manifest["spec"]["templates"]) <= 200

    return check


@pytest.mark.parametrize("folder", trees.FOLDERS, ids=lambda folder: folder.name)
def test_each_valid_pipeline_is_valid_and_runs_as_the_engine_runs_it(
    folder: Path, valid: Callable[[JSON], None]
) -> None:
    subject = trees.of_folder(folder)
    files = make(["argo"], subject).files
    manifests = [yaml.safe_load(text) for text in files.values()]
    for path, manifest in zip(files, manifests, strict=True):
        assert path.startswith("argo/")
        valid(manifest)
    if not manifests:
        return
    nodes = subject.plan["nodes"]
    groups = {node["path"]: node["container"]["group"] for node in nodes}
    pods = {path: path if group is None else group for path, group in groups.items()}
    seconds = dict.fromkeys([*pods, *pods.values()], 1.0)
    for bad in trees.some_fail(subject.plan):
        world = trees.run(subject.plan, bad, seconds)
        argo = Argo(manifests, {pods[path] for path in bad}, seconds)
        assert set(argo.log) == {pods[path] for path in world.starts()}
        assert (argo.root.phase == "Succeeded") == world.schedule.fine


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32))
def test_argo_runs_what_the_engine_runs(seed: int) -> None:
    check(trees.a_plan(seed), seed)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 4))
def test_argo_does_so_where_dags_and_manifests_are_parted(seed: int, most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workflow, "MAX_TASKS", most)
        patch.setattr(manifests_, "MAX_TEMPLATES", most)
        check(trees.a_plan(seed, crossing=0.02), seed)


def check(plan: JSON, seed: int) -> None:
    """Some of its leaves fail, and all take a time."""
    rng = random.Random(seed)
    paths = trees.leaves(plan)
    bad = {path for path in paths if rng.random() < 0.25}
    seconds = {path: rng.choice([0.0, 1.0, 1.0, 5.0]) for path in paths}
    manifests, said = emitted(plan)
    if not manifests:
        assert [support.level for what, support in said if "group" in what or "nothing" in what] != []
        return
    argo = Argo(manifests, bad, seconds)
    world = trees.run(plan, bad, seconds)
    assert sorted(argo.log) == sorted(world.starts())
    assert (argo.root.phase == "Succeeded") == world.schedule.fine
    for path, (start, end) in argo.log.items():
        assert (start, end) == (world.time_of("start", path), world.time_of("end", path))


def test_a_need_of_a_node_in_another_group_opens_the_groups_between() -> None:
    tree = parallel(
        serial(run("x"), run("y"), name="a"),
        serial(parallel(run("z", needs=["/a/x"]), name="p"), run("q"), name="b"),
    )
    (manifest,), _ = emitted(plans.plan(tree))
    (template,) = manifest["spec"]["templates"]
    assert {task["name"]: task.get("depends") for task in template["dag"]["tasks"]} == {
        "a-x": None, "a-y": "a-x.Succeeded", "b-p-z": "a-x.Succeeded", "b-q": "b-p-z.Succeeded",
    }  # fmt: skip


@pytest.mark.parametrize(
    "settings", [{"retry": {"attempts": 2}}, {"suppress_errors": True}, {"max_concurrent": 1}]
)
def test_a_need_of_a_node_in_a_group_with_settings_is_refused(settings: JSON) -> None:
    tree = parallel(serial(run("x"), run("y"), name="a", **settings), run("b", needs=["/a/x"]))
    manifests, said = emitted(plans.plan(tree))
    assert manifests == []
    ((what, support),) = [one for one in said if one[1].level == "refused"]
    assert what == "needs of a node in another group"
    assert "the group 'a' has" in support.text


@pytest.mark.parametrize("count", [201, 450])
@pytest.mark.parametrize("group", [serial, parallel])
@pytest.mark.parametrize("stop", [True, False])
def test_more_tasks_than_a_dag_takes_are_parted(
    count: int, group: Any, stop: bool, valid: Callable[[JSON], None]
) -> None:
    more = {"stop_on_error": stop} if group is serial else {}
    plan = plans.plan(group(*(run(f"n{number}") for number in range(count)), **more))
    manifests, said = emitted(plan)
    for manifest in manifests:
        valid(manifest)
    assert [what for what, support in said if support.level == "refused"] == []
    seconds = dict.fromkeys(trees.leaves(plan), 1.0)
    for bad in (set[str](), {"n7"}):
        argo = Argo(manifests, bad, seconds)
        assert sorted(argo.log) == sorted(trees.run(plan, bad, seconds).starts())
        assert argo.root.phase == ("Failed" if bad else "Succeeded")
    assert max(end for _, end in Argo(manifests, set(), seconds).log.values()) == (
        count if group is serial else 1
    )


def test_what_cannot_be_parted_is_refused() -> None:
    children = [run(f"n{number}") for number in range(250)]
    for tree in (
        serial(*children, run("end", when="always")),
        parallel(*children, run("end", needs=[child["name"] for child in children])),
        serial(parallel(*children, name="p"), parallel(run("x", needs=["/p/n0"]), name="q")),
    ):
        _, said = emitted(plans.plan(tree))
        assert "so large a group" in [what for what, support in said if support.level == "refused"]


def test_what_is_too_much_for_a_manifest_goes_into_several(valid: Callable[[JSON], None]) -> None:
    groups = [parallel(run("a"), run("b"), name=f"g{number}") for number in range(205)]
    plan = plans.plan(parallel(*groups))
    manifests, _ = emitted(plan)
    kinds = [manifest["kind"] for manifest in manifests]
    assert kinds == ["Workflow", "WorkflowTemplate", "WorkflowTemplate"]
    for manifest in manifests:
        valid(manifest)
    argo = Argo(manifests, {"g7/b"}, dict.fromkeys(trees.leaves(plan), 1.0))
    assert len(argo.log) == 410
    assert argo.root.phase == "Failed"


@pytest.mark.parametrize(("leaves", "size"), [(150, 10), (3, 10_000)])
def test_a_manifest_has_so_many_leaves_and_bytes_at_most(leaves: int, size: int) -> None:
    inline = {"inline": {"x": "x" * size}}
    templates = {
        name: {"name": name, "dag": {"tasks": [inline] * leaves}} for name in ("main", *map(str, range(100)))
    }
    made = list(parts(templates))
    assert [name for part in made for name in part] == list(templates)
    assert len(made) > 2
    for part in made:
        assert len(part) * leaves <= 4000
        assert len(json.dumps([templates[name] for name in part])) < 1_500_000


def test_names_are_short_safe_and_never_two_of_one() -> None:
    names = ["A b", "a-b", "a.b", "1", "and", "ü", "x" * 300, "x" * 299]
    plan = plans.plan(parallel(*(parallel(run(name), name=name) for name in names)))
    (manifest,), _ = emitted(plan)
    templates = [template["name"] for template in manifest["spec"]["templates"]]
    tasks = [task["name"] for task in manifest["spec"]["templates"][0]["dag"]["tasks"]]
    for found in (templates, tasks):
        assert len(set(found)) == len(found) >= len(names)
        assert all(len(name) <= 128 and name[0].isalpha() and name.isascii() for name in found)
    assert tasks[:3] == ["a-b", tasks[1], tasks[2]]
    assert "and" not in tasks


def test_nothing_that_a_leaf_says_is_replaced_on_the_way(valid: Callable[[JSON], None]) -> None:
    texts = ["$(HOME) $$ $X", "{{workflow.name}} {{{", "${A}", "}}", "$", "a\nb "]
    plan = plans.plan(run("only", ["echo", *texts], env={f"V{n}": text for n, text in enumerate(texts)}))
    (manifest,), _ = emitted(plan)
    valid(manifest)
    container = manifest["spec"]["templates"][0]["dag"]["tasks"][0]["inline"]["container"]
    assert "{{" not in json.dumps(container)
    values: dict[str, str] = {}
    for variable in container["env"]:
        values[variable["name"]] = expanded(variable["value"], values)
    assert [values[f"V{n}"] for n in range(len(texts))] == texts
    assert [expanded(word, values) for word in container["args"]] == texts


def expanded(text: str, values: dict[str, str]) -> str:
    """As Kubernetes does it: $(NAME) is the variable's value, $$ a dollar."""
    made, rest = "", text
    while rest:
        head, dollar, rest = rest.partition("$")
        made += head
        if dollar and rest.startswith("$"):
            made, rest = f"{made}$", rest[1:]
        elif dollar and rest.startswith("(") and ")" in rest:
            name, _, rest = rest[1:].partition(")")
            made += values.get(name, f"$({name})")
        elif dollar:
            made += "$"
    return made


def test_leaves_in_one_container_are_one_script(tmp_path: Path) -> None:
    """Run for real, by this machine's shell."""
    import subprocess

    def leaf(name: str, code: int = 0, **settings: Any) -> JSON:
        command = f"echo {name} $WHO >>log; exit {code}"
        shared = {
            "container": {"mode": "group", "group": ""},
            "workdir": str(tmp_path),
            "env": {"WHO": "it's"},
        }
        return run(name, command, **copy.deepcopy(shared), **settings)

    tree = serial(
        leaf("a"),
        serial(leaf("b", 1), leaf("never"), leaf("c", when="on_failure"), name="g", suppress_errors=True),
        serial(leaf("d", 3, accept_return_code=[3]), leaf("e", 1), leaf("f"), name="h", stop_on_error=False),
        leaf("never"),
        leaf("i", when="always", stdin="x"),
    )  # fmt: skip
    (manifest,), _ = emitted(plans.plan(tree))
    (task,) = manifest["spec"]["templates"][0]["dag"]["tasks"]
    container = task["inline"]["container"]
    command = [expanded(word, {}) for word in [*container["command"], *container["args"]]]
    assert subprocess.run(command, check=False).returncode == 1
    assert [line.split()[0] for line in (tmp_path / "log").read_text().splitlines()] == list("abcdefi")
