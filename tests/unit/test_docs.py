"""The documentation's examples compile, and its links lead somewhere."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml

from imgc.analysis.analysis import analyse
from imgc.diagnostics import Severity
from imgc.document.document import load
from imgc.document.nodes import plain
from imgc.plan.compiled import compile_pipeline
from tests_support import ROOT, SHARED

PAGES = sorted((ROOT / "docs").rglob("*.md"))
FENCE = re.compile(
    r'(?:^<!-- case: (?P<case>\S+) -->\n)?^```\w+ title="(?P<title>[^"]+)"\n(?P<text>.*?)^```$',
    re.MULTILINE | re.DOTALL,
)
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
FILES = {
    "requirements",
    "dockerfile",
    "dockerignore",
    "uv_script",
    "uv_project",
    "poetry_project",
    "file",
    "entry",
}
FOLDERS = {"copy_dir", "context"}
STAND_INS = {
    "Dockerfile": "FROM debian:bookworm-slim\n",
    "train.py": "# /// script\n# dependencies = []\n# ///\n",
    "pyproject.toml": '[project]\nname = "a"\nversion = "1"\n[tool.poetry]\nname = "a"\nversion = "1"\n',
    "__init__.py": "",
}


NEEDS_LOCK = "002-03-replicate-local"


@dataclass(frozen=True, slots=True)
class Example:
    page: Path
    line: int
    text: str
    case: str | None
    files: dict[str, str]
    """What the page shows of other files before it: title -> text."""

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def examples() -> Iterator[Example]:
    for page in [ROOT / "README.md", *PAGES]:
        text, files = page.read_text(encoding="utf-8"), dict[str, str]()
        for fence in FENCE.finditer(text):
            if fence["title"] == "pipeline.yaml":
                line = text.count("\n", 0, fence.start("text")) + 1
                yield Example(page, line, fence["text"], fence["case"], dict(files))
            elif re.fullmatch(r"[\w./-]*(Dockerfile|\.\w+)", fence["title"]):
                files[fence["title"]] = fence["text"]


EXAMPLES = list(examples())


def named(value: Any, key: str = "") -> Iterator[tuple[str, bool]]:
    """The paths that a file names, and whether each is a folder."""
    if isinstance(value, list):
        for item in value:
            yield from named(item, key)
    elif isinstance(value, dict):
        for name, item in value.items():
            if key == "path_map":
                yield name, True
            elif name == "path" and key in FILES:
                yield item, False
            elif name == "path" and key == "builder":
                yield f"{item}/main.py", False
            elif name == "path":  # of a repo
                yield item, True
            elif name in ("pyproject", "lock", "src"):
                yield from named(item, "src")
            elif name in ("repos", *value) and name != "env":
                yield from named(item, name)
    elif isinstance(value, str) and key in FILES | FOLDERS | {"copy", "src"}:
        yield value, key in FOLDERS or (key in ("copy", "src") and not Path(value).suffix)


def stand_in(folder: Path, example: Example) -> None:
    for title, text in example.files.items():
        (folder / title).parent.mkdir(parents=True, exist_ok=True)
        (folder / title).write_text(text, encoding="utf-8")
    for name, is_folder in named(yaml.safe_load(example.text)):
        path = folder / name
        if is_folder:
            path.mkdir(parents=True, exist_ok=True)
        elif not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(STAND_INS.get(path.name, ""), encoding="utf-8")
        if path.name == "pyproject.toml":
            for lock in ("uv.lock", "poetry.lock"):
                (path.parent / lock).touch()


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_an_example_compiles(example: Example, tmp_path: Path) -> None:
    stand_in(tmp_path, example)
    analysis = analyse("pipeline.yaml", example.text, tmp_path)
    errors = [d for d in analysis.diagnostics if d.severity is Severity.ERROR]
    if example.case == NEEDS_LOCK:
        assert {d.code for d in errors} == {"not-locked"}
        return
    assert [d.text for d in errors] == []
    assert "plan.json" in compile_pipeline(analysis.resolved, tmp_path / "compiled").files


@pytest.mark.skipif(not SHARED.is_dir(), reason="the conformance cases are not beside this checkout")
@pytest.mark.parametrize("example", [example for example in EXAMPLES if example.case], ids=str)
def test_the_comparison_shows_the_conformance_cases(example: Example) -> None:
    case = (SHARED / "conformance/valid" / str(example.case) / "pipeline.yaml").read_text(encoding="utf-8")
    assert plain(load("a", example.text).root) == plain(load("b", case).root)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the conformance cases are not beside this checkout")
def test_the_comparison_leaves_no_conformance_case_out() -> None:
    shown = [example.case for example in EXAMPLES if example.page.name == "comparison.md"]
    assert sorted(filter(None, shown)) == sorted(
        path.name for path in (SHARED / "conformance/valid").iterdir()
    )


def test_the_tutorial_shows_what_check_says(tmp_path: Path) -> None:
    text = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
    wrong = next(fence["text"] for fence in FENCE.finditer(text) if "two mistakes" in fence["title"])
    (tmp_path / "src").mkdir()
    errors = [
        d for d in analyse("pipeline.yaml", wrong, tmp_path).diagnostics if d.severity is Severity.ERROR
    ]
    assert len(errors) == 2
    for error in errors:
        place = error.span.place
        assert f"{error.text.partition(';')[0]}\n  --> pipeline.yaml:{place.line}:{place.column}\n" in text
    assert wrong.splitlines()[15].strip().startswith("text:")  # the line that the failed step is found at


def anchors(page: Path) -> set[str]:
    """As GitHub and MkDocs make them of plain headings, and those that are written."""
    text = page.read_text(encoding="utf-8")
    made = {
        re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", heading.strip().lower()))
        for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    }
    return made | set(re.findall(r'<a id="([^"]+)">', text))


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in LINK.findall(CODE.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = unquote(link).partition("#")
        target = (page.parent / name) if name else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_page_is_in_the_navigation() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    listed = set(re.findall(r"- (?:Home: )?([\w/-]+\.md)$", text, re.MULTILINE))
    tracked = subprocess.run(
        ["git", "ls-files", "docs"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    pages = {name.removeprefix("docs/") for name in tracked if name.endswith(".md")}
    missing = {page for page in pages - listed if not page.startswith("decisions/")}
    assert not missing, "add them to nav in mkdocs.yml"
    assert [name for name in listed if not (ROOT / "docs" / name).is_file()] == []
