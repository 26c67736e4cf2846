"""`copy_dir`, `copy_repo`, `copy_url` and `source_files`."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from code_layers import Kit, fixed, hadolint
from imgc.document.document import load
from imgc.instructions.types import Copy, Workdir
from imgc.layers.code import DOWNLOAD, places_of, source_path


def test_a_folder_goes_into_the_workdir(kit: Kit) -> None:
    kit.files("src/a.py")
    text = kit.dockerfile("copy_dir: ./src/")
    assert text.splitlines()[1:] == ["WORKDIR /app", "COPY src ./"]
    assert kit.recipe.path_map == {"src": "/app"}
    assert hadolint(text, kit.folder) == ""


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("copy_dir: .", ["WORKDIR /app", "COPY . ./"]),
        ("copy_dir: .\nworkdir: /srv/x/", ["WORKDIR /srv/x", "COPY . ./"]),
        ("copy_dir: .\nauto_workdir: false", ["COPY . /app/"]),
        ("copy_dir: .\nauto_workdir: false\nworkdir: /w", ["COPY . /w/", "WORKDIR /w"]),
        (
            "copy_dir: .\nuser: 1000:50",
            [
                "RUN mkdir -p /app && \\",
                "    chown 1000:50 /app",
                "WORKDIR /app",
                "COPY --chown=1000:50 . ./",
                "USER 1000:50",
            ],
        ),
        (
            "layers:\n- copy_dir: .\n- workdir: /x\n- copy_dir: src",
            ["WORKDIR /app", "COPY . ./", "WORKDIR /x", "COPY src /app/"],
        ),
        ("layers:\n- workdir: /x\n- copy_dir: .", ["WORKDIR /x", "COPY . /app/"]),
        ("copy_repo: false", []),
    ],
)
def test_places(kit: Kit, source: str, expected: list[str]) -> None:
    kit.files("src/a.py")
    assert kit.dockerfile(source).splitlines()[1:] == expected


def test_a_workdir_of_the_parent_is_written_out(kit: Kit) -> None:
    """hadolint sees no parent: a relative destination is only for a WORKDIR of the Dockerfile itself."""
    kit.files("a.py")
    text = kit.dockerfile("copy_dir: .", workdir="/app")
    assert text.splitlines()[1:] == ["COPY . /app/"]
    assert hadolint(text, kit.folder) == ""


def test_a_named_user_is_made_before_the_code(kit: Kit) -> None:
    kit.files("a.py")
    lines = kit.dockerfile("copy_dir: .\nuser: app\ncommands: [make]").splitlines()
    assert lines[-4:] == ["WORKDIR /app", "COPY --chown=10001:10001 . ./", "RUN make", "USER 10001:10001"]
    assert lines[1].startswith("RUN echo app:x:10001:")


@pytest.mark.parametrize(
    ("source", "code", "column"),
    [
        ("copy_dir: srcc", "path-missing", 11),
        ("copy_dir: a.py", "path-not-a-directory", 11),
        ("copy_dir: ../x", "path-outside", 11),
    ],
)
def test_folders_that_cannot_be_had(kit: Kit, source: str, code: str, column: int) -> None:
    kit.files("src/a", "a.py")
    assert kit.image(source) == []
    assert kit.said == [(code, 1, column)]


def test_a_missing_folder_has_a_fix(kit: Kit) -> None:
    kit.files("src/a")
    kit.image("copy_dir: ./srcc")
    assert fixed("copy_dir: ./srcc", kit.findings[0]) == "copy_dir: ./src"


# Repositories


def test_the_own_repository(kit: Kit) -> None:
    (kit.folder / ".git").mkdir()
    (kit.folder / "deploy/prod").mkdir(parents=True)
    kit.folder = kit.folder / "deploy/prod"
    assert kit.image("copy_repo: true") == [Workdir("/app"), Copy((".imgc/sources/0ac2ed319ff9",), "./")]
    (source,) = kit.recipe.sources
    assert (source.kind, source.url, source.branch, source.path) == (
        "repo",
        "",
        "",
        ".imgc/sources/0ac2ed319ff9",
    )
    assert kit.recipe.path_map == {"../..": "/app", "..": "/app/deploy", ".": "/app/deploy/prod"}


def test_another_repository(kit: Kit) -> None:
    text = kit.dockerfile("copy_url: https://git.example/x\ncopy_branch: v1")
    (source,) = kit.recipe.sources
    assert (source.kind, source.url, source.branch) == ("git", "https://git.example/x", "v1")
    assert text.splitlines()[1:] == ["WORKDIR /app", f"COPY {source.path} ./"]
    assert source.path == source_path("git", "https://git.example/x", "v1")
    assert kit.recipe.path_map == {}


def test_places_of_sources_do_not_run_into_each_other() -> None:
    assert (
        len({source_path("git", "ab", "c"), source_path("git", "a", "bc"), source_path("s3", "ab", "c")}) == 3
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/a/b",
        "http://host:8080/a.git",
        "ssh://git@host:22/a/b",
        "ssh://host/a",
        "git@github.com:a/b.git",
        "github.com:a/b",
        "git://host/a",
        "https://[::1]/a",
        "HTTPS://host/a",
        "https://host/a@b:c/d",
    ],
)
def test_urls(kit: Kit, url: str) -> None:
    kit.image(f"copy_url: '{url}'\ncopy_branch: main")
    assert kit.codes == []
    assert [source.kind for source in kit.recipe.sources] == ["git"]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://user:hunter2@host/a", "credentials-in-url"),
        ("https://hunter2@host/a", "credentials-in-url"),
        ("http://:hunter2@host/a", "credentials-in-url"),
        ("ssh://git:hunter2@host/a", "credentials-in-url"),
        ("git:hunter2@host:a", "credentials-in-url"),
        ("s3://id:hunter2@bucket/a", "credentials-in-url"),
        ("https://host/a?private_token=hunter2", "credentials-in-url"),
        ("ftp://user:hunter2@host/a", "credentials-in-url"),
        ("https://host/a b", "bad-url"),
        ("https://host", "bad-url"),
        ("https:///a", "bad-url"),
        ("https://-oProxyCommand=x/a", "bad-url"),
        ("ssh://-oProxyCommand=x/a", "bad-url"),
        ("ssh://-l@host/a", "bad-url"),
        ("-oProxyCommand=x:a", "local-url"),
        ("ftp://host/a", "bad-url"),
        ("ext::sh -c touch", "bad-url"),
        ("ext::x", "local-url"),
        ("git+https://host/a", "bad-url"),
        ("github.com/a/b", "bad-url"),
        ("./src", "local-url"),
        ("file:///src", "local-url"),
        ("../x", "local-url"),
        ("s3://", "bad-url"),
    ],
)
def test_urls_that_are_refused(kit: Kit, url: str, code: str) -> None:
    assert kit.image(f"copy_url: '{url}'\ncopy_branch: main") == []
    assert kit.said == [(code, 1, 11)]
    (finding,) = kit.findings
    assert "hunter2" not in repr(finding)
    if code == "credentials-in-url":
        assert "secret" in finding.text


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("copy_url: git+https://h/a\ncopy_branch: b", "copy_url: https://h/a\ncopy_branch: b"),
        ("copy_url: github.com/a/b\ncopy_branch: b", "copy_url: https://github.com/a/b\ncopy_branch: b"),
        ("copy_url: ./src", "copy_dir: ./src"),
        ("copy_url: https://h/a", "copy_url: https://h/a\ncopy_branch: HEAD"),
        (
            "copy_url: https://h/a # why\nuser: 1000",
            "copy_url: https://h/a\ncopy_branch: HEAD # why\nuser: 1000",
        ),
        (
            "layers:\n  - copy_url: 'https://h/a'",
            "layers:\n  - copy_url: 'https://h/a'\n    copy_branch: HEAD",
        ),
        ("layers: [{copy_url: https://h/a}]", "layers: [{copy_url: https://h/a, copy_branch: HEAD}]"),
        ("copy_url:\n  https://h/a", "copy_url:\n  https://h/a\ncopy_branch: HEAD"),
    ],
)
def test_fixes(kit: Kit, source: str, expected: str) -> None:
    kit.files("src/a.py")
    kit.image(source)
    assert fixed(source, kit.findings[0]) == expected
    kit.image(expected)
    assert kit.codes == []
    assert load("", expected).diagnostics == []


def test_a_missing_branch_is_said_at_the_key(kit: Kit) -> None:
    kit.image("user: 1000\ncopy_url: https://git.example/x")
    assert kit.said == [("missing-branch", 2, 1)]
    assert "copy_branch" in kit.findings[0].message


@pytest.mark.parametrize(
    "source",
    [
        "x: &u https://h/a\ncopy_url: *u",
        "x: &m {copy_url: https://h/a}\nlayers:\n- {<<: *m}",
    ],
)
def test_no_fix_where_the_url_stands_elsewhere(kit: Kit, source: str) -> None:
    kit.image(source)
    assert [(finding.code, finding.fixes) for finding in kit.findings] == [("missing-branch", ())]


@pytest.mark.parametrize(
    "branch",
    [
        "-x",
        "--upload-pack=x",
        "a b",
        "a\\tb",
        "a..b",
        "a^",
        "a:b",
        "x.lock",
        "a//b",
        "/a",
        "a.",
        "@{u}",
        "a\\\\b",
    ],
)
def test_branches_that_git_does_not_know(kit: Kit, branch: str) -> None:
    kit.image(f'copy_url: https://h/a\ncopy_branch: "{branch}"')
    assert kit.said == [("bad-branch", 2, 14)]


@pytest.mark.parametrize(
    "branch", ["main", "HEAD", "v1.2", "feature/x-1", "refs/heads/a", "0a1b2c3d", "a@b", "é"]
)
def test_branches(kit: Kit, branch: str) -> None:
    kit.image(f"copy_url: https://h/a\ncopy_branch: '{branch}'")
    assert kit.codes == []


def test_a_bucket_has_no_branches(kit: Kit) -> None:
    kit.image("copy_url: s3://bucket/a\ncopy_branch: main")
    assert kit.said == [("branch-of-bucket", 2, 1)]
    assert [related.span.place.line for related in kit.findings[0].related] == [1]
    kit.image("copy_branch: main\ncopy_url: s3://bucket/a")
    assert kit.said == [("branch-of-bucket", 2, 1)]
    kit.image("copy_url: s3://bucket/a")
    assert (kit.codes, kit.recipe.sources[0].kind) == ([], "s3")


@pytest.mark.parametrize(
    "source",
    [
        "copy_url: 5",
        "copy_url: [a]",
        "copy_url: ''",
        "copy_url: https://h/a\ncopy_branch: 1.10",
        "copy_dir: [a]",
        "copy_repo: x",
        "copy_url: '${{ params.x }}'",
    ],
)
def test_what_the_schema_refuses_is_not_said_twice(kit: Kit, source: str) -> None:
    assert (kit.image(source), kit.codes) == ([], [])


# source_files


def test_ignored_code_is_not_copied(kit: Kit) -> None:
    kit.files("src/a")
    assert kit.image("copy_dir: src\nsource_files: ignore") == []
    assert kit.recipe.path_map == {"src": "/app"}
    assert kit.image("source_files: ignore") == []


def test_downloaded_code_is_only_noted(kit: Kit) -> None:
    kit.files("src/a")
    assert kit.image("copy_dir: src\nsource_files: download") == [Workdir("/app")]
    assert kit.recipe.sources == []
    notes = kit.recipe.notes[DOWNLOAD]
    assert isinstance(notes, tuple)
    assert [(source.kind, source.path, source.target) for source in notes] == [("repo", "src", "/app")]
    kit.image("copy_url: https://h/a\ncopy_branch: b\nsource_files: download")
    assert kit.recipe.sources == []
    (source,) = kit.recipe.notes[DOWNLOAD]  # type: ignore[misc, attr-defined]
    assert (source.url, source.path) == ("https://h/a", source_path("git", "https://h/a", "b"))
    kit.image("copy_dir: src\nsource_files: download\nauto_workdir: false")
    assert kit.recipe.notes[DOWNLOAD][0].target == "/app"  # type: ignore[index]


@pytest.mark.parametrize("mode", ["include", "download_or_include"])
def test_without_a_code_key_the_folder_of_the_file_is_meant(kit: Kit, mode: str) -> None:
    assert kit.image(f"source_files: {mode}") == [Workdir("/app"), Copy((".",), "./")]
    assert kit.recipe.path_map == {".": "/app"}
    assert kit.recipe.steps[1].key == "source_files"


# Places of what is above the pipeline file


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 3))
def test_a_folder_above_names_each_folder_on_the_way(kit: Kit, count: int) -> None:
    directory = kit.folder / "a/b/c"
    root = "/".join([".."] * count) or "."
    places = dict(places_of(root, directory))
    assert len(places) == count + 1
    for local, below in places.items():
        assert (directory / root / below).resolve() == (directory / local).resolve()
