"""The .dockerignore of an image, as text and by what it lets in."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgc.context.ignore import DEFAULT_PATTERNS, BadPattern, Matcher, default_patterns, parse
from imgc.context.narrow import common_context, in_context, narrow, outermost

DEFAULTS = ("**/.git", "**/.venv", "**/.env", "**/*.pyc", "**/.imgc", "pipeline.yaml")
LINES = "".join(f"{line}\n" for line in DEFAULTS)


def allowed(text: str, paths: str) -> list[str]:
    matcher = Matcher(parse(text))
    return [path for path in paths.split() if not matcher.ignored(path)]


def test_the_text_of_an_image_that_copies_a_folder() -> None:
    text = narrow(["src", "requirements.txt"], named=["requirements.txt"], defaults=DEFAULTS)
    assert text == (
        "# Only what is copied or mounted:\n*\n!requirements.txt\n!src\n# Left out by default:\n"
        + LINES.replace("pipeline.yaml\n", "")
    )
    assert allowed(text, "src src/a.py src/a.pyc src/.git/x lib lib/a requirements.txt pipeline.yaml") == [
        "src", "src/a.py", "requirements.txt",
    ]  # fmt: skip


def test_the_text_of_an_image_that_mounts_files_alone() -> None:
    text = narrow([], named=["uv.lock", "pyproject.toml"], user=["*"])
    assert text == "# Only what is copied or mounted:\n*\n!pyproject.toml\n!uv.lock\n"


def test_the_text_of_an_image_that_copies_nothing() -> None:
    assert narrow([]) == "# Only what is copied or mounted:\n*\n"


def test_the_text_of_an_image_that_copies_everything() -> None:
    text = narrow([".", "src"], user=["*.md", "docs"], defaults=DEFAULTS)
    assert text == "# .dockerignore:\n*.md\ndocs\n# Left out by default:\n" + LINES
    assert allowed(text, "a b.md docs/x src/.env pipeline.yaml") == ["a"]


def test_order_of_the_paths_does_not_matter() -> None:
    assert narrow(["b", "a", "a/c"]) == narrow(["a/c", "b", "a", "a"])


def test_defaults_of_a_pipeline() -> None:
    defaults = default_patterns(["pipeline.yaml", "imgc.lock", "build [1]"])
    assert defaults == (*DEFAULT_PATTERNS, "pipeline.yaml", "imgc.lock", "build \\[1\\]")
    text = narrow(["."], defaults=defaults)
    assert allowed(text, "pipeline.yaml imgc.lock a/imgc.lock") == ["a/imgc.lock"]


@pytest.mark.parametrize(
    ("user", "paths", "let_in"),
    [
        # what a negation names comes back, and nothing else that is left out by default
        ("!.git", ".git/config src/.git/x .env a.pyc", ".git/config"),
        ("!**/.git", ".git/config src/.git/x .env", ".git/config src/.git/x"),
        ("!src/.env", ".env src/.env", "src/.env"),
        ("!.env*", ".env .env.local", ".env .env.local"),
        ("!.venv/bin/tool", ".venv/bin/tool .venv/bin/x", ".venv/bin/tool"),
        ("!pipeline.yaml", "pipeline.yaml", "pipeline.yaml"),
        ("!src/x.pyc", "src/x.pyc src/y.pyc", "src/x.pyc"),
        ("* !src", "src/a src/a.pyc src/.git/x lib/a .env", "src/a"),
        ("* !src !**/.env", "src/a src/.env src/.git/x lib/.env", "src/a src/.env lib/.env"),
        ("!.git .git/hooks", ".git/config .git/hooks/x .env", ".git/config"),
        ("!.git * !src", ".git/config src/a src/.git/y src/.env", "src/a"),
        ("!src/.env *.md !docs", "src/.env docs/.env docs/a .env", "src/.env docs/a"),
        ("!src/.env *.md !d*", "src/.env docs/.env docs/a .env", "docs/a"),
        ("!.git **/*.md !src/README.md", ".git/x a.md src/README.md src/.env", ".git/x src/README.md"),
        ("**/*.md !**/README.md", "a.md README.md a/README.md .env/README.md", "README.md a/README.md"),
        ("!*", ".git/x a", "a"),
        ("!** !src/**", ".git/x src/.env src/a", "src/a"),
    ],
)
def test_negations_where_everything_is_copied(user: str, paths: str, let_in: str) -> None:
    text = narrow(["."], user=parse(user.replace(" ", "\n")), defaults=DEFAULTS)
    assert allowed(text, paths) == let_in.split()


@pytest.mark.parametrize(
    ("roots", "user", "paths", "let_in"),
    [
        # a negation brings in nothing that is not copied
        ("src", "!docs", "docs docs/a src/a", "src/a"),
        ("src", "**/*.md !**/README.md", "README.md docs/README.md src/README.md src/a.md", "src/README.md"),
        ("src", "* !src/a", "src/a src/b a", "src/a"),
        ("src", "* !*/a", "src/a src/b lib/a", "src/a"),
        ("src", "* !src", "src/a lib/a", "src/a"),
        ("src/app", "* !src", "src/app/a src/b", "src/app/a"),
        ("src/app lib", "* !src/*/x !lib/**/x", "src/app/x src/app/y src/b/x lib/a/x", "src/app/x lib/a/x"),
        ("src", "!.git", ".git/x src/.git/x src/a", "src/a"),
        ("src", "!**/.git", ".git/x src/.git/x src/a", "src/.git/x src/a"),
        # a folder above a copied one
        ("src/app", "src", "src/app/a src/b", ""),
        ("src/app", "src !src/app/keep", "src/app/a src/app/keep src/b", "src/app/keep"),
        ("src/app", "src !src", "src/app/a src/b", "src/app/a"),
        ("src/app", "src/app !src", "src/app/a src/b", ""),
        ("src/app", "**/app", "src/app/a", ""),
        # in or below what is left out by default
        (".imgc/sources/x", "", ".imgc/sources/x/a .imgc/sources/x/.git/b .imgc/j", ".imgc/sources/x/a"),
        (".imgc/sources/x", "*.md **/*.md", ".imgc/sources/x/a .imgc/sources/x/b.md", ".imgc/sources/x/a"),
        (".imgc/sources/x src", "", "src/.imgc/a .imgc/sources/x/.imgc/a src/a", "src/a"),
        (".venv/share", "", ".venv/share/a .venv/x .venv/share/.venv/x", ".venv/share/a"),
        (". .venv/share", "", ".venv/share/a .venv/x .venv/share/.git/x a", ".venv/share/a a"),
        (". .venv/share", "**/*.md", ".venv/share/a .venv/share/a.md", ".venv/share/a"),
        (". .venv/share", ".venv/share", ".venv/share/a", ""),
        (". .env", "", ".env src/.env", ".env"),
        ("pipeline.yaml", "", "pipeline.yaml", "pipeline.yaml"),
        # names with a meaning in patterns
        ("c++/src [x]/(y)", "", "c++/src/a c++/lib/a c++/b [x]/(y)/a [x]/z x/(y)", "c++/src/a [x]/(y)/a"),
        ("#a !b", "", "#a !b a b", "#a !b"),
        ("c++/src c++/lib/x", "**/b", "c++/src/a c++/src/b c++/lib/x c++/lib/y", "c++/src/a c++/lib/x"),
    ],
)  # fmt: skip
def test_what_is_let_in(roots: str, user: str, paths: str, let_in: str) -> None:
    text = narrow(roots.split(), user=parse(user.replace(" ", "\n")), defaults=DEFAULTS)
    assert allowed(text, paths) == let_in.split(), text


@pytest.mark.parametrize("user", ["requirements.txt", "*.txt", "*", "deploy", "**/*.txt\n**"])
@pytest.mark.parametrize("named", ["requirements.txt", "deploy/requirements.txt", ".venv/requirements.txt"])
def test_files_asked_for_by_name_are_never_hidden(user: str, named: str) -> None:
    for paths in ([], ["src"], ["."], [named, "src"]):
        text = narrow(paths, named=[named], user=parse(user), defaults=DEFAULTS)
        assert allowed(text, f"{named} src/b.txt .venv/x") in ([named], [named, "src/b.txt"])


def test_nothing_is_said_twice() -> None:
    text = narrow(["src"], named=["src/requirements.txt"], user=["docs"], defaults=DEFAULTS)
    assert "requirements" not in text
    text = narrow(["src"], named=["src/requirements.txt"], user=["**/*.txt"], defaults=DEFAULTS)
    assert text.endswith("# Left out above, but asked for by name:\n!src/requirements.txt\n")


names = st.sampled_from(["a", "b", "ab", "c+", ".git", "x.md", "[d]"])
paths = st.lists(names, min_size=1, max_size=4).map("/".join)
bodies = st.lists(
    st.sampled_from(["a", "b", "*", "**", "a*", "?", "*.md", "x.md"]), min_size=1, max_size=3
).map("/".join)
lists = st.lists(st.tuples(st.booleans(), bodies), max_size=5).map(
    lambda rows: parse("\n".join(f"{'!' if negated else ''}{body}" for negated, body in rows))
)


def _related(path: str, folder: str) -> bool:
    return path.startswith(f"{folder}/")


@settings(max_examples=500)
@given(
    st.lists(paths, max_size=3), st.lists(paths, max_size=2), lists, st.lists(paths, min_size=1, max_size=10)
)
def test_within_what_is_copied_the_user_decides(
    roots: list[str], named: list[str], user: tuple[str, ...], asked: list[str]
) -> None:
    matcher = Matcher(parse(narrow(roots, named=named, user=user, defaults=("**/.git",))))
    by_user = Matcher(user)
    for path in [*asked, *named]:
        folders = [root for root in outermost([*roots, *named]) if root not in named]
        holders = [root for root in folders if path == root or path.startswith(f"{root}/")]
        if path in named:
            assert not matcher.ignored(path)
        elif any(_related(path, name) for name in named) or any(_related(n, path) for n in [*roots, *named]):
            continue  # a file has nothing below it, and a folder comes with what is in it
        elif not holders:
            assert matcher.ignored(path)
        elif ".git" in path.removeprefix(holders[0]).split("/"):
            inside = [root for root in roots if path == root or path.startswith(f"{root}/")]
            assert matcher.ignored(path) or any(".git" in root.split("/") for root in inside)
        elif not any(".git" in root.split("/") for root in roots):
            assert matcher.ignored(path) == by_user.ignored(path)


@given(st.lists(paths, max_size=3), st.text("ab*/![]\\{|^.\n", max_size=12))
def test_any_patterns_give_a_text_that_docker_reads(roots: list[str], text: str) -> None:
    try:
        Matcher(parse(text))
    except BadPattern:
        return
    Matcher(parse(narrow(roots, user=parse(text))))


@pytest.mark.parametrize(
    ("paths", "context"),
    [
        ([], "."), (["src"], "."), (["."], "."), (["../lib", "src"], ".."), ([".."], ".."), (["..x"], "."),
        (["../../a", "../b"], "../.."),
    ],
)  # fmt: skip
def test_common_context(paths: list[str], context: str) -> None:
    assert common_context(paths) == context


@pytest.mark.parametrize(
    ("path", "context", "moved"),
    [
        ("src", ".", "src"), (".", ".", "."), ("src", "..", "app/src"), (".", "..", "app"),
        ("../lib", "..", "lib"), ("..", "..", "."), ("../lib", "../..", "repo/lib"),
        ("../../x", "../..", "x"), ("a", "../../..", "w/repo/app/a"),
    ],
)  # fmt: skip
def test_in_context(path: str, context: str, moved: str) -> None:
    assert in_context(path, Path("/w/repo/app"), context) == moved


def test_outermost() -> None:
    assert outermost(["b/c", "a", "b", "a-b", "a/b", "ab"]) == ["a", "a-b", "ab", "b"]
    assert outermost(["a", "."]) == ["."]
    assert outermost([]) == []
