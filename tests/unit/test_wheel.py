"""What is published installs and works where there is no checkout. Nothing here needs the network."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import venv
import zipfile
from importlib.metadata import Distribution, distribution, requires
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
PIPELINE = """\
version: 1
images:
  app: {base: "python:3.11-slim", pip_packages: [numpy], copy_dir: app}
pipeline: {image: app, run: python main.py}
"""
DATA = {
    "imgc/py.typed",
    "imgc_engine/py.typed",
    "imgc_lsp/py.typed",
    "imgc_schema/py.typed",
    "imgc/diagnostics/codes.md",
    "imgc/plan/graph/page.html",
    "imgc_schema/pipeline.schema.json",
    "imgc_schema/plan.schema.json",
    "imgc_schema/diagnostics.schema.json",
}
GENERATED = {
    "__pycache__", ".venv", ".imgc", "compiled", "node_modules", "dist", ".git", ".hypothesis", ".mypy_cache",
    ".ruff_cache", ".pytest_cache",
}  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    _run([sys.executable, "-m", "hatchling", "build", "-d", str(folder)], ROOT)
    return folder


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a fresh environment that has the wheel and what it requires, and no extras."""
    folder = tmp_path_factory.mktemp("installed")
    return _environment(folder, next(built.glob("*.whl")))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "main.py").write_text("print('hello')\n")
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    return tmp_path


def test_the_wheel_holds_the_packages_and_their_data(built: Path) -> None:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
    assert names >= DATA
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == {
        "imgc",
        "imgc_engine",
        "imgc_lsp",
        "imgc_schema",
    }
    assert not [name for name in names if "__pycache__" in name]
    here = {
        path.relative_to(ROOT / source).as_posix()
        for source in ("compiler", "schema", "engine", "lsp")
        for path in (ROOT / source).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    missing = here - names
    assert not missing, f"files of packages that the wheel leaves out: {sorted(missing)}"


def test_the_sdist_holds_no_fetched_or_generated_files(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
    found = [name for name in names if GENERATED.intersection(Path(name).parts)]
    # A golden may be named like what it is the golden of.
    assert not [name for name in found if not name.startswith("tests/")]
    for needed in (
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "compiler/imgc/cli/main.py",
        "tests/conftest.py",
    ):
        assert needed in names


def test_the_sdist_makes_the_same_wheel(built: Path, tmp_path: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        archive.extractall(tmp_path, filter="data")
    (folder,) = tmp_path.iterdir()
    _run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "out")], folder)
    with (
        zipfile.ZipFile(next(built.glob("*.whl"))) as one,
        zipfile.ZipFile(next((tmp_path / "out").iterdir())) as other,
    ):
        assert {info.filename: info.CRC for info in one.infolist()} == {
            info.filename: info.CRC for info in other.infolist()
        }


def test_it_comes_from_the_environment_and_says_its_version(installed: Path, project: Path) -> None:
    where = _run(
        [str(installed / "python"), "-c", "import imgc, sys; print(imgc.__file__, sys.prefix)"], project
    )
    file, prefix = where.split()
    assert file.startswith(prefix)
    assert _run([str(installed / "imgc"), "--version"], project) == f"imgc {distribution('imgc').version}\n"


def test_it_checks_and_compiles(installed: Path, project: Path) -> None:
    imgc = str(installed / "imgc")
    assert json.loads(_run([imgc, "check", "--format", "json"], project))["version"] == 1
    _run([imgc, "compile"], project)
    assert "FROM python:3.11-slim" in (project / "compiled/images/app/Dockerfile").read_text()
    # A compile is the same bytes everywhere: the checkout finds nothing to change.
    _run([sys.executable, "-m", "imgc.cli.main", "compile", "--check"], project)


def test_its_data_is_found(installed: Path, project: Path) -> None:
    imgc = str(installed / "imgc")
    for name in ("pipeline", "plan", "diagnostics"):
        assert "$schema" in json.loads(_run([imgc, "schema", name], project))
    assert "untagged-base" in _run([imgc, "explain", "untagged-base"], project)
    assert "<html" in _run([imgc, "graph", "--format", "html"], project)


def test_what_needs_an_extra_says_which(installed: Path, project: Path) -> None:
    for command, extra in (("build", "imgc[docker]"), ("doctor", "imgc[docker]"), ("lsp", "imgc[lsp]")):
        done = subprocess.run(
            [str(installed / "imgc"), command], cwd=project, capture_output=True, text=True, check=False
        )
        assert done.returncode in (1, 3), done
        assert extra in done.stdout + done.stderr


def _environment(folder: Path, wheel: Path) -> Path:
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "--quiet",
        "--no-index",
        "--no-deps",
    ]
    _run([*pip, "--disable-pip-version-check", str(wheel)], folder)
    site = next((folder / "lib").glob("python3*/site-packages"))
    for one in _required():
        for top in {file.parts[0] for file in one.files or () if file.parts[0] not in ("..", "__pycache__")}:
            if not (site / top).exists():
                (site / top).symlink_to(Path(str(one.locate_file(top))).resolve())
    return folder / "bin"


def _required() -> list[Distribution]:
    """What the wheel requires without extras, and what that requires: of the environment of the tests, since an
    index would need the network."""
    found: dict[str, Distribution] = {}
    waiting = list(requires("imgc") or ())
    while waiting:
        requirement = Requirement(waiting.pop())
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        if requirement.name not in found:
            found[requirement.name] = distribution(requirement.name)
            waiting += found[requirement.name].requires or ()
    return list(found.values())


def _run(argv: list[str], folder: Path) -> str:
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(argv)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_a_release_publishes_what_was_built_and_tested() -> None:
    release = yaml.load((ROOT / ".github/workflows/release.yml").read_text(), yaml.BaseLoader)
    jobs = release["jobs"]
    assert jobs["publish"]["needs"] == ["build", "test"]
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    # A text from outside (the tag) comes in as a variable: put into a script it would be run as one.
    scripts = [step.get("run", "") for job in jobs.values() for step in job["steps"]]
    assert not [script for script in scripts if "${{" in script]
