"""Nodes by the names that people give them."""

from __future__ import annotations

import plans
import pytest
from plans import parallel, run, serial

from imgc_engine.plan import Node, load
from imgc_engine.run.selection import UnknownNode, leaf, select

TREE = serial(
    run("train"),
    parallel(run("unit"), run("lint"), name="test"),
    parallel(run("grid[py=3.10]"), run("grid[py=3.11]"), name="grid"),
    parallel(run("lint"), *(run(f"n{number}") for number in range(12)), name="many"),
)


@pytest.fixture
def nodes() -> tuple[Node, ...]:
    return load(plans.plan(TREE)).nodes


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ("train", "train"), ("/test/unit/", "test/unit"), ("unit", "test/unit"),
        ("grid[py=3.11]", "grid/grid[py=3.11]"),
    ],
)  # fmt: skip
def test_leaves(nodes: tuple[Node, ...], asked: str, path: str) -> None:
    assert leaf(nodes, asked).path == path


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("tset/unit", "The pipeline has no node 'tset/unit'. Did you mean 'test/unit' or 'test/lint'?"),
        ("lint", "The pipeline has no node 'lint'. Did you mean 'test/lint' or 'many/lint'?"),
        ("zzz", "The pipeline has no node 'zzz'."),
        ("test", "'test' is a group; name one of the nodes in it: test/unit, test/lint."),
        (
            "grid/grid",
            "The pipeline has no node 'grid/grid'. Did you mean 'grid/grid[py=3.10]' or 'grid/grid[py=3.11]'?",
        ),
    ],
)
def test_what_is_no_leaf(nodes: tuple[Node, ...], asked: str, said: str) -> None:
    with pytest.raises(UnknownNode) as caught:
        leaf(nodes, asked)
    assert str(caught.value) == said


def test_a_large_group_is_not_listed_whole(nodes: tuple[Node, ...]) -> None:
    with pytest.raises(UnknownNode, match="many/n8 and 3 more"):
        leaf(nodes, "many")


def test_a_part_of_the_tree_is_asked_for_by_name(nodes: tuple[Node, ...]) -> None:
    with pytest.raises(UnknownNode, match="Did you mean 'train'"):
        select(nodes, ["trian"])


def test_a_pipeline_of_one_node() -> None:
    assert leaf(load(plans.plan(run("only"))).nodes, "/").path == ""
