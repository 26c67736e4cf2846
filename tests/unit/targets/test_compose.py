"""compose.yaml: valid by the specification's schema, with the order of the tree. tests/engine/test_targets.py runs it."""

from __future__ import annotations

import itertools
import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgc.analysis.analysis import analyse
from imgc.document.document import load
from imgc.document.nodes import plain
from imgc.plan.compiled import compile_pipeline
from imgc.targets import edges, shell, yaml
from imgc.targets.registry import Made, make
from imgc.targets.subject import Subject, subject
from tests_support import ROOT, SHARED

VALID = sorted((SHARED / "conformance" / "valid").iterdir())
FOLDERS = [
    *sorted(path.parent for path in (ROOT / "tests" / "cases").glob("*/pipeline.yaml")),
    *sorted(path.parent for path in (ROOT / "samples").glob("*/pipeline.yaml")),
    *(folder for folder in VALID if folder.name != "002-03-replicate-local"),
]


def subject_of(folder: Path, text: str) -> Subject:
    analysis = analyse("pipeline.yaml", text, folder)
    assert not analysis.failed, [d.text for d in analysis.diagnostics]
    return subject(
        compile_pipeline(analysis.resolved, folder / "compiled"), analysis.resolved, folder / "compiled"
    )


def compose(folder: Path, text: str) -> tuple[Made, Any]:
    """What was made, and the data of compose.yaml if it was."""
    result = make(["compose"], subject_of(folder, f"version: 1\n{text}"))
    data = result.files.get("compose.yaml", b"")
    return result, plain(load("compose.yaml", data.decode()).root) if data else None


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_file_is_valid_by_the_schema(folder: Path) -> None:
    schema = json.loads((SHARED / "data/schemas/compose-spec.json").read_text(encoding="utf-8"))
    text = (folder / "pipeline.yaml").read_text(encoding="utf-8")
    result = make(["compose"], subject_of(folder, text))
    for data in result.files.values():
        jsonschema.validate(plain(load("f", data.decode()).root), schema, cls=jsonschema.Draft7Validator)


TREE = """\
pipeline:
  image: busybox:1.35
  parallel:
    a: {serial: {one: "true", two: {parallel: {x: "true", y: {run: "true", needs: [x]}, z: {run: "true", skip: true}}}}}
    b: {needs: [a], serial: {gone: {run: "true", skip: true}, first: "true", gone2: {run: "true", skip: true}}}
    c: {needs: [a/one], run: "true"}
    d: {needs: [b], serial: {inner: {parallel: {p: "true", q: "true"}}, last: {run: "true", skip: true}}}
    e: {needs: [d], run: "true"}
"""


def test_waits_go_through_groups_and_what_is_skipped(tmp_path: Path) -> None:
    assert edges.waits(subject_of(tmp_path, f"version: 1\n{TREE}")) == {
        "a/one": [], "a/two/x": ["a/one"], "a/two/y": ["a/two/x"], "b/first": ["a/two/y"], "c": ["a/one"],
        "d/inner/p": ["b/first"], "d/inner/q": ["b/first"], "e": ["d/inner/p", "d/inner/q"],
    }  # fmt: skip


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_waits_are_those_of_the_plan(folder: Path) -> None:
    """However they are shortened: what must come before a leaf is the same as in the plan, worked out naively."""
    given_subject = subject_of(folder, (folder / "pipeline.yaml").read_text(encoding="utf-8"))
    nodes = {node["path"]: node for node in given_subject.plan["nodes"]}

    def around(path: str) -> list[str]:
        found, at = [], path
        while at is not None:
            found.append(at)
            at = nodes[at]["parent"]
        return found

    leaves = [leaf["path"] for leaf in given_subject.leaves]
    late: dict[str, set[str]] = {}
    for path in nodes:
        late[path] = set()
        todo = [after for outer in around(path) for after in nodes[outer]["after"]]
        while todo:
            before = todo.pop()
            below = [other for other in nodes if before in around(other)]
            new = set(below) - late[path]
            late[path] |= new
            todo += [after for other in new for outer in around(other) for after in nodes[outer]["after"]]
    waits = edges.waits(given_subject)
    for path in leaves:
        closed, todo = set(), [path]
        while todo:
            fresh = set(waits[todo.pop()]) - closed
            closed |= fresh
            todo += fresh
        assert closed == late[path] & set(leaves), path


def test_every_step_ends_before_all(tmp_path: Path) -> None:
    _, data = compose(tmp_path, TREE)
    services = data["services"]
    reached, todo = set(), ["all"]
    while todo:
        fresh = set(services[todo.pop()].get("depends_on", ())) - reached
        reached |= fresh
        todo += fresh
    assert reached == set(services) - {"all"}


def test_names_that_are_taken_and_names_that_may_not_be(tmp_path: Path) -> None:
    _, data = compose(
        tmp_path,
        "name: X_\npipeline: {image: {base: 'debian:12', env: {A: b}}, parallel: "
        "{all: 'true', 'ä b': 'true', 'ö b': 'true', 'x[1]': 'true', x-1: 'true'}}\n",
    )
    assert data["name"] == "x_"
    [image, *rest] = data["services"]
    assert image.startswith("image.")
    assert rest == ["all", "__b", "__b_2", "x-1", "x-1_2", "all_2"]


def test_what_a_file_cannot_say_is_refused_at_its_place(tmp_path: Path) -> None:
    result, data = compose(
        tmp_path,
        "pipeline:\n  image: {base: 'gcr.io/distroless/static:x', base_facts: {shell: false}}\n  serial:\n"
        "    a: {run: [/app], docker_run_args: [--blkio-weight, '5', -v, 'named:/x', -e, HOST]}\n"
        "    b: {run: [/app], stdin: text}\n",
    )
    assert data is None
    told = [(str(d.span.place), d.message) for d in result.diagnostics if d.code == "target-refuses"]
    nothing = "imgc knows nothing for it in a Compose file"
    assert told == [
        ("pipeline.yaml:5:22", f"compose cannot express '--blkio-weight' of docker_run_args: {nothing}"),
        ("pipeline.yaml:5:22", f"compose cannot express '-e HOST' of docker_run_args: {nothing}"),
        ("pipeline.yaml:5:22", f"compose cannot express '-v named:/x' of docker_run_args: {nothing}"),
        (
            "pipeline.yaml:6:22",
            "compose cannot express 'stdin': the image needs /bin/sh for it, and it has none",
        ),
    ]


def test_where_no_image_has_a_shell_nothing_waits_for_all(tmp_path: Path) -> None:
    image = "image: {base: 'gcr.io/distroless/static:x', base_facts: {shell: false}, env: {A: b}}"
    result, data = compose(
        tmp_path,
        f"pipeline: {{{image}, serial: {{a: [/app], b: [/app]}}}}\n".replace("[/app]", "{run: [/app]}"),
    )
    assert list(data["services"])[1:] == ["a", "b"]
    assert [d.code for d in result.diagnostics] == ["target-approximates"]
    assert "'up' does not fail with a step" in result.diagnostics[0].message


def test_too_many_waits_are_refused(tmp_path: Path) -> None:
    group = "{matrix: {n: [" + ",".join(map(str, range(400))) + "]}, run: 'true'}"
    result, data = compose(
        tmp_path, f"pipeline: {{image: 'busybox:1.35', serial: {{a: {group}, b: {group}}}}}\n"
    )
    assert data is None
    assert "more than 100,000 waits" in result.diagnostics[0].message


LEAF: dict[str, Any] = {
    "retry": {"attempts": 1, "backoff": 0}, "max_time": None, "accept_return_code": [], "suppress_errors": False,
    "stdin": None, "command": ["true"],
}  # fmt: skip


def ran(argv: list[str]) -> tuple[int, str]:
    done = subprocess.run(argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_standard_input_is_the_text(text: str) -> None:
    argv = shell.wrapped({**LEAF, "stdin": text, "command": ["cat"]}, {})
    done = subprocess.run(argv, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, text.encode())


def test_exit_codes() -> None:
    for code, accepted, suppressed in itertools.product((0, 3, 7), ([], [3]), (False, True)):
        leaf = {**LEAF, "accept_return_code": accepted, "suppress_errors": suppressed}
        argv = shell.wrapped({**leaf, "command": ["sh", "-c", f"exit {code}"]}, {})
        assert ran(argv)[0] == (0 if suppressed or code in accepted else code)


def test_a_failure_is_tried_again_until_it_is_none(tmp_path: Path) -> None:
    count = f"echo x >>{tmp_path}/tries; [ $(wc -l <{tmp_path}/tries) -ge $1 ] || exit 9"
    for enough, expected in ((1, (0, 1)), (3, (0, 3)), (4, (9, 3))):
        (tmp_path / "tries").unlink(missing_ok=True)
        leaf = {
            **LEAF,
            "retry": {"attempts": 3, "backoff": 0.01},
            "command": ["sh", "-c", count, "sh", str(enough)],
        }
        code, _ = ran(shell.wrapped(leaf, {}))
        assert (code, len((tmp_path / "tries").read_text().split())) == expected


def test_time_is_up() -> None:
    assert ran(shell.wrapped({**LEAF, "max_time": 0.1, "command": ["sleep", "60"]}, {}))[0] == 124


@pytest.mark.parametrize(
    ("kept", "value"), [("a\n\n", "a\n"), ("a", "a"), ("", ""), ("$x 'y\"\n", "$x 'y\"")]
)
def test_a_variable_from_a_file_loses_one_newline(tmp_path: Path, kept: str, value: str) -> None:
    (tmp_path / "secret").write_text(kept)
    leaf = {**LEAF, "command": ["sh", "-c", 'printf "<%s>" "$TOKEN"']}
    assert ran(shell.wrapped(leaf, {"TOKEN": str(tmp_path / "secret")})) == (0, f"<{value}>")
    assert ran(shell.wrapped(leaf, {"TOKEN": str(tmp_path / "none")}))[0] != 0


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    ["0o17", "1e3", "0x1f", "1_000", "12:30:45", "~", "No", "2026-01-01", "=", "<<", ".inf", "a: b", "a #b", "- x", "\n", "a\n\n", "|", "x\u2028y", "\ufeffx"]
)  # fmt: skip
keys = st.text("abzAN019_.:/@-~= #", min_size=1, max_size=12)
data: Any = st.recursive(
    words | st.booleans() | st.integers(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3)
)  # fmt: skip


@given(st.dictionaries(keys, data, min_size=1, max_size=3))
def test_yaml_is_read_back(value: Any) -> None:
    """By a reader of YAML 1.2; that of 1.1 is the writer's own."""
    import yaml as reader

    value = {"value": value}
    text = yaml.dump(value)
    assert reader.safe_load(text) == value
    if json.dumps(value, ensure_ascii=False).isprintable():
        assert plain(load("f", text).root) == value
