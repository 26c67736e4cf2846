"""Which leaves an edit touches, without an engine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from imgc_engine.plan import load
from imgc_engine.watch.touched import fingerprints, touched
from tests_support import ROOT

sys.path.insert(0, str(ROOT / "tests/engine"))  # for `plans`: pytest runs with --import-mode=importlib

import plans
from plans import parallel, run, serial


def found(folder: Path, tree: dict[str, Any], **more: Any) -> dict[str, str]:
    document = {**plans.plan(tree, images=more.pop("images", None)), **more}
    return fingerprints(load(document), document, folder, folder / ".imgc/data")


def test_a_fingerprint_is_what_a_leaf_does_and_not_where_it_is_written(tmp_path: Path) -> None:
    before = found(tmp_path, serial(run("a"), run("b")))
    assert found(tmp_path, serial(run("new"), run("a"), run("b"), doc="text"))["a"] == before["a"]
    assert found(tmp_path, serial(run("a", doc="text"), run("b"))) == before
    assert found(tmp_path, serial(run("a", "else"), run("b")))["a"] != before["a"]
    assert found(tmp_path, serial(run("a", skip=True), run("b"))).keys() == {"b"}


def test_images_code_and_data_count(tmp_path: Path) -> None:
    for name in ("code", "repo", "mount", "written"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "f").write_text("1")
    builder = {
        "language": None,
        "image": None,
        "path": "code",
        "place": plans.place(1),
        "secrets": [],
        "pip": None,
    }
    images = {"box": plans.image(), "built": plans.image(builder=builder)}
    tree = serial(
        run("code", image="built"),
        run("data", input={"repo": "r", "glob": "/", "name": "r"}),
        run("ro", mounts=[{"src": "mount", "dst": "/m", "read_only": True}]),
        run("rw", mounts=[{"src": "written", "dst": "/m", "read_only": False}]),
        run("both", mounts=[{"src": "written", "dst": "/m", "read_only": True}]),
    )

    def now() -> dict[str, str]:
        return found(tmp_path, tree, images=images, repos={"r": {"path": "repo"}})

    before = now()
    assert now() == before
    for name, leaf in (("code", "code"), ("repo", "data"), ("mount", "ro")):
        (tmp_path / name / "f").write_text("edited")
        after = now()
        assert {path for path in after if after[path] != before[path]} == {leaf}
        before = after
    (tmp_path / "written/f").write_text("by the run itself")
    assert now() == before
    images["box"] = plans.image("debian:trixie-slim")
    after = now()
    assert {path for path in after if after[path] == before[path]} == {"code"}
    (tmp_path / "code/f").unlink()
    (tmp_path / "code").rmdir()
    assert now()["code"] != after["code"], "what is gone is another thing, and no error"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ("a", ["a", "p/x", "p/y", "z"]),
        ("p/x", ["p/x", "z"]),
        ("z", ["z"]),
        ("side", ["side", "after"]),
        ("", []),
    ],
)
def test_what_comes_after_it_is_touched_too(tmp_path: Path, changed: str, expected: list[str]) -> None:
    main = serial(run("a"), parallel(run("x"), run("y"), name="p"), run("z"), name="main")
    tree = parallel(main, run("side"), run("after", needs=["side"]))
    expected = [f"main/{path}" if path not in ("side", "after") else path for path in expected]
    plan = load(plans.plan(tree))
    now = found(tmp_path, tree)
    done = {path: mark for path, mark in now.items() if path not in (changed, f"main/{changed}")}
    assert touched(plan, now, done) == expected
