"""What people see: lines, JSON, the live tree, the summary. Events are made by hand."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import plans
import pytest
from plans import parallel, run, serial

from imgc.records import replace
from imgc_engine.api import Result
from imgc_engine.console import conclude, listening
from imgc_engine.events import (
    Event,
    ImageEnded,
    ImageOutput,
    ImageStarted,
    ImageStep,
    NodeChanged,
    NodeOutput,
    Notice,
    RunStarted,
)
from imgc_engine.failures import Code, Failure, Refusal
from imgc_engine.plan import Place, load
from imgc_engine.show.live import image_lines, node_lines
from imgc_engine.show.model import Model
from imgc_engine.show.summary import summary
from imgc_engine.show.text import duration, one_line

NODES = load(plans.plan(serial(run("a"), parallel(*[run(f"n{n}") for n in range(40)], name="many")))).nodes

EVENTS: list[Event] = [
    ImageStarted("box", "box:1", "build"),
    ImageStep("box", "[1/2] FROM debian", "cached"),
    ImageStep("box", "[2/2] RUN make", "started"),
    ImageOutput("box", "[2/2] RUN make", "making"),
    ImageEnded("box", "box:1", "built", 2.0),
    RunStarted("r1", NODES, Path("f")),
    NodeChanged("", "running", 1),
    NodeChanged("a", "running", 1),
    NodeOutput("a", 1, "stdout", b"one\ntw"),
    NodeOutput("a", 1, "stdout", b"o\n\x1b[31mred\x1b[0m\x07 \xff"),
    NodeChanged("a", "pending", 1, "error", "It ended with exit code 3.", 3, 5.0),
    NodeChanged("a", "running", 2),
    NodeChanged("a", "failed", 2, "error", "It ended with exit code 3.", 3, 61.0),
    NodeChanged("many", "omitted", 0, "needs", "What it waits for failed, or was left out."),
    Notice("by the way"),
]


def show(style: str, **options: bool) -> str:
    file = io.StringIO()
    with listening(file, style, **options) as listener:  # type: ignore[arg-type]
        for event in EVENTS:
            listener(event)
    return file.getvalue()


def test_lines() -> None:
    assert show("lines").splitlines() == [
        "box: build box:1",
        "box: built (2.0 s)",
        "root: run r1",
        "root: running",
        "a: running",
        "a | one",
        "a | two",
        "a | red\ufffd \ufffd",
        "a: attempt 1 failed, again in 5.0 s: It ended with exit code 3.",
        "a: failed (1 min 1 s): It ended with exit code 3.",
        "many: omitted: What it waits for failed, or was left out.",
        "imgc: by the way",
    ]
    assert "box | making" in show("lines", verbose=True)
    assert "box: [1/2] FROM debian (cached)" in show("lines", verbose=True)
    assert show("quiet") == ""


def test_json() -> None:
    objects = [json.loads(line) for line in show("json").splitlines()]
    assert [one["event"] for one in objects][:6] == [
        "image_started", "image_step", "image_step", "image_output", "image_ended", "run_started",
    ]  # fmt: skip
    assert objects[8]["data"] == "one\ntw"
    assert objects[12]["exit_code"] == 3


def lines_of(model: Model, height: int) -> list[str]:
    return [line.plain for line in [*image_lines(model), *node_lines(model, height)]]


def test_the_live_tree_shows_what_matters_in_any_height() -> None:
    model = Model()
    for event in EVENTS[:5]:
        model(event)
    assert lines_of(model, 20) == ["images 1 of 1  1 built, 0 there already"]
    for event in EVENTS[5:9]:
        model(event)
    running = lines_of(model, 100)
    assert running[1:3] == ["▶ root  0/41  0.0 s", "  ▶ a  0.0 s  tw"]
    assert len(running) == 1 + 2 + 1 + 40
    model(EVENTS[9])
    assert lines_of(model, 100)[2] == "  ▶ a  0.0 s  red\ufffd \ufffd"
    for event in EVENTS[10:]:
        model(event)
    for number in (7, 33):
        model(NodeChanged(f"many/n{number}", "running", 1))
    short = lines_of(model, 10)
    assert len(short) <= 10
    text = "\n".join(short)
    for part in ("✗ a  attempt 2  1 min 1 s  It ended", "many", "▶ n7", "▶ n33", "… and"):
        assert part in text
    assert model.notices == ["by the way"]


def test_the_live_view_draws_on_a_terminal() -> None:
    text = show("live")
    assert "✗" in text
    assert "by the way" not in text


def test_rich_is_imported_only_for_the_live_view() -> None:
    code = "import sys; import imgc_engine.console; assert not any(m.startswith('rich') for m in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})


def failure() -> Failure:
    return Failure(
        "t/u", "It ended with exit code 3.", Place("pipeline.yaml", 7, 3), Code.STEP_FAILED,
        ("before", "\x1b[2Jwhy"), Path("/state/logs/t/u/1.log"), 3, "sh -c false",
    )  # fmt: skip


def test_the_summary_names_place_cause_lines_log_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = io.StringIO()
    result = Result(Code.STEP_FAILED, (failure(),), seconds=12.3, run="r1")
    assert conclude(result, tmp_path, file) == 4
    assert file.getvalue().splitlines() == [
        "",
        "t/u: It ended with exit code 3.",
        "  --> pipeline.yaml:7:3",
        "  sh -c false",
        "  | before",
        "  | why",
        "  whole log: /state/logs/t/u/1.log",
        "  look around: imgc debug t/u",
        "",
        "failed in 12 s (run r1)",
        "to go on: imgc run --resume r1",
    ]


def test_of_many_failures_the_first_are_told_in_full() -> None:
    failures = tuple(replace(failure(), subject=f"n[{number}]") for number in range(1000))
    lines = summary(Result(Code.STEP_FAILED, failures, run="r1"), Path())
    assert len(lines) < 200
    assert "n[19]: It ended with exit code 3." in lines
    assert any(line.startswith("and 980 more: n[20], n[21]") for line in lines)


def test_the_commands_of_the_summary_see_the_same_pipeline(tmp_path: Path) -> None:
    file = io.StringIO()
    failed = replace(failure(), subject="test[py=3.11]")
    again = ["--file", "a b.yaml", "--param", "x=1"]
    conclude(Result(Code.STEP_FAILED, (failed,), run="r1"), tmp_path, file, again)
    assert "look around: imgc debug --file 'a b.yaml' --param x=1 'test[py=3.11]'\n" in file.getvalue()
    assert "to go on: imgc run --file 'a b.yaml' --param x=1 --resume r1\n" in file.getvalue()


def test_the_summary_of_what_was_not_tried() -> None:
    file = io.StringIO()
    refused = (Refusal(Place("pipeline.yaml", 3, 5), "It wants 500 CPUs."),)
    assert conclude(Result(Code.USER_FILE, refusals=refused), Path("/p"), file) == 1
    assert conclude(Result(Code.ENVIRONMENT, problem="No engine."), Path("/p"), file) == 3
    assert conclude(Result(Code.FINE, seconds=0.3), Path("/p"), file) == 0
    assert file.getvalue() == (
        "error: It wants 500 CPUs.\n  --> /p/pipeline.yaml:3:5\nerror: No engine.\ndone in 0.3 s\n"
    )


def test_text_cannot_order_the_terminal() -> None:
    assert one_line("50%\r100%\n") == "100%"
    assert one_line("a\tb\x1b]0;title\x07c\u202ed") == "a    bc\ufffdd"
    assert [duration(s) for s in (0.04, 9.94, 9.96, 59.4, 200, 7500)] == [
        "0.0 s", "9.9 s", "10 s", "59 s", "3 min 20 s", "2 h 5 min",
    ]  # fmt: skip
