"""Data on the disk: snapshots, kept trees, locks, what a requirements.txt reads."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from imgc_engine.data import disk, snapshots, trees
from imgc_engine.data.kept import Done, Kept
from imgc_engine.data.requirements import read_by_pip
from imgc_engine.data.snapshots import Changed, Snapshots


def fill(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def listed(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


ODD = ["a b", "new\nline", "ümläut", "-dash", "'quote", "a\x7f", "\udcff"]


def test_a_digest_is_names_contents_links_and_empty_folders(tmp_path: Path) -> None:
    root = fill(tmp_path / "r", a="1", d__b="2")
    seen = {trees.read(root, cache=None).digest}

    def differs() -> None:
        found = trees.read(root, cache=None).digest
        assert found not in seen
        seen.add(found)

    (root / "a").write_text("2")
    differs()
    (root / "a").chmod(0o755)
    differs()
    (root / "empty").mkdir()
    differs()
    (root / "link").symlink_to("a")
    differs()
    (root / "link").unlink()
    (root / "link").symlink_to("d")
    differs()
    (root / "a").rename(root / "a2")
    differs()
    os.mkfifo(root / "pipe")
    os.utime(root / "a2", (1, 1))
    assert trees.read(root, cache=None).digest in seen, "pipes and times do not count"


def test_odd_names_survive_being_listed(tmp_path: Path) -> None:
    root = tmp_path / "r"
    root.mkdir()
    for name in ODD:
        (root / name).write_text(name.encode("utf-8", "replace").decode())
    tree = trees.read(root, cache=None)
    assert {file.path for file in tree.files} == set(ODD)
    assert trees.parse(trees.dump(tree.files)) == tree.files


def test_a_snapshot_is_what_the_tree_was_and_shares_what_is_the_same(tmp_path: Path) -> None:
    root, data = fill(tmp_path / "r", a="1", d__b="2"), tmp_path / "data"
    (root / "a").chmod(0o755)
    (root / "to_b").symlink_to("d/b")
    (root / "empty").mkdir()
    first, held = Snapshots(data).take(trees.read(root, cache=None))
    (root / "a").write_text("edited")
    assert listed(first) == {"a": "1", "d/b": "2", "to_b": "2"}
    assert (first / "empty").is_dir()
    assert (first / "to_b").readlink() == Path("d/b")
    assert stat.S_IMODE((first / "a").stat().st_mode) == 0o555
    second, held_too = Snapshots(data).take(trees.read(root, cache=None))
    assert listed(second)["a"] == "edited"
    assert (first / "d/b").samefile(second / "d/b")
    assert not (first / "a").samefile(root / "a")
    found = Snapshots(data).find(second.name)
    assert found is not None
    assert found[0] == second
    for descriptor in (held, held_too, found[1]):
        os.close(descriptor)


def test_old_snapshots_go_but_not_those_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "KEPT", 2)
    root, data = tmp_path / "r", tmp_path / "data"
    taken = []
    for number in range(6):
        place, held = Snapshots(data).take(trees.read(fill(root, a=str(number)), cache=None))
        os.utime(place, (number, number))
        taken.append((place, held))
        if number:
            os.close(held)
    assert [place.is_dir() for place, _ in taken] == [True, False, False, True, True, True]
    objects = taken[0][0].parent / "objects"
    assert len(list(objects.iterdir())) == 4


def test_what_another_boot_left_is_not_used(tmp_path: Path) -> None:
    stale = fill(tmp_path / "data/source/other-boot/digest", a="half")
    root = fill(tmp_path / "r", a="1")
    Snapshots(tmp_path / "data").take(trees.read(root, cache=None))
    assert not stale.exists()


def test_a_file_that_changes_meanwhile_is_no_snapshot(tmp_path: Path) -> None:
    root = fill(tmp_path / "r", a="1")
    tree = trees.read(root, cache=None)
    (root / "a").write_text("2")
    with pytest.raises(Changed, match="changed while it was read"):
        Snapshots(tmp_path / "data").take(tree)


def test_what_was_written_is_kept_by_content_and_read_only(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    out = fill(kept.working_folder("run", "n[a/b]", 1), a="1", d__b="2")
    os.mkfifo(out / "pipe")
    tree = kept.adopt(out)
    assert not out.exists()
    assert listed(tree.root) == {"a": "1", "d/b": "2"}
    assert stat.S_IMODE((tree.root / "a").stat().st_mode) == 0o444
    again = kept.adopt(fill(kept.working_folder("run", "m", 1), a="1", d__b="2"))
    assert again == tree
    found = kept.tree(tree.digest)
    assert found == tree


def test_what_was_adopted_before_a_crash_is_found_again(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    out = kept.working_folder("run", "n", 1)
    tree = kept.adopt(fill(out, a="1"))
    out.mkdir()  # as the next session does, which goes on with the same attempt
    assert kept.adopt(out) == tree
    other = kept.adopt(fill(out, a="2"))  # the container was gone, and the command ran again
    assert listed(other.root) == {"a": "2"}


def test_trees_are_joined_by_links(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    parts = [
        kept.adopt(fill(tmp_path / str(number), **{f"d__{number}": "x", "same": "s"})) for number in (1, 2)
    ]
    joined = kept.join(parts)
    assert listed(joined.root) == {"d/1": "x", "d/2": "x", "same": "s"}
    assert (joined.root / "d/1").samefile(parts[0].root / "d/1")
    assert kept.join(parts) == joined
    assert kept.join([]).files == ()


def test_a_datum_that_is_done_is_known_while_what_it_wrote_is_there(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    tree = kept.adopt(fill(tmp_path / "o", a="1"))
    assert kept.done("k" * 64) is None
    kept.remember("k" * 64, Done(tree.digest, 0, "run"))
    assert kept.done("k" * 64) == (Done(tree.digest, 0, "run"), tree)
    disk.remove(tree.root)
    assert kept.done("k" * 64) is None


def test_the_last_output_of_a_node_is_found_by_its_path(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    tree = kept.adopt(fill(tmp_path / "o", a="1"))
    assert kept.published("g/n") is None
    kept.publish("g/n", tree)
    assert (tmp_path / "out/g/n/a").read_text() == "1"
    assert kept.published("g/n") == tree
    other = kept.adopt(fill(tmp_path / "o", a="2"))
    kept.publish("g/n", other)
    assert kept.published("g/n") == other
    kept.publish("g", other)  # a group is now a node
    assert (tmp_path / "out/g/a").read_text() == "2"
    kept.publish("g/n", tree)  # and a group again
    assert (tmp_path / "out/g/n/a").read_text() == "1"


def test_a_lock_is_one_process_s_and_can_be_given_up(tmp_path: Path) -> None:
    lock = tmp_path / "l/lock"
    with disk.locked(lock) as mine:
        assert mine
        assert disk.in_use(lock)
        with disk.locked(lock, give_up=lambda: True) as other:
            assert not other
    assert not disk.in_use(lock)
    assert not disk.in_use(tmp_path / "none")


def test_folders_are_removed_whatever_their_modes(tmp_path: Path) -> None:
    root = fill(tmp_path / "r", d__e__f="1")
    (root / "d/e").chmod(0o500)
    (root / "d").chmod(0o500)
    disk.remove(root)
    assert not root.exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("six\n", {"requirements.txt"}),
        ("six>=1 # a/comment\nrequests[socks]==2; python_version > '3'\n", {"requirements.txt"}),
        ("-r more/base.txt\n-c c.txt\n", {"requirements.txt", "more/base.txt", "more/other.txt", "c.txt"}),
        ("--requirement=c.txt\n--index-url https://e.org/simple\n", {"requirements.txt", "c.txt"}),
        ("x @ https://e.org/x.whl\ngit+https://e.org/r.git\n", {"requirements.txt"}),
        ("./lib\n", None),
        ("-e .\n", None),
        ("x @ file:./lib\n", None),
        ("dist/x-1-py3-none-any.whl\n", None),
        ("x.whl\n", None),
        ("-r none.txt\n", {"requirements.txt"}),
    ],
)
def test_what_a_requirements_file_reads(text: str, expected: set[str] | None) -> None:
    files = {
        "requirements.txt": text,
        "more/base.txt": "-r other.txt\nsix",
        "more/other.txt": "",
        "c.txt": "",
    }
    assert read_by_pip(files.get) == expected
