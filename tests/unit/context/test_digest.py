"""The files that a build takes, their digest, and what is kept of it between runs."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgc.context import digest as digest_module
from imgc.context import stamps
from imgc.context.digest import Digests, Unreadable, digest, files
from imgc.context.ignore import DEFAULT_PATTERNS, BadPattern, Matcher, parse
from imgc.context.narrow import narrow

ALL = Matcher([])


def write(path: Path, text: str = "", mode: int = 0o644) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def listed(root: Path, *paths: str, matcher: Matcher = ALL) -> list[str]:
    """Entries as text, by their kind: file, file*, folder/, link -> , special!"""
    marks = {"file": "", "directory": "/", "link": "@", "special": "!"}
    entries = files(root, paths or ["."], matcher)
    return [f"{entry.path}{marks[entry.kind]}{'*' if entry.executable else ''}" for entry in entries]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    write(folder / "src/main.py", "main")
    write(folder / "src/run.sh", "run", 0o755)
    write(folder / "src/a/b.py", "b")
    write(folder / "src/a-b", "-")
    (folder / "src/empty").mkdir()
    write(folder / "lib/core.py", "core")
    write(folder / "requirements.txt", "six")
    return folder


def test_list_is_sorted_folder_by_folder(root: Path) -> None:
    assert listed(root, "src") == [
        "src/", "src/a/", "src/a/b.py", "src/a-b", "src/empty/", "src/main.py", "src/run.sh*",
    ]  # fmt: skip
    assert listed(root, "requirements.txt", "lib") == ["lib/", "lib/core.py", "requirements.txt"]
    assert listed(root)[:2] == ["lib/", "lib/core.py"]


def test_paths_that_overlap_or_are_not_there(root: Path) -> None:
    assert listed(root, "src/a", "src/a/b.py", "src/a", "nowhere", "requirements.txt/x") == [
        "src/a/",
        "src/a/b.py",
    ]
    assert listed(root, ".", "src") == listed(root)
    assert list(files(root, [], ALL)) == []


def test_ignored_files_and_folders(root: Path) -> None:
    assert listed(root, "src", matcher=Matcher(["**/a", "*/*.py", "lib"])) == [
        "src/", "src/a-b", "src/empty/", "src/run.sh*",
    ]  # fmt: skip
    assert listed(root, matcher=Matcher(["*", "!src/a/b.py"])) == ["src/a/b.py"]
    assert listed(root, "src/a", matcher=Matcher(["src"])) == []
    assert listed(root, "src/a", matcher=Matcher(["src", "!src/a/b.py"])) == ["src/a/b.py"]
    text = narrow(["src", "requirements.txt"], user=["**/*.py"], named=["src/main.py"])
    assert listed(root, "src", "requirements.txt", matcher=Matcher(parse(text))) == [
        "requirements.txt", "src/", "src/a/", "src/a-b", "src/empty/", "src/main.py", "src/run.sh*",
    ]  # fmt: skip


def test_symlinks_below_a_path_are_kept(root: Path) -> None:
    (root / "src/link").symlink_to("../lib")
    (root / "src/broken").symlink_to("/nowhere")
    (root / "src/loop").symlink_to("loop")
    entries = listed(root, "src")
    assert {"src/link@", "src/broken@", "src/loop@"} <= set(entries)
    assert "src/link/core.py" not in entries
    digest(root, ["src"], ALL)


def test_a_path_that_is_a_symlink_is_followed(root: Path) -> None:
    (root / "code").symlink_to("lib")
    (root / "deps.txt").symlink_to("./src/../requirements.txt")
    (root / "src/up").symlink_to("../code")
    assert listed(root, "code") == ["code@", "lib/", "lib/core.py"]
    assert listed(root, "code/core.py") == ["code@", "lib/core.py"]
    assert listed(root, "deps.txt") == ["deps.txt@", "requirements.txt"]
    assert listed(root, "src/up/core.py") == ["code@", "lib/core.py", "src/up@"]
    before = digest(root, ["deps.txt"], ALL)
    write(root / "requirements.txt", "seven")
    assert digest(root, ["deps.txt"], ALL) != before


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("/etc", "absolute"), ("../..", "leads out of the build context"), ("../other/x", "leads out"),
        ("link", "leads back to itself"),
    ],
)  # fmt: skip
def test_symlinks_that_a_build_cannot_follow(root: Path, target: str, words: str) -> None:
    write(root.parent / "other/x")
    (root / "link").symlink_to(target)
    with pytest.raises(Unreadable, match=words) as caught:
        digest(root, ["link"], ALL)
    assert caught.value.path == "link"
    assert str(caught.value).startswith("'link' ")


def test_sockets_and_pipes_are_listed_and_take_no_part(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest(root, ["src"], ALL)
    os.mkfifo(root / "src/pipe")
    monkeypatch.chdir(root / "src")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
    assert {"src/pipe!", "src/socket!"} <= set(listed(root, "src"))
    assert digest(root, ["src"], ALL) == before


def test_digest_holds_names_contents_links_empty_folders_and_who_may_execute(root: Path) -> None:
    seen = {digest(root, ["src"], ALL)}

    def changed() -> bool:
        found = digest(root, ["src"], ALL)
        new = found not in seen
        seen.add(found)
        return new

    write(root / "src/main.py", "Main")
    assert changed()
    (root / "src/main.py").rename(root / "src/main2.py")
    assert changed()
    (root / "src/main2.py").chmod(0o755)
    assert changed()
    (root / "src/empty").rmdir()
    assert changed()
    (root / "src/link").symlink_to("main2.py")
    assert changed()
    (root / "src/link").unlink()
    (root / "src/link").symlink_to("a-b")
    assert changed()
    (root / "src/a/b.py").rename(root / "src/b.py")
    assert changed()


def test_digest_does_not_hold_times_owners_or_the_rest_of_the_mode(root: Path, tmp_path: Path) -> None:
    before = digest(root, ["."], ALL)
    os.utime(root / "src/main.py", (1, 1))
    (root / "src/main.py").chmod(0o600)
    (root / "src").chmod(0o700)
    shutil.copytree(root, tmp_path / "elsewhere", symlinks=True)
    assert digest(root, ["."], ALL) == before
    assert digest(tmp_path / "elsewhere", ["."], ALL) == before
    assert before.startswith("sha256:")
    assert len(before) == 71


def test_digest_of_nothing_and_of_a_large_file(tmp_path: Path) -> None:
    write(tmp_path / "empty")
    large = tmp_path / "large"
    large.write_bytes(b"x" * 5_000_000)
    nothing, everything = digest(tmp_path, [], ALL), digest(tmp_path, ["."], ALL)
    assert nothing != digest(tmp_path, ["empty"], ALL)
    with large.open("r+b") as stream:
        stream.seek(4_999_999)
        stream.write(b"y")
    assert digest(tmp_path, ["."], ALL) != everything


names = st.sampled_from(["a", "b", "ab", ".git", "x.md", "é", "a\nb", "\udcff"])
contents = st.one_of(st.binary(max_size=4), st.none(), st.sampled_from(["a", "../b"]))
"""Of a file, of an empty folder, of a symlink."""
trees = st.dictionaries(st.lists(names, min_size=1, max_size=4).map("/".join), contents, max_size=8)


def build(tree: dict[str, bytes | str | None], root: Path) -> dict[str, bytes | str | None]:
    """Makes the tree, without what lies below a file; returns what is there, folders only where empty."""
    made: dict[str, bytes | str | None] = {}
    for path, content in sorted(tree.items()):
        parents = ["/".join(path.split("/")[:count]) for count in range(1, path.count("/") + 1)]
        if any(isinstance(made.get(parent), bytes | str) for parent in parents) or path in made:
            continue
        for parent in parents:
            made.pop(parent, None)
        if any(other.startswith(f"{path}/") for other in made):
            continue
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            place.mkdir(exist_ok=True)
        elif isinstance(content, bytes):
            place.write_bytes(content)
        else:
            place.symlink_to(content)
        made[path] = content
    return made


@pytest.fixture(scope="module")
def shelf() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@settings(deadline=None)
@given(trees, trees)
def test_equal_digests_mean_equal_trees(
    shelf: Path, one: dict[str, bytes | str | None], two: dict[str, bytes | str | None]
) -> None:
    found = []
    for tree in (one, two):
        with tempfile.TemporaryDirectory(dir=shelf) as name:
            made = build(tree, Path(name))
            found.append((made, digest(Path(name), ["."], ALL)))
    assert (found[0][0] == found[1][0]) == (found[0][1] == found[1][1])


bodies = st.lists(
    st.sampled_from(["a", "b", "*", "**", "a*", "?b", "*.md", "[^a]", ".git"]), min_size=1, max_size=3
)
lists = st.lists(st.tuples(st.booleans(), bodies.map("/".join)), max_size=5).map(
    lambda rows: "\n".join(f"{'!' if negated else ''}{body}" for negated, body in rows)
)


@settings(deadline=None, max_examples=300)
@given(trees, lists, st.lists(names, max_size=2).map("/".join))
def test_what_is_not_walked_would_not_have_been_listed(
    shelf: Path, tree: dict[str, bytes | str | None], text: str, start: str
) -> None:
    try:
        matcher = Matcher(parse(text))
    except BadPattern:
        return
    with tempfile.TemporaryDirectory(dir=shelf) as name:
        root = Path(name)
        build({path: content for path, content in tree.items() if not isinstance(content, str)}, root)
        every = [path.relative_to(root).as_posix() for path in root.rglob("*")]
        within = [path for path in every if not start or path == start or path.startswith(f"{start}/")]
        expected = {path for path in within if not matcher.ignored(path)}
        assert {entry.path for entry in files(root, [start or "."], matcher)} == expected


def test_folders_that_are_left_out_are_not_entered(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(root / "node_modules/x/y/z")
    entered: list[str] = []
    scandir = os.scandir

    def watching(path: str) -> object:
        entered.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", watching)
    listed(root, matcher=Matcher([*DEFAULT_PATTERNS, "lib", "!src/.env", "!*.md"]))
    assert not [path for path in entered if "node_modules" in path or "lib" in path]


AS_NOBODY = """
import os, sys
sys.path[:0] = {path!r}
from pathlib import Path
from imgc.context.digest import digest
from imgc.context.ignore import Matcher
if os.geteuid() == 0:
    os.setgroups([])
    os.setegid(65534)
    os.seteuid(65534)
for patterns in ([], ["shut"], ["shut", "!*/x", "file"]):
    try:
        print(digest(Path({folder!r}), ["."], Matcher(patterns))[:7])
    except OSError as error:
        print(type(error).__name__, error.path, error)
"""


def test_no_permission() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        write(folder / "shut/file").parent.chmod(0)
        write(folder / "file", "x").chmod(0)
        script = AS_NOBODY.format(path=sys.path, folder=str(folder))
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
        (folder / "shut").chmod(0o755)
    assert done.stdout.splitlines() == [
        "Unreadable shut 'shut' cannot be read: permission denied.",
        "Unreadable file 'file' cannot be read: permission denied.",
        "sha256:",
    ], done.stderr


@pytest.mark.parametrize("change", ["link", "pipe", "folder", "nothing"])
def test_a_file_that_becomes_something_else_is_reported(root: Path, change: str) -> None:
    core = root / "lib/core.py"
    digests = Digests()
    digests.digest(root, ["lib"], Matcher(["lib/core.py"]))  # lists it and does not read it
    core.unlink()
    if change == "link":
        core.symlink_to("../requirements.txt")
    elif change == "pipe":
        os.mkfifo(core)
    elif change == "folder":
        core.mkdir()
    with pytest.raises(
        Unreadable, match=r"^'lib/core.py' (changed while it was read|cannot be read: is a dir.*)\.$"
    ):
        digests.digest(root, ["lib"], ALL)


# What is kept between runs


class Reading:
    """How often files were read, at a time that the test sets: `later` seconds after now."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.paths: list[str] = []
        self.later = 10.0
        hash_, now = digest_module._hash, stamps.read_time

        def hashing(path: str) -> tuple[bytes, stamps.Stamp]:
            self.paths.append(path)
            return hash_(path)

        monkeypatch.setattr(digest_module, "_hash", hashing)
        monkeypatch.setattr(stamps, "read_time", lambda: now() + int(self.later * 1e9))

    def count(self) -> int:
        count = len(self.paths)
        self.paths.clear()
        return count


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Reading:
    return Reading(monkeypatch)


def test_unchanged_files_are_read_once(root: Path, tmp_path: Path, reading: Reading) -> None:
    cache = tmp_path / "cache/of"
    before = digest(root, ["src"], ALL, cache)
    assert reading.count() == 4
    assert digest(root, ["src"], ALL, cache) == before
    assert reading.count() == 0
    assert [path.name for path in cache.iterdir()] == [stamps.FILE]
    write(root / "src/main.py", "other")
    assert digest(root, ["src"], ALL, cache) != before
    assert reading.count() == 1
    digest(root, ["lib"], ALL, cache)
    digest(root, ["src"], ALL, cache)
    assert reading.count() == 1


def test_files_changed_a_moment_ago_are_read_again(root: Path, tmp_path: Path, reading: Reading) -> None:
    reading.later = 0
    before = digest(root, ["src"], ALL, tmp_path)
    assert reading.count() == 4
    assert digest(root, ["src"], ALL, tmp_path) == before
    assert reading.count() == 4
    assert not (tmp_path / stamps.FILE).exists()


def test_files_from_the_future_are_read_again(root: Path, tmp_path: Path, reading: Reading) -> None:
    os.utime(root / "lib/core.py", (4e9, 4e9))
    for _ in range(2):
        digest(root, ["lib"], ALL, tmp_path)
        assert reading.count() == 1


@pytest.mark.usefixtures("reading")
def test_an_edit_that_hides_itself_is_seen(root: Path, tmp_path: Path) -> None:
    """The same size, the same time of change, the same inode: only the time of the inode's change tells."""
    file = root / "lib/core.py"
    os.utime(file, (1_000_000_000, 1_000_000_000))
    before = digest(root, ["lib"], ALL, tmp_path)
    with file.open("r+") as stream:
        stream.write("CORE")
    os.utime(file, (1_000_000_000, 1_000_000_000))
    assert digest(root, ["lib"], ALL, tmp_path) != before


def test_a_racy_edit_is_seen(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An edit so soon after reading that the file system's clock has not ticked: nothing tells."""
    frozen: dict[str, os.stat_result] = {}
    real = stamps.stamp
    monkeypatch.setattr(stamps, "stamp", lambda status: real(frozen.setdefault("core", status)))
    before = digest(root, ["lib/core.py"], ALL, tmp_path)
    write(root / "lib/core.py", "CORE")
    assert digest(root, ["lib/core.py"], ALL, tmp_path) != before


def test_a_file_that_changes_while_it_is_read_is_not_kept(
    root: Path, tmp_path: Path, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashing = digest_module._hash

    def changing(path: str) -> tuple[bytes, stamps.Stamp]:
        write(Path(path), "changed once more")
        return hashing(path)

    with monkeypatch.context() as patch:
        patch.setattr(digest_module, "_hash", changing)
        digest(root, ["lib"], ALL, tmp_path)
    assert reading.count() == 1
    digest(root, ["lib"], ALL, tmp_path)
    assert reading.count() == 1


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"version": 2, "files": {}}', b'{"version": 1}',
        b'{"version": 1, "files": []}', b'{"version": 1, "files": {"a": 1}}', b"[" * 100_000,
        b'{"version": 1, "files": {"a": [1, 2, 3, 4, "zz"]}}',
        b'{"version": 1, "files": {"a": [1, 2, 3, 4, 5]}}',
    ],
)  # fmt: skip
def test_a_broken_cache_is_as_good_as_none(
    root: Path, tmp_path: Path, content: bytes, reading: Reading
) -> None:
    before = digest(root, ["src"], ALL)
    (tmp_path / stamps.FILE).write_bytes(content)
    reading.count()
    assert digest(root, ["src"], ALL, tmp_path) == before
    assert digest(root, ["src"], ALL, tmp_path) == before
    assert reading.count() == 4


def test_a_cache_that_cannot_be_written_is_as_good_as_none(root: Path, tmp_path: Path) -> None:
    write(tmp_path / "file")
    assert digest(root, ["src"], ALL, tmp_path / "file/below") == digest(root, ["src"], ALL)
    (tmp_path / "folder" / stamps.FILE).mkdir(parents=True)
    assert digest(root, ["src"], ALL, tmp_path / "folder") == digest(root, ["src"], ALL)


def test_the_cache_does_not_grow_for_ever(root: Path, tmp_path: Path, reading: Reading) -> None:
    digest(root, ["src"], ALL, tmp_path)
    table = json.loads((tmp_path / stamps.FILE).read_bytes())
    table["files"] = {f"/gone/{number}": [1, 2, 3, 4, "00" * 32] for number in range(5000)} | table["files"]
    (tmp_path / stamps.FILE).write_text(json.dumps(table))
    write(root / "src/main.py", "other")
    digest(root, ["src"], ALL, tmp_path)
    assert reading.count() == 5
    assert len(json.loads((tmp_path / stamps.FILE).read_bytes())["files"]) == 2 * 4 + 1000 + 4
    digest(root, ["src"], ALL, tmp_path)
    assert reading.count() == 0


def test_many_images_read_a_file_once(root: Path, reading: Reading) -> None:
    digests = Digests()
    one = digests.digest(root, ["src", "lib"], ALL)
    assert reading.count() == 5
    assert digests.digest(root, ["lib", "src"], Matcher(["docs"])) == one
    assert digests.digest(root, ["src"], Matcher(["**/a"])) != one
    assert reading.count() == 0
    write(root / "src/main.py", "other")
    assert digests.digest(root, ["src", "lib"], ALL) == one
    assert Digests().digest(root, ["src", "lib"], ALL) != one
