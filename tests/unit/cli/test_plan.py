"""imgc plan and graph: every format on every valid pipeline, hostile names, and the page in a real browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from imgc.analysis.analysis import analyse
from imgc.plan.compiled import compile_pipeline
from imgc.plan.graph.dot import to_dot
from imgc.plan.graph.html import to_html
from imgc.plan.graph.layout import layout
from imgc.plan.graph.mermaid import to_mermaid
from imgc.plan.graph.model import Graph, duration, graph, size
from imgc.plan.graph.svg import to_svg
from imgc.plan.graph.tree import to_text
from imgc_cli import imgc
from tests_support import SHARED

VALID = [
    path
    for path in sorted((SHARED / "conformance" / "valid").iterdir())
    if path.name != "002-03-replicate-local"
]
PIPELINE = """\
version: 1
name: nightly
images:
  train: {base: "python:3.12-slim", pip_packages: [numpy]}
pipeline:
  image: train
  env: {REGION: eu}
  serial:
    fetch: {run: make fetch, retry: {attempts: 3}, mem: 2Gi}
    prepare:
      parallel:
        clean: python clean.py
        split: {run: python split.py, needs: [clean], max_time: 90s}
    train: {matrix: {model: [tree, net]}, run: "python train.py ${{ matrix.model }}"}
    push: {run: python push.py, skip: true, when: always}
"""
HOSTILE = """\
version: 1
pipeline:
  image: "python:3.12-slim"
  doc: '</script><script>alert(1)</script>'
  serial:
    '"]; n9["x': "echo '</script><b>&' \\"quoted\\" `tick` \\\\"
    '<img src=x>': {parallel: {'a"b\\c': {run: ls, env: {A: "@@DRAWING@@ \\u202e\\x1b[31m"}}, "end": ls}}
    "\\u540e %% --> #35;": ls
"""


def plan_of(text: str, folder: Path) -> dict[str, Any]:
    analysis = analyse("pipeline.yaml", text, folder)
    assert not analysis.failed, [diagnostic.text for diagnostic in analysis.diagnostics]
    return compile_pipeline(analysis.resolved, folder / "compiled").plan


@pytest.fixture
def nightly(tmp_path: Path) -> Graph:
    return graph(plan_of(PIPELINE, tmp_path))


@pytest.fixture
def hostile(tmp_path: Path) -> Graph:
    return graph(plan_of(HOSTILE, tmp_path))


def test_the_tree_with_effective_settings(nightly: Graph) -> None:
    lines = to_text(nightly).splitlines()
    assert re.fullmatch(r"image train  nightly/train:[0-9a-f]{20}  \(6 nodes, pipeline.yaml:4\)", lines[0])
    assert lines[1:] == [
        "",
        "nightly (serial)",
        "├── fetch: make fetch",
        "│       image train, env REGION eu, mem 2Gi, retry 3 attempts on error",
        "├── prepare (parallel)",
        "│   ├── clean: python clean.py",
        "│   │       image train, env REGION eu",
        "│   └── split: python split.py",
        "│           image train, env REGION eu, max_time 1m30s, after prepare/clean",
        "├── train (parallel)",
        "│   ├── train[model=tree]: python train.py tree",
        "│   │       image train, env REGION eu, matrix model tree",
        "│   └── train[model=net]: python train.py net",
        "│           image train, env REGION eu, matrix model net",
        "└── push (skipped): python push.py",
        "        image train, env REGION eu, when always",
    ]


def test_mermaid(nightly: Graph) -> None:
    lines = to_mermaid(nightly).splitlines()
    assert lines[:3] == ["flowchart LR", '  subgraph n0["nightly"]', '    n1["<b>fetch</b><br>make fetch"]']
    assert "  n1 --> n2" in lines
    assert "  n3 -.-> n4" in lines


def test_hostile_names_stay_names_in_mermaid(hostile: Graph) -> None:
    for line in to_mermaid(hostile).splitlines()[1:]:
        assert re.fullmatch(
            r'\s*(end|n\d+ -->? n\d+|n\d+ --> n\d+|subgraph n\d+\["[^"\[\]<>]*"\]|n\d+\["[^"\[\]]*"\])', line
        ), line


@pytest.mark.skipif(shutil.which("dot") is None, reason="needs Graphviz")
@pytest.mark.parametrize("text", [PIPELINE, HOSTILE], ids=["plain", "hostile"])
def test_graphviz_reads_the_dot(text: str, tmp_path: Path) -> None:
    drawn = to_dot(graph(plan_of(text, tmp_path)))
    done = subprocess.run(["dot", "-Tjson"], input=drawn, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    objects = json.loads(done.stdout)["objects"]
    assert len([one for one in objects if not one["name"].startswith("cluster_")]) >= 3


def test_dot_strings_are_closed(hostile: Graph) -> None:
    for line in to_dot(hostile).splitlines():
        rest = re.sub(r'"(?:[^"\\]|\\.)*"', "", line)
        assert '"' not in rest
        assert "\\" not in rest


def test_svg_is_xml_with_a_place_for_every_node(hostile: Graph, nightly: Graph) -> None:
    for drawn in (hostile, nightly):
        root = ElementTree.fromstring(to_svg(drawn))
        paths = [one.get("data-path") for one in root.iter() if one.get("data-path") is not None]
        assert len(paths) == len(list(drawn.root.walk()))


def test_children_lie_in_their_group_and_nothing_overlaps(nightly: Graph) -> None:
    places = layout(nightly).places
    for place in places.values():
        inside = [places[child.path] for child in place.box.children]
        for child in inside:
            assert place.x <= child.x
            assert child.x + child.width <= place.x + place.width + 0.01
            assert place.y <= child.y
            assert child.y + child.height <= place.y + place.height + 0.01
        for first in inside:
            for second in inside:
                apart = first.x + first.width <= second.x or first.y + first.height <= second.y
                other = second.x + second.width <= first.x or second.y + second.height <= first.y
                assert first is second or apart or other


def test_what_waits_stands_to_the_right(nightly: Graph) -> None:
    places = layout(nightly).places
    assert places["prepare/clean"].x + places["prepare/clean"].width < places["prepare/split"].x


def test_the_page_holds_no_text_as_markup(hostile: Graph) -> None:
    page = to_html(hostile)
    assert "<img" not in page
    assert page.count("<script") == page.count("</script>") == 2
    names: set[str] = set()
    parser = HTMLParser()
    parser.handle_starttag = lambda _tag, attributes: names.update(name for name, _ in attributes)  # type: ignore[method-assign]
    parser.feed(page)
    assert not names & {"src", "href", "onload", "onerror", "onclick"}
    assert not re.search(r"url\((?!#)|@import", page)
    data = re.search(r'type="application/json">(.*?)</script>', page, re.DOTALL)
    assert data
    nodes = json.loads(data[1])["nodes"]
    assert nodes[0]["doc"] == "</script><script>alert(1)</script>"
    assert ["env A", "@@DRAWING@@ \u202e\x1b[31m"] in [item[:2] for node in nodes for item in node["items"]]


def test_the_tree_holds_nothing_that_a_terminal_obeys(hostile: Graph) -> None:
    assert "\x1b" not in to_text(hostile)
    assert "\u202e" not in to_text(hostile)


def test_a_file_of_images_is_drawn_by_what_they_stand_on(tmp_path: Path) -> None:
    text = 'version: 1\nname: bases\nimages: {a: {base: "python:3.12"}, b: {extends: a}, c: {base: "debian:12"}}\n'
    drawn = graph(plan_of(text, tmp_path))
    assert "  n1 -.-> n2" in to_mermaid(drawn).splitlines()
    places = layout(drawn).places
    assert places["a"].x + places["a"].width < places["b"].x
    assert [line.split("  ")[0] for line in to_text(drawn).splitlines()] == ["image a", "image b", "image c"]


def test_ten_thousand_nodes_are_drawn(tmp_path: Path) -> None:
    tree = "\n".join(f"    n{number}: echo {number}" for number in range(10_000))
    drawn = graph(plan_of(f'version: 1\npipeline:\n  image: "python:3.12"\n  parallel:\n{tree}\n', tmp_path))
    placed = layout(drawn)
    assert placed.width / placed.height < 5
    assert to_html(drawn).count('class="node leaf') == 10_000


@pytest.mark.parametrize(("count", "text"), [(2 * 1024**3, "2Gi"), (1000, "1000"), (1536, "1536"), (0, "0")])
def test_sizes(count: int, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(("seconds", "text"), [(5400, "1h30m"), (0.5, "0.5s"), (0, "0s"), (3661, "1h1m1s")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize("case", VALID, ids=lambda case: case.name)
def test_every_valid_pipeline_in_every_format(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(case, tmp_path / "case", copy_function=shutil.copy)
    monkeypatch.chdir(tmp_path / "case")
    for command in ("plan", "graph"):
        for form in ("text", "json", "mermaid", "dot", "svg", "html"):
            result = imgc(capsys, command, "--format", form)
            assert result.code == 0
            assert result.out
    assert json.loads(imgc(capsys, "plan", "--format", "json").out)["version"] == 1


def test_the_name_of_the_output_says_the_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    for name, start in (
        ("a.html", "<!doctype"),
        ("a.svg", "<svg"),
        ("a.dot", "digraph"),
        ("a.txt", "image train"),
    ):
        assert imgc(capsys, "graph", "-o", name).out == ""
        assert (tmp_path / name).read_text().startswith(start)
    assert imgc(capsys, "graph").out.startswith("flowchart")


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Chromium")
def test_the_page_works_in_a_browser(nightly: Graph, tmp_path: Path) -> None:
    """Search, keyboard and theme, driven from within the page; what it then shows is read from its DOM."""
    script = """
      const key = (name) => canvas.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true }));
      search.value = "net"; search.dispatchEvent(new Event("input"));
      search.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
      const seen = [details.querySelector("h2").textContent, get("count").textContent];
      key("ArrowLeft"); seen.push(details.querySelector("h2").textContent);
      key("ArrowUp"); seen.push(details.querySelector("h2").textContent);
      const before = at.scale; key("+"); seen.push(at.scale > before);
      const dark = root.classList.contains("dark"); key("t"); seen.push(root.classList.contains("dark") !== dark);
      key("Escape"); seen.push(details.hidden);
      document.title = JSON.stringify(seen);
    """
    page = tmp_path / "page.html"
    page.write_text(to_html(nightly).replace("\nfit();\n</script>", f"\nfit();\n{script}</script>"))
    done = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    title = re.search(r"<title>(.*?)</title>", done.stdout)
    assert title
    assert json.loads(title[1]) == [
        "train/train[model=net]",
        "1 of 1",
        "train",
        "prepare/split",
        True,
        True,
        True,
    ]
