"""From inputs and trees to datums, by examples and by what must always hold."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgc_engine.data import trees
from imgc_engine.data.datums import (
    BadInput,
    Datum,
    content,
    datums,
    leads_out,
    matches,
    names,
    selected,
    sources,
    variables,
)
from imgc_engine.data.trees import File, Tree, clash_of, in_order

NAMES = st.text("ab.é \n", min_size=1, max_size=3).filter(lambda name: name not in (".", ".."))
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)


def tree(*paths: str, **links: str) -> Tree:
    """Files of which each holds its path; `a=b` is a symlink."""
    files = {path: File(path, "file", f"content of {path}") for path in paths}
    files |= {path: File(path, "link", target) for path, target in links.items()}
    for path in list(files):
        for above in trees.folders_above(path):
            files[above] = File(above, "directory")
    return Tree(Path("/data"), in_order(files.values()))


def repo(repo: str, glob: str = "/*", name: str = "") -> dict[str, Any]:
    return {"repo": repo, "glob": glob, "name": name or repo}


def made(given_input: dict[str, Any], **repos: Tree) -> list[list[str]]:
    """The places of each datum's pieces."""
    found = datums(given_input, {("repo", name): one for name, one in repos.items()})
    return [[piece.place for piece in datum] for datum in found]


PAGES = tree("b.txt", "a.txt", "more/c.txt", "more/deep/d.csv")


@pytest.mark.parametrize(
    ("glob", "expected"),
    [
        ("/", [""]),
        ("/*", ["a.txt", "b.txt", "more"]),
        ("/*/", ["a.txt", "b.txt", "more"]),
        ("//*", ["a.txt", "b.txt", "more"]),
        ("/*.txt", ["a.txt", "b.txt"]),
        ("/*/*", ["more/c.txt", "more/deep"]),
        ("/**", ["a.txt", "b.txt", "more/c.txt", "more/deep/d.csv"]),
        ("/**.csv", ["more/deep/d.csv"]),
        ("/more", ["more"]),
        ("/more/c.txt", ["more/c.txt"]),
        ("/nope", []),
        ("/{a,b}.txt", ["a.txt", "b.txt"]),
    ],
)
def test_a_glob_means_paths_of_the_tree(glob: str, expected: list[str]) -> None:
    assert matches(glob, PAGES) == expected
    assert matches(glob, tree()) == []


def test_each_match_is_a_datum() -> None:
    assert made(repo("pages"), pages=PAGES) == [
        ["/pfs/pages/a.txt"],
        ["/pfs/pages/b.txt"],
        ["/pfs/pages/more"],
    ]
    assert made(repo("pages", "/"), pages=PAGES) == [["/pfs/pages"]]


def test_a_cross_has_every_combination_and_a_union_all() -> None:
    cross = {"cross": [repo("x"), repo("y", name="z")]}
    assert made(cross, x=tree("1", "2"), y=tree("a", "b")) == [
        ["/pfs/x/1", "/pfs/z/a"], ["/pfs/x/1", "/pfs/z/b"], ["/pfs/x/2", "/pfs/z/a"], ["/pfs/x/2", "/pfs/z/b"],
    ]  # fmt: skip
    union = {"union": [repo("x"), repo("y")]}
    assert made(union, x=tree("1"), y=tree("a")) == [["/pfs/x/1"], ["/pfs/y/a"]]
    nested = {"cross": [union, repo("y", "/", name="all")]}
    assert made(nested, x=tree("1"), y=tree("a")) == [
        ["/pfs/x/1", "/pfs/all"], ["/pfs/y/a", "/pfs/all"],
    ]  # fmt: skip
    assert set(sources(nested)) == {("repo", "x"), ("repo", "y")}


def test_the_same_datum_of_two_members_is_one() -> None:
    union = {"union": [repo("x", "/*"), repo("x", "/1")]}
    assert made(union, x=tree("1", "2")) == [["/pfs/x/1"], ["/pfs/x/2"]]


def test_an_empty_repo_has_no_datums_and_a_glob_that_matches_nothing_is_a_mistake() -> None:
    assert made({"cross": [repo("x"), repo("y")]}, x=tree(), y=tree("a")) == []
    with pytest.raises(BadInput, match=r"'/\*.cvs' matches nothing in the repo 'x': it has /a.csv, /b.csv"):
        made(repo("x", "/*.cvs"), x=tree("a.csv", "b.csv"))
    with pytest.raises(BadInput, match=r"did you mean /a\.csv\?"):
        made(repo("x", "/a.cvs"), x=tree("a.csv", "b.csv"))
    node = {"node": "x", "glob": "/*.cvs", "name": "x"}
    assert datums(node, {("node", "x"): tree("a.csv")}) == []


def test_too_many_datums_are_refused_before_they_are_made() -> None:
    many = tree(*map(str, range(1000)))
    with pytest.raises(BadInput, match="more than 100,000"):
        made({"cross": [repo(name) for name in "abcd"]}, a=many, b=many, c=many, d=many)


def test_names_of_datums_are_told_apart_and_are_names_of_nodes() -> None:
    found = datums(repo("x", "/**"), {("repo", "x"): tree("a/b", "a∕b", "c\nd", "long" * 40, "long" * 41)})
    assert names("n", found)[:3] == ["n[a∕b]", "n[a∕b~2]", "n[c?d]"]
    assert names("n", found)[3:] == [f"n[{'long' * 14}lon…]", f"n[{'long' * 14}lon…~2]"]
    assert len(set(names("n", found))) == 5


@given(st.lists(PATHS, max_size=8))
def test_names_are_unique_whatever_the_files_are_called(paths: list[str]) -> None:
    files = tree(*paths) if _is_possible(paths) else tree()
    found = datums(repo("x", "/**"), {("repo", "x"): files})
    made_names = names("n", found)
    assert len(set(made_names)) == len(found)
    assert all("/" not in name and name.isprintable() for name in made_names)


@given(st.sets(PATHS, max_size=6), st.sets(PATHS, max_size=6))
def test_a_cross_is_the_product(first: set[str], second: set[str]) -> None:
    if not _is_possible(first) or not _is_possible(second):
        return
    x, y = tree(*first), tree(*second)
    alone = [made(repo("x", "/**"), x=x), made(repo("y", "/**"), y=y)]
    assert made({"cross": [repo("x", "/**"), repo("y", "/**")]}, x=x, y=y) == [
        [*one, *other] for one, other in itertools.product(*alone)
    ]


@given(st.sets(PATHS, min_size=1, max_size=6))
def test_parts_of_a_tree_are_what_is_below_their_path(paths: set[str]) -> None:
    if not _is_possible(paths):
        return
    whole = tree(*paths)
    for file in whole.files:
        below = [other for other in whole.files if (other.path + "/").startswith(file.path + "/")]
        assert list(whole.below(file.path)) == below
    assert whole.below("nope/nope") == ()


def test_a_datum_is_its_names_paths_and_content() -> None:
    def key(files: Tree, **settings: str) -> list[list[str]]:
        given_input = {**repo("x"), **settings}
        trees_given: dict[tuple[str, str], Tree] = {("repo", "x"): files}
        datum: Datum = datums(given_input, trees_given)[0]
        return content(datum, trees_given)

    same = key(tree("a/b", "other"))
    assert key(tree("a/b", "else")) == same, "what is beside it does not count"
    assert key(tree("a/c", "other")) != same
    assert key(tree("a/b", "a/c")) != same
    assert key(tree("a/b"), name="y") != same


def test_a_symlink_is_the_data_that_it_leads_to() -> None:
    given_trees: dict[tuple[str, str], Tree] = {("repo", "x"): tree("v1/a", latest="v1")}
    datum = datums(repo("x", "/latest"), given_trees)[0]
    changed: dict[tuple[str, str], Tree] = {("repo", "x"): tree("v1/a", "v1/b", latest="v1")}
    assert content(datum, given_trees) != content(datum, changed)
    assert variables(datum) == {"x": "/pfs/x/latest"}
    out: dict[tuple[str, str], Tree] = {("repo", "x"): tree("a", latest="../v1")}
    with pytest.raises(BadInput, match=r"'latest' leads to '\.\./v1', which is not in its data"):
        content(datum, out)
    loop: dict[tuple[str, str], Tree] = {("repo", "x"): tree("a", latest="latest")}
    with pytest.raises(BadInput, match="leads back to itself"):
        content(datum, loop)


def test_symlinks_that_lead_out_of_their_datum_are_told() -> None:
    files = Tree(Path("/d"), in_order([
        File("a", "directory"), File("a/in", "link", "../a/f"), File("a/f", "file", "1"),
        File("a/out", "link", "../b"), File("a/far", "link", "/etc/hosts"), File("b", "file", "2"),
    ]))  # fmt: skip
    given_trees: dict[tuple[str, str], Tree] = {("repo", "x"): files}
    datum = datums(repo("x", "/a"), given_trees)[0]
    assert list(leads_out(datum, given_trees)) == ["a/far -> /etc/hosts", "a/out -> ../b"]
    whole = datums(repo("x", "/"), given_trees)[0]
    assert list(leads_out(whole, given_trees)) == ["a/far -> /etc/hosts"]


def test_outputs_choose_what_is_handed_on() -> None:
    files = tree("counts/a", "counts/b", "log", "x/model").files
    chosen, missing = selected(files, ["/pfs/out/counts", "x/model/", "nope"])
    assert [file.path for file in chosen] == ["counts", "counts/a", "counts/b", "x", "x/model"]
    assert missing == ["nope"]
    assert selected(files, []) == (list(files), [])


def test_trees_clash_where_they_hold_different_things() -> None:
    assert clash_of(tree("a/b"), tree("a/c")) is None
    assert clash_of(tree("a/b"), tree("a/b")) is None
    other = Tree(Path("/"), (File("a", "directory"), File("a/b", "file", "other")))
    assert clash_of(tree("a/b"), other) == "a/b"
    assert clash_of(tree("a"), tree("a/b")) == "a"
    assert clash_of(tree("a/b", "c"), tree("a")) == "a"


def _is_possible(paths: Any) -> bool:
    """No path is a file and a folder."""
    return not any(above in paths for path in paths for above in trees.folders_above(path))
