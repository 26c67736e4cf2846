"""Log files hold every byte; names are good for any file system."""

from __future__ import annotations

import re
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgc_engine.masking import Mask
from imgc_engine.run.logs import Log, Stream, read
from imgc_engine.run.naming import container_name, log_path
from imgc_engine.run.streams import frames

PIECES = st.lists(
    st.tuples(
        st.sampled_from(["stdout", "stderr"]), st.binary(max_size=9).map(lambda b: b.replace(b"a", b"\n"))
    )
)


@given(PIECES)
def test_a_log_gives_back_what_came(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[tuple[Stream, bytes]]
) -> None:
    path = tmp_path_factory.mktemp("log") / "1.log"
    log = Log(path, Mask())
    shown = b"".join(log.write(stream, data) for stream, data in pieces)
    log.close()
    assert shown == b"".join(data for _, data in pieces)
    entries = list(read(path))
    for stream in ("stdout", "stderr"):
        stored = b"".join(text for _, of, text in entries if of == stream)
        assert stored == b"".join(data for of, data in pieces if of == stream)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", time) for time, _, _ in entries)


def test_last_lines_are_the_last_whatever_the_pieces(tmp_path: Path) -> None:
    log = Log(tmp_path / "a" / "1.log", Mask([b"hush"]))
    for number in range(1000):
        log.write("stdout", f"line {number}\nand h".encode())
        log.write("stdout", b"ush more\n")
    log.write("stderr", b"no end")
    log.close()
    assert log.last_lines()[-3:] == ("line 999", "and *** more", "no end")
    assert len(log.last_lines()) == 20


def test_a_flood_needs_no_memory(tmp_path: Path) -> None:
    log = Log(tmp_path / "1.log", Mask([b"a secret"]))
    piece = b"x" * 79 + b"\n"
    tracemalloc.start()
    for _ in range(200):
        log.write("stdout", piece * 800)
    for _ in range(200):
        log.write("stderr", b"y" * 64_000)  # a line of 12 MB
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    log.close()
    assert peak < 2_000_000
    assert log.path.stat().st_size > 25_000_000


@given(st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=20))), st.integers(1, 9))
def test_frames_come_out_as_they_went_in(sent: list[tuple[int, bytes]], size: int) -> None:
    wire = b"".join(bytes([stream, 0, 0, 0]) + len(data).to_bytes(4, "big") + data for stream, data in sent)
    pieces = [wire[start : start + size] for start in range(0, len(wire), size)]
    source = iter(pieces)
    received = list(frames(lambda: next(source, b"")))
    for number, stream in ((1, "stdout"), (2, "stderr")):
        assert b"".join(d for s, d in received if s == stream) == b"".join(d for s, d in sent if s == number)


PATHS = st.lists(st.text(min_size=1).map(lambda name: name.replace("/", "-")), max_size=3).map("/".join)


@given(PATHS, PATHS, st.integers(1, 99))
def test_names_are_safe_and_apart(one: str, other: str, attempt: int) -> None:
    folder = Path("/state/logs")
    path = log_path(folder, one, attempt)
    assert path.is_relative_to(folder)
    assert ".." not in path.parts
    assert all(len(part.encode()) < 200 for part in path.parts)
    assert "\0" not in str(path)
    assert re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+", container_name("20261121-070000-3f2a", one, attempt))
    if one != other:
        assert path != log_path(folder, other, attempt)
        assert container_name("r", one, 1) != container_name("r", other, 1)


def test_a_node_named_like_a_log_is_no_log() -> None:
    assert log_path(Path("l"), "", 1) == Path("l/1.log")
    assert log_path(Path("l"), "1.log", 1).parent != Path("l/1.log")
    assert log_path(Path("l"), "test[py=3.11]/Say Hi", 2) == Path("l/test[py=3.11]/Say Hi/2.log")
