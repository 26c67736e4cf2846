"""`copy`: where files and folders go, and what cannot be copied."""

from __future__ import annotations

import pytest

from code_layers import NO_SHELL, Kit, fixed, hadolint
from imgc.layers.copy import EXCLUDE


@pytest.fixture
def kit(kit: Kit) -> Kit:
    kit.files("a.cfg", "b.cfg", "src/m.py", "src/data/x.csv", "lib/m.py", "other/a.cfg", "etc/src/y")
    return kit


@pytest.mark.parametrize(
    ("value", "copies", "path_map"),
    [
        ("a.cfg", ["a.cfg ./"], {"a.cfg": "/app/a.cfg"}),
        ("src", ["src ./src/"], {"src": "/app/src"}),
        ("./src/", ["src ./src/"], {"src": "/app/src"}),
        ("src/data", ["src/data ./data/"], {"src/data": "/app/data"}),
        (".", [". ./"], {".": "/app"}),
        ("[a.cfg, src]", ["a.cfg ./", "src ./src/"], {"a.cfg": "/app/a.cfg", "src": "/app/src"}),
        ("{src: src, contents_only: true}", ["src ./"], {"src": "/app"}),
        ("{src: a.cfg, dst: conf}", ["a.cfg ./conf"], {"a.cfg": "/app/conf"}),
        ("{src: a.cfg, dst: conf/}", ["a.cfg ./conf/"], {"a.cfg": "/app/conf/a.cfg"}),
        ("{src: a.cfg, dst: conf/x.cfg}", ["a.cfg ./conf/x.cfg"], {"a.cfg": "/app/conf/x.cfg"}),
        ("{src: a.cfg, dst: .}", ["a.cfg ./"], {"a.cfg": "/app/a.cfg"}),
        ("{src: a.cfg, dst: ./}", ["a.cfg ./"], {"a.cfg": "/app/a.cfg"}),
        ("{src: a.cfg, dst: ../x/}", ["a.cfg /x/"], {"a.cfg": "/x/a.cfg"}),
        ("{src: src, dst: work}", ["src ./work/"], {"src": "/app/work"}),
        ("{src: src, dst: work/}", ["src ./work/src/"], {"src": "/app/work/src"}),
        ("{src: src, dst: .}", ["src ./src/"], {"src": "/app/src"}),
        ("{src: src, dst: work/, contents_only: true}", ["src ./work/"], {"src": "/app/work"}),
        ("{src: src, dst: work, contents_only: false}", ["src ./work/"], {"src": "/app/work"}),
        ("{src: src/data, dst: work/}", ["src/data ./work/data/"], {"src/data": "/app/work/data"}),
        (
            "{src: [a.cfg, b.cfg], dst: c/}",
            ["a.cfg b.cfg ./c/"],
            {"a.cfg": "/app/c/a.cfg", "b.cfg": "/app/c/b.cfg"},
        ),
        ("{src: [a.cfg, src, b.cfg], dst: c/}", ["src ./c/src/", "a.cfg b.cfg ./c/"], None),
        (
            "{src: [src, lib], dst: c, contents_only: true}",
            ["src ./c/", "lib ./c/"],
            {"src": "/app/c", "lib": "/app/c"},
        ),
        ("{src: a.cfg, chown: '1000:50'}", ["--chown=1000:50 a.cfg ./"], None),
        ("{src: a.cfg, chown: 7}", ["--chown=7 a.cfg ./"], None),
    ],
)
def test_relative_to_the_workdir(
    kit: Kit, value: str, copies: list[str], path_map: dict[str, str] | None
) -> None:
    text = kit.dockerfile(f"copy: {value}")
    assert text.splitlines()[1:] == ["WORKDIR /app", *(f"COPY {copy}" for copy in copies)]
    assert kit.codes == []
    assert path_map in (None, kit.recipe.path_map)
    assert hadolint(text, kit.folder) == ""


@pytest.mark.parametrize(
    ("value", "copies", "path_map"),
    [
        ("{src: src, dst: /work/src}", ["src /work/src/"], {"src": "/work/src"}),
        ("{src: src, dst: /work/}", ["src /work/src/"], {"src": "/work/src"}),
        ("{src: src, dst: /}", ["src /src/"], {"src": "/src"}),
        ("{src: a.cfg, dst: /}", ["a.cfg /"], {"a.cfg": "/a.cfg"}),
        ("{src: a.cfg, dst: /etc/x/../app/}", ["a.cfg /etc/app/"], {"a.cfg": "/etc/app/a.cfg"}),
        ("{src: a.cfg, dst: //etc//b}", ["a.cfg /etc/b"], {"a.cfg": "/etc/b"}),
        ("{src: src, dst: /x, contents_only: true}", ["src /x/"], {"src": "/x"}),
        ("{src: ., dst: /x/}", [". /x/"], {".": "/x"}),
    ],
)
def test_absolute(kit: Kit, value: str, copies: list[str], path_map: dict[str, str]) -> None:
    """Nothing of it needs a workdir, so none is set."""
    text = kit.dockerfile(f"copy: {value}")
    assert text.splitlines()[1:] == [f"COPY {copy}" for copy in copies]
    assert kit.recipe.path_map == path_map
    assert hadolint(text, kit.folder) == ""


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("copy: a.cfg\nworkdir: /w", ["WORKDIR /w", "COPY a.cfg ./"]),
        ("copy: a.cfg\nauto_workdir: false", ["COPY a.cfg ./"]),
        ("copy: {src: src, dst: x}\nauto_workdir: false", ["COPY src ./x/"]),
        ("layers:\n- workdir: /w\n- copy: a.cfg", ["WORKDIR /w", "COPY a.cfg ./"]),
        (
            "layers:\n- copy: a.cfg\n- workdir: /w\n- copy: {src: src, dst: x/}",
            ["WORKDIR /app", "COPY a.cfg ./", "WORKDIR /w", "COPY src ./x/src/"],
        ),
        (
            "copy: a.cfg\nuser: 1000:50\nauto_workdir: false",
            ["COPY --chown=1000:50 a.cfg ./", "USER 1000:50"],
        ),
        ("copy: {src: a.cfg, dst: /x/, chown: root}\nuser: 7", ["COPY --chown=root a.cfg /x/", "USER 7"]),
    ],
)
def test_workdir_and_owner(kit: Kit, source: str, expected: list[str]) -> None:
    assert kit.dockerfile(source).splitlines()[1:] == expected


def test_an_unknown_workdir_maps_nothing(kit: Kit) -> None:
    kit.image("copy: a.cfg\nauto_workdir: false")
    assert kit.recipe.path_map == {}


def test_an_owner_of_one_copy_is_made_too(kit: Kit) -> None:
    text = kit.dockerfile("copy: {src: a.cfg, dst: /x/, chown: www}")
    assert "COPY --chown=10001:10001 a.cfg /x/" in text
    assert "echo www:x:10001:10001::/home/www:/bin/sh >>/etc/passwd" in text


def test_of_a_repository_that_holds_the_file(kit: Kit) -> None:
    (kit.folder / ".git").mkdir()
    kit.folder = kit.folder / "src"
    kit.image("copy: {src: .., dst: /repo}")
    assert kit.recipe.path_map == {"..": "/repo", ".": "/repo/src"}
    kit.image("copy: ../lib")
    assert kit.dockerfile("copy: ../lib").splitlines()[2:] == ["COPY ../lib ./lib/"]


def test_the_place_of_a_step_is_that_of_its_source(kit: Kit) -> None:
    kit.image("copy:\n- a.cfg\n- {src: src, dst: /x}")
    copies = kit.recipe.steps[2:]
    assert [str(step.span.place) for step in copies if step.span] == [
        "pipeline.yaml:2:3",
        "pipeline.yaml:3:9",
    ]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("missing", [("path-missing", 1, 7)]),
        ("[a.cfg, missing]", [("path-missing", 1, 15)]),
        ("{src: [a.cfg, no, nope], dst: x/}", [("path-missing", 1, 21), ("path-missing", 1, 25)]),
        ("{src: [a.cfg, b.cfg], dst: x}", [("destination-not-a-folder", 1, 34)]),
        ("{src: [src, lib], dst: x}", [("destination-not-a-folder", 1, 30)]),
        ("{src: a.cfg, dst: x/, contents_only: true}", [("contents-of-a-file", 1, 44)]),
        ("{src: [src, a.cfg], dst: x, contents_only: true}", [("contents-of-a-file", 1, 50)]),
        ("{src: a.cfg, dst: ~/x}", [("bad-destination", 1, 25)]),
        ('{src: a.cfg, dst: "/x\\0"}', [("unwritable-value", 1, 25)]),
        ("{src: a.cfg, dst: /app}", [("destination-is-a-folder", 1, 25)]),
        ("{src: a.cfg, dst: /}", []),
        ("{src: a.cfg, dst: ../app}", [("destination-is-a-folder", 1, 25)]),
        ("{src: a.cfg, chown: '9999999999'}", [("bad-user", 1, 27)]),
        ("{src: a.cfg, exclude: x}", [("exclude-of-a-file", 1, 29)]),
        ("{src: src, exclude: '#x'}", [("bad-pattern", 1, 27)]),
        ("{src: src, exclude: [a, '[']}", [("bad-pattern", 1, 31)]),
        ("[a.cfg, other/a.cfg]", [("same-name", 1, 15)]),
        ("{src: [a.cfg, other/a.cfg], dst: /x/}", [("same-name", 1, 21)]),
        ("[{src: a.cfg, dst: /x}, {src: b.cfg, dst: /x}]", [("same-name", 1, 37)]),
        ("[{src: src, dst: /x/}, {src: etc/src, dst: /x/}]", [("same-name", 1, 36)]),
        ("[{src: b.cfg, dst: c/a.cfg}, {src: other/a.cfg, dst: ./c/}]", [("same-name", 1, 42)]),
        ("[{src: src, dst: /x}, {src: lib, dst: /x}]", []),
        # What the schema has refused already is not said twice.
        ("[5, {dst: x}, {src: 5}, {src: a.cfg, dst: 5}, [a]]", []),
        ("{src: '${{ params.x }}', dst: x}", []),
        ("{src: a.cfg, dst: '${{ params.x }}'}", []),
    ],
)
def test_what_is_said(kit: Kit, value: str, said: list[tuple[str, int, int]]) -> None:
    kit.image(f"copy: {value}")
    assert kit.said == said


def test_two_of_one_name_point_at_each_other(kit: Kit) -> None:
    kit.image("copy:\n- a.cfg\n- other/a.cfg")
    (finding,) = kit.findings
    assert (finding.span.place.line, finding.related[0].span.place.line) == (3, 2)
    assert "'other/a.cfg'" in finding.message


def test_a_folder_for_several_is_a_fix(kit: Kit) -> None:
    for source, expected in (
        ("copy: {src: [a.cfg, b.cfg], dst: /x}", "copy: {src: [a.cfg, b.cfg], dst: /x/}"),
        ("copy: {src: [a.cfg, b.cfg], dst: 'x'}", "copy: {src: [a.cfg, b.cfg], dst: 'x/'}"),
    ):
        kit.image(source)
        assert fixed(source, kit.findings[0]) == expected
        kit.image(expected)
        assert kit.codes == []


def test_one_bad_item_does_not_hide_the_others(kit: Kit) -> None:
    kit.image("copy: [missing, a.cfg]")
    assert [step.instruction for step in kit.recipe.steps[2:]]


def test_a_named_owner_needs_a_shell(kit: Kit) -> None:
    kit.facts = NO_SHELL
    kit.image("copy: {src: a.cfg, dst: /x/, chown: app}")
    assert kit.codes == ["base-without-shell"]


# exclude


@pytest.mark.parametrize(
    ("value", "patterns"),
    [
        ("{src: src, exclude: '*.csv'}", ("src/*.csv",)),
        (
            "{src: src, exclude: ['**/*.csv', '!data/x.csv', /top]}",
            ("src/**/*.csv", "!src/data/x.csv", "src/top"),
        ),
        ("{src: ., dst: /x, exclude: data/}", ("data",)),
        ("[{src: src, exclude: a}, {src: lib, exclude: b}]", ("src/a", "lib/b")),
    ],
)
def test_patterns_are_those_of_the_pipelines_folder(kit: Kit, value: str, patterns: tuple[str, ...]) -> None:
    kit.image(f"copy: {value}")
    assert kit.recipe.notes[EXCLUDE] == patterns
    assert kit.codes == []


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("copy_dir: .\ncopy: {src: src, dst: /x, exclude: a}", [("exclude-overlap", 2, 13)]),
        ("copy_dir: src\ncopy: {src: ., dst: /x, exclude: a}", [("exclude-overlap", 2, 13)]),
        ("copy:\n- {src: src, exclude: a}\n- {src: src/data, dst: /x}", [("exclude-overlap", 2, 9)]),
        ("copy_dir: lib\ncopy: {src: src, dst: /x, exclude: a}", []),
        ("copy_dir: src\ncopy: {src: src/data, dst: /x}", []),
    ],
)
def test_patterns_that_reach_another_copy_are_said(
    kit: Kit, source: str, said: list[tuple[str, int, int]]
) -> None:
    kit.image(source)
    assert kit.said == said
