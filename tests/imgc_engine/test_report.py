"""The page of a run: what it says, that it obeys nobody, and how it works in a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import plans
import pytest
from plans import parallel, run, serial

from imgc_engine.report import report, report_of, write
from imgc_engine.report.model import read_run
from imgc_engine.run import store
from imgc_engine.run.naming import log_path

HOSTILE = "a</script><script>x=1<img src=x onerror=x> \" ' & \u202e"
TREE = serial(
    parallel(run("fine"), run(HOSTILE, "echo </pre><script>alert(1)</script>"), name="p"),
    run("train", "seq 100000; exit 3", retry={"attempts": 2}),
    run("never"),
)
ENVIRONMENT = {"imgc": "0.1.0", "engine": "Docker <b>20.10</b>"}


def record(second: float, **fields: Any) -> store.Record:
    return {"t": f"2026-01-01T10:00:{second:09.6f}Z", **fields}


def node(second: float, path: str, state: str, attempt: int = 1, **fields: Any) -> store.Record:
    return record(second, e="node", path=path, state=state, attempt=attempt, tries=attempt, **fields)


def session(second: float) -> store.Record:
    options = {"nodes": [], "max_parallel": None, "keep_going": False, "allow": []}
    return record(second, e="run", environment=ENVIRONMENT, **options)


FAILED = {"exit": 3, "seconds": 2.0, "cause": "error", "message": "It ended with exit code 3."}
RECORDS = [
    session(0),
    node(0, "", "running"),
    node(1, "p/fine", "running"),
    node(1, f"p/{HOSTILE}", "running"),
    node(2, "p/fine", "succeeded", exit=0, seconds=1.0),
    node(3, f"p/{HOSTILE}", "succeeded", exit=0, seconds=2.0),
    node(3, "train", "running"),
    node(5, "train", "pending", **FAILED),
    node(6, "train", "running", 2),
    session(50),  # cut off, and resumed 44 s later
    node(51, "train", "running", 2),
    node(53, "train", "failed", 2, **FAILED),
    node(53, "never", "omitted", 0, cause="needs", message="What it waits for failed, or was left out."),
    record(54, e="end", state="failed", code=4),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a run has left."""
    made = store.create(tmp_path / ".imgc", "20260101-100000-000aa", plans.plan(TREE))
    made.append(RECORDS)
    made.close()
    write_log(made.folder, f"p/{HOSTILE}", 1, ["</pre><script>alert(1)</script>\x1b[2J", "\udcff"])
    write_log(made.folder, "train", 1, ["first try"])
    write_log(made.folder, "train", 2, (f"line {number}" for number in range(200_000)), "stderr")
    return made.folder


def write_log(folder: Path, path: str, attempt: int, lines: Iterable[str], stream: str = "stdout") -> None:
    file = log_path(folder / "logs", path, attempt)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", errors="surrogateescape") as log:
        for line in lines:
            log.write(f"2026-01-01T10:00:03.500000Z {stream} F {line}\n")


def test_what_is_known_of_a_run(folder: Path) -> None:
    known = read_run(folder)
    assert (known.state, known.seconds, known.breaks) == ("failed", 10.0, [6.0]), "without the pause"
    assert [leaf.path for leaf in known.leaves] == ["p/fine", f"p/{HOSTILE}", "train", "never"]
    train = known.leaves[2]
    spans = [(one.number, one.begin, one.end, one.state, one.exit) for one in train.attempts]
    assert spans == [(1, 3.0, 5.0, "failed", 3), (2, 6.0, 9.0, "failed", 3)]
    assert train.attempts[1].head[0].text == b"line 0"
    assert train.attempts[1].tail[-1].text == b"line 199999"
    assert train.attempts[1].left_out > 2_000_000
    assert [failure.subject for failure in known.failures] == ["train"]
    assert known.states["p/fine"] == "succeeded"


class Parsed(HTMLParser):
    """Elements and texts as a browser sees them."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_holds_no_text_as_markup_and_loads_nothing(folder: Path) -> None:
    page = report(folder)
    parsed = Parsed(page)
    assert len([tag for tag, _ in parsed.tags if tag == "script"]) == 2
    assert not [tag for tag, _ in parsed.tags if tag in ("img", "link", "iframe")]
    assert not [name for _, attributes in parsed.tags for name in attributes if name.startswith("on")]
    targets = [
        attributes[name] for _, attributes in parsed.tags for name in ("src", "href") if name in attributes
    ]
    assert targets
    assert all(str(target).startswith("#") for target in targets)
    assert "default-src 'none'" in page
    assert "\u202e" not in page
    assert "\x1b" not in page
    assert "</pre><script>alert(1)</script>" in parsed.text
    assert "Docker <b>20.10</b>" in parsed.text
    assert "pipeline.yaml:5:1" in parsed.text, "the place of the failure"
    assert len(page) < 400_000, "a log is shown in part"


def test_it_is_written_whole_and_found_by_run(folder: Path, tmp_path: Path) -> None:
    write(folder, tmp_path / "run.html")
    page = (tmp_path / "run.html").read_text()
    assert page == report_of(tmp_path, "") == report_of(tmp_path, folder.name)
    with pytest.raises(store.UnknownRun):
        report_of(tmp_path, "other")


def test_it_needs_no_docker_sdk() -> None:
    code = "import sys; import imgc_engine.report; assert 'docker' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Chromium")
def test_the_page_works_in_a_browser(folder: Path, tmp_path: Path) -> None:
    """Links, filter and theme, driven from within the page; what it then shows is read from its DOM."""
    script = """
      const seen = [...document.querySelectorAll("#graph .leaf")].map((one) => one.classList[one.classList.length - 1]);
      seen.push(get("n2").open);
      location.hash = "#n2-1"; reveal(); seen.push(get("n2").open, get("n2-1").open);
      filter.value = "failed"; filter.oninput(); seen.push(get("count").textContent);
      const dark = root.classList.contains("dark"); theme(); seen.push(root.classList.contains("dark") !== dark);
      const bars = [...document.querySelectorAll(".bar")].map((one) => one.getBoundingClientRect());
      seen.push(bars.every((one) => one.width >= 4 && one.height > 8), bars[3].left > bars[2].left);
      seen.push(document.documentElement.scrollWidth <= innerWidth);
      document.title = JSON.stringify(seen);
    """
    page = tmp_path / "page.html"
    page.write_text(report(folder).replace("\n</script>\n</body>", f"\n{script}</script>\n</body>"))
    done = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    title = re.search(r"<title>(.*?)</title>", done.stdout)
    assert title
    assert json.loads(title[1]) == [
        "s-succeeded", "s-succeeded", "s-failed", "s-omitted", False, True, True, "1 of 4", True, True, True, True,
    ]  # fmt: skip
