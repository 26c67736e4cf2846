"""What Docker leaves out. Every row was checked against moby/patternmatcher itself, in Go."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgc.context.ignore import DEFAULT_PATTERNS, BadPattern, Matcher, literal, parse, problems, rebase


@pytest.mark.parametrize(
    ("text", "patterns"),
    [
        ("", ()),
        ("# only\n\n   \n", ()),
        ("a\nb", ("a", "b")),
        ("a\r\nb\r\n", ("a", "b")),
        ("\ufeffa\n", ("a",)),
        ("a\n\ufeffb", ("a", "\ufeffb")),
        (" # not a comment", ("# not a comment",)),
        ("a # b", ("a # b",)),
        ("\t a \u00a0", ("a",)),
        ("/a/b/", ("a/b",)),
        ("//a", ("a",)),
        ("/", ("/",)),
        (".", (".",)),
        ("./a/./b//c", ("a/b/c",)),
        ("a/../b", ("b",)),
        ("../a", ("../a",)),
        ("!/a/", ("!a",)),
        ("!  a", ("!a",)),
        ("!!a", ("!!a",)),
        ("!", ("!",)),
        ("**/", ("**",)),
        ("a\\ ", ("a\\",)),
    ],
)
def test_parse(text: str, patterns: tuple[str, ...]) -> None:
    assert parse(text) == patterns


IGNORED = [
    # one pattern
    ("a", "a b/a ab", "a"),
    ("a", "a/b/c", "a/b/c"),
    ("a/b", "a a/b a/b/c b c/a/b", "a/b a/b/c"),
    ("*", "a .a a/b", "a .a a/b"),
    ("*/b", "b a/b a/b/c a/c/b", "a/b a/b/c"),
    ("*.pyc", "x.pyc a/x.pyc .pyc xpyc", "x.pyc .pyc"),
    ("a*", "a ab b ab/c", "a ab ab/c"),
    ("?", "a ab é", "a é"),
    ("a?b", "a/b axb ab", "axb"),
    (".*", ".env env a/.env", ".env"),
    ("a.b", "a.b axb", "a.b"),
    # any number of folders
    ("**", "a a/b", "a a/b"),
    ("**/a", "a b/a b/c/a ba a/b", "a b/a b/c/a a/b"),
    ("**/a/b", "a/b c/a/b a/c/b ca/b", "a/b c/a/b"),
    ("**a", "a ba c/ba ab", "a ba c/ba"),
    ("**/*.md", "x.md a/x.md a/b/x.md x.mdx", "x.md a/x.md a/b/x.md"),
    ("a/**", "a a/b a/b/c ab/c", "a/b a/b/c"),
    ("a**", "a ab a/b b/a", "a ab a/b"),
    ("a/**/b", "a/b a/c/b a/c/d/b a/xb b", "a/b a/c/b a/c/d/b"),
    ("a/**/*.c", "a/x.c a/b/x.c x.c", "a/x.c a/b/x.c"),
    ("**/a/**", "a a/b c/a/b/d", "a/b c/a/b/d"),
    ("**/**/a", "a b/a", "a b/a"),
    ("a**b", "ab a/b acb a/c/b axb/b", "ab a/b a/c/b axb/b"),
    ("***", "a a/b", "a a/b"),
    # classes and escapes
    ("[ab]", "a b c", "a b"),
    ("[a-c]x", "bx dx b", "bx"),
    ("[^a]", "a b", "b"),
    ("a[^x]b", "ayb axb a/b", "ayb a/b"),
    ("[!a]", "! a b", "! a"),
    ("[\\]a]", "] a b", "] a"),
    ("[a\\-c]", "a - b", "a -"),
    ("[[:digit:]]x", "1x 1]x dx", "1x"),
    ("[[:^digit:]]", "1 a", "a"),
    ("\\*", "* a", "*"),
    ("a\\?b", "a?b axb", "a?b"),
    ("\\!a", "!a a", "!a"),
    ("\\#a", "#a a", "#a"),
    ("\\d", "1 d", "1"),
    ("a\\b", "ab a b", "a"),
    # characters that an expression would give a meaning
    ("a+b", "a+b aab", "a+b"),
    ("c++", "c++ c", "c++"),
    ("(a)", "(a) a", "(a)"),
    ("$a", "$a a", "$a"),
    ("a|b", "a|b a b", "a|b"),
    ("a|b*", "a|b a bx axx xxb xxa", "a|b a bx axx xxb"),
    ("a{2}", "a{2} aa", "a{2}"),
    ("a{2}?", "aab a{2}b", "aab"),
    ("{{a}}*", "{{a}}b {a}", "{{a}}b"),
    ("a{,2}*", "a{,2}b a aa", "a{,2}b"),
    ("^a", "^a a", "^a"),
    ("^a*", "^ab ab", "ab"),
    ("]a", "]a a", "]a"),
    # the context itself, and what lies outside of it
    (".", "a . a/b", ""),
    ("/", "a", ""),
    ("..", "a", ""),
    ("../a", "a", ""),
    ("a/..", "a", ""),
    # negation: the last that matches decides, and what a folder matched holds below it
    ("* !a", "a b a/c", "b"),
    ("!a *", "a", "a"),
    ("a !a/b", "a a/b a/c a/b/d", "a a/c"),
    ("a/* !a/b", "a a/b a/c", "a/c"),
    ("a !a/b a/b/c", "a/b a/b/c a/b/d", "a/b/c"),
    ("a/b !a", "a a/b a/c", "a/b"),
    ("a a/b !a", "a a/b a/c", ""),
    ("a/b !a/*", "a/b a/c", ""),
    ("a/b !**/b", "a/b", ""),
    ("**/b !a", "a/b b", "a/b b"),
    ("**/.git !.git", ".git .git/config a/.git", "a/.git"),
    ("** !a", "a a/b b", "b"),
    ("* !a/b", "a a/b a/b/c a/d", "a a/d"),
    ("* !a/**", "a a/b a/b/c", "a"),
    ("* !**/*.md", "x.md a/x.md a/x.txt a", "a/x.txt a"),
    (
        "*.md !README*.md README-secret.md",
        "a.md README.md README-x.md README-secret.md",
        "a.md README-secret.md",
    ),
    ("!.", "a", ""),
    ("* !.", "a", "a"),
    ("* !a !b a/c", "a a/c b c", "a/c c"),
    # many stars: the way without backtracking
    ("**/a*b*c/**/d*e", "x/abc/de abc/x/y/dxe abcx/de a/b/c/de", "x/abc/de abc/x/y/dxe"),
    ("*a*a*a*a*", "aaaa aabaxa aaa a/aaa", "aaaa aabaxa"),
    ("**/*?a*/*/**", "xa/b/c xa/b q/bxa/b/c a/b/c", "xa/b/c q/bxa/b/c"),
]


@pytest.mark.parametrize(("patterns", "paths", "ignored"), IGNORED, ids=[row[0] for row in IGNORED])
def test_ignored(patterns: str, paths: str, ignored: str) -> None:
    matcher = Matcher(parse(patterns.replace(" ", "\n")))
    assert [path for path in paths.split() if matcher.ignored(path)] == ignored.split()


def test_newlines_and_spaces_in_names() -> None:
    assert Matcher(["*.a"]).ignored("x\ny.a")
    assert not Matcher(["**/*b"]).ignored("x\ny/zb")
    assert Matcher(["a b"]).ignored("a b")
    assert not Matcher(["a"]).ignored("a\n")
    assert not Matcher(["a*"]).ignored("b\na")


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("[", "lacks its ']'"),
        ("a[", "lacks its ']'"),
        ("[^", "lacks its ']'"),
        ("[^bc", "lacks its ']'"),
        ("x*[ab", "lacks its ']'"),
        ("[]a]", "needs a backslash"),
        ("[-a]", "needs a backslash"),
        ("[a-]", "needs a backslash"),
        ("[a-b-c]", "needs a backslash"),
        ("[z-a]", "backwards"),
        ("[Local-Only]", "backwards"),
        ("[[:letter:]]", "no class"),
        ("a\\", "ends in a backslash"),
        ("\\q", "no meaning"),
        ("\\é", "no meaning"),
        ("*{2}", "no regular expression"),
        ("a{1001}*", "repeats too often"),
        ("!", "nothing after"),
        ("!/", "nothing after"),
    ],
)
def test_patterns_that_docker_refuses(pattern: str, reason: str) -> None:
    with pytest.raises(BadPattern, match=f"^Docker does not accept the pattern '.+': .*{reason}") as caught:
        Matcher(parse(pattern))
    assert str(caught.value).endswith(".")
    assert [line for line, _ in problems(f"fine\n# [\n{pattern}\n")] == [2]


def test_a_hostile_pattern_takes_no_time() -> None:
    matcher = Matcher(["**/" + "*a" * 40 + "*b", "**/a" * 30 + "*c", "*" + "?*" * 30 + "x"])
    begin = time.process_time()
    assert not matcher.ignored("/".join(["a" * 250] * 8))
    assert time.process_time() - begin < 2


@pytest.mark.parametrize(
    "path",
    [
        ".git",
        "a/.git/config",
        "src/__pycache__/a.pyc",
        "a.pyc",
        ".env",
        "web/node_modules/x",
        ".imgc/journal",
    ],
)
def test_left_out_by_default(path: str) -> None:
    assert Matcher(DEFAULT_PATTERNS).ignored(path)


@pytest.mark.parametrize(
    "path", ["env", "src/env/x.py", ".github", ".gitignore", ".env.example", "cache", "a.py"]
)
def test_not_left_out_by_default(path: str) -> None:
    assert not Matcher(DEFAULT_PATTERNS).ignored(path)


# Properties. Names and patterns of few letters, so that they meet.

names = st.text("ab.*[]!# \\+{|^é", min_size=1, max_size=3).filter(lambda name: name not in (".", ".."))
paths = st.lists(names, min_size=1, max_size=4).map("/".join)
pieces = st.sampled_from(["a", "b", "*", "**", "?", "/", "/", "[ab]", "[^a]", "\\a", ".", "é", "**/"])
patterns = st.lists(pieces, min_size=1, max_size=5).map("".join)
lists = st.lists(st.tuples(st.booleans(), patterns), max_size=5).map(
    lambda rows: "\n".join(f"{'!' if negated else ''}{pattern}" for negated, pattern in rows)
)


def matcher_or_none(text: str) -> Matcher | None:
    try:
        return Matcher(parse(text))
    except BadPattern:
        return None


@given(paths, paths)
def test_a_literal_matches_its_path_and_what_is_below(path: str, other: str) -> None:
    matcher = Matcher(parse(literal(path)))
    assert matcher.ignored(path)
    assert matcher.ignored(f"{path}/x")
    assert matcher.ignored(other) == (other == path or other.startswith(f"{path}/"))
    negated = Matcher(parse(f"*\n!{literal(path)}"))
    assert negated.ignored(other) == (other != path and not other.startswith(f"{path}/"))


@given(lists, paths)
def test_parse_is_stable(text: str, path: str) -> None:
    once = parse(text)
    assert parse("\n".join(once)) == once
    matcher = matcher_or_none(text)
    assert matcher is None or matcher.ignored(path) == Matcher(once).ignored(path)


@given(lists, st.lists(paths, min_size=1, max_size=8))
def test_an_order_of_questions_does_not_matter(text: str, asked: list[str]) -> None:
    matcher = matcher_or_none(text)
    if matcher is not None:
        answers = {path: Matcher(matcher.patterns).ignored(path) for path in asked}
        assert {path: matcher.ignored(path) for path in asked} == answers


@given(lists, paths, paths, paths)
def test_rebased_patterns_do_below_what_they_did_at_the_top(
    text: str, prefix: str, path: str, outside: str
) -> None:
    matcher = matcher_or_none(text)
    if matcher is None:
        return
    moved = Matcher(parse("\n".join(rebase(parse(text), prefix))))
    assert moved.ignored(f"{prefix}/{path}") == matcher.ignored(path)
    assert not moved.ignored(prefix)
    if not outside.startswith(f"{prefix}/"):
        assert not moved.ignored(outside)


@pytest.mark.parametrize(
    ("pattern", "moved"),
    [
        ("a", "x/y/a"), ("!a/b", "!x/y/a/b"), ("**/a", "x/y/**/a"), ("*", "x/y/*"), ("**", "x/y/**"),
        ("**a", "x/y/**/*a"), ("a/**", "x/y/a/**"), ("!**/*.md", "!x/y/**/*.md"),
    ],
)  # fmt: skip
def test_rebase(pattern: str, moved: str) -> None:
    assert rebase([pattern], "x/y") == (moved,)
    assert rebase([pattern], ".") == (pattern,)


def test_rebase_drops_what_matched_nothing() -> None:
    assert rebase(parse(".\n/\n..\n../a\n!../b\na/.."), "x") == ()


@given(lists, paths)
def test_below_a_hopeless_folder_nothing_is_brought_back(text: str, path: str) -> None:
    matcher = matcher_or_none(text)
    if matcher is None:
        return
    folder = path.rpartition("/")[0]
    while folder:
        ignored, memory = matcher.folder(folder)
        if ignored and matcher.hopeless(folder, memory):
            assert matcher.ignored(path)
        folder = folder.rpartition("/")[0]


def test_folders_of_another_kind_are_hopeless() -> None:
    matcher = Matcher(parse("*\n!src\n!*.md\n!docs/*/x.txt\n"))
    assert matcher.hopeless("node_modules", matcher.folder("node_modules")[1])
    assert matcher.hopeless("docs/a/b", matcher.folder("docs/a/b")[1])
    assert not matcher.hopeless("docs", matcher.folder("docs")[1])


def test_what_was_brought_back_before_does_not_keep_a_folder_open() -> None:
    matcher = Matcher(parse("*\n!src/**\nsrc/build\n"))
    assert matcher.hopeless("src/build", matcher.folder("src/build")[1])
    assert not matcher.hopeless("src", matcher.folder("src")[1])
