"""Fetched code in its place: whole or not at all, and held while somebody builds from it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from imgc_engine.interrupt import Interrupt
from imgc_engine.sources.place import Places, stamp_of
from imgc_engine.sources.program import SourceError


def filled(places: Places, folder: Path, content: str) -> bool:
    return places.hold(folder, content, lambda target: (target / "file").write_text(content) and None)


def test_what_is_there_is_not_written_again(tmp_path: Path) -> None:
    folder, places = tmp_path / "sources/x", Places()
    assert filled(places, folder, "one")
    assert not filled(places, folder, "one")
    assert (folder / "file").read_text() == stamp_of(folder) == "one"
    places.close()
    assert filled(Places(), folder, "two")
    assert (folder / "file").read_text() == "two"
    assert sorted(path.name for path in folder.parent.iterdir()) == ["x", "x.json", "x.lock"]


def test_a_failure_leaves_what_was(tmp_path: Path) -> None:
    folder, places = tmp_path / "x", Places()
    filled(places, folder, "one")

    def fail(target: Path) -> None:
        (target / "half").write_text("")
        raise OSError("disk full")

    places.close()
    with pytest.raises(OSError, match="disk full"):
        Places().hold(folder, "two", fail)
    assert (folder / "file").read_text() == stamp_of(folder) == "one"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x", "x.json", "x.lock"]


@pytest.mark.parametrize("damage", ["stamp", "folder"])
def test_what_is_not_whole_is_written_anew(tmp_path: Path, damage: str) -> None:
    folder, places = tmp_path / "x", Places()
    filled(places, folder, "one")
    places.close()
    if damage == "stamp":
        (tmp_path / "x.json").write_text('{"cont')
    else:
        (folder / "file").unlink()
        folder.rmdir()
    assert filled(Places(), folder, "one")


def test_what_a_crash_left_goes(tmp_path: Path) -> None:
    (tmp_path / ".x-0123").mkdir()
    filled(Places(), tmp_path / "x", "one")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x", "x.json", "x.lock"]


def test_who_waits_says_so_and_may_be_interrupted(tmp_path: Path) -> None:
    folder, first, interrupt = tmp_path / "x", Places(), Interrupt()
    filled(first, folder, "one")
    said: list[str] = []

    def waiting() -> None:
        said.append("waits")
        interrupt.request()

    with pytest.raises(SourceError) as caught:
        Places(interrupt).hold(folder, "two", lambda _: None, waiting)
    assert (caught.value.kind, said) == ("interrupted", ["waits"])
    assert stamp_of(folder) == "one"


def test_another_content_waits_until_the_first_is_not_needed(tmp_path: Path) -> None:
    folder, first, second = tmp_path / "x", Places(), Places()
    filled(first, folder, "one")
    filled(second, folder, "one")  # the same may be used by many
    second.close()
    other = threading.Thread(target=filled, args=(Places(), folder, "two"), daemon=True)
    other.start()
    other.join(0.3)
    assert other.is_alive()
    assert (folder / "file").read_text() == "one"
    first.close()
    other.join(10)
    assert (folder / "file").read_text() == "two"
