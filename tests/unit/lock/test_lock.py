"""imgc.lock: what is written is read again, whatever stands in it is usable or said, and what is out of date is seen."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgc.analysis.analysis import Analysis, Options, analyse
from imgc.diagnostics import Severity
from imgc.lock.lock import FILE, Lock, LockedEnvironment, LockedImage, LockedPackages, LockedSource, read
from imgc.lock.write import write
from imgc.plan.compiled import compile_pipeline
from imgc.records import replace

DIGEST = "sha256:" + "1" * 64
SLOW = settings(deadline=None, suppress_health_check=list(HealthCheck))
TEXTS = st.text(min_size=1)
DIGESTS = st.text("0123456789abcdef", min_size=64, max_size=64).map("sha256:{}".format)
MANY = st.lists(TEXTS, max_size=3).map(tuple)
FLAGS = st.booleans()
MAYBE = st.none() | FLAGS
WORDS = st.from_regex(r"[a-z0-9][a-z0-9._-]*", fullmatch=True)
PYTHONS = st.just("") | st.from_regex(r"3\.[0-9]+", fullmatch=True)
IDS = st.from_regex(r"[0-9]+:[0-9]+", fullmatch=True)
LOCKS = st.builds(
    Lock,
    st.dictionaries(
        TEXTS,
        st.builds(
            LockedImage, DIGESTS | st.just(""), st.none() | WORDS, st.none() | st.sampled_from(["", "apt", "microdnf"]),
            st.none() | st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", fullmatch=True), st.none() | PYTHONS, MAYBE, MAYBE,
            st.none() | st.sampled_from(["conda", "micromamba"]), MAYBE, st.none() | MANY,
            st.none() | st.dictionaries(TEXTS, IDS, min_size=1).map(lambda found: tuple(sorted(found.items()))),
        ),
        max_size=3,
    ),
    st.dictionaries(TEXTS, st.builds(LockedEnvironment, TEXTS, PYTHONS, MANY, MANY), max_size=2),
    st.dictionaries(
        TEXTS, st.builds(LockedSource, DIGESTS.map(lambda text: text[7:47]), FLAGS, FLAGS, TEXTS, TEXTS), max_size=2
    ),
    st.dictionaries(TEXTS, st.builds(LockedPackages, DIGESTS, DIGESTS, PYTHONS), max_size=2),
)  # fmt: skip


@SLOW
@given(LOCKS)
def test_what_is_written_is_read_again(lock: Lock) -> None:
    text = write(lock)
    found, problems = read(text)
    assert problems == []
    for section in ("images", "environments", "sources", "packages"):
        assert found.section(section) == lock.section(section)
    assert write(found) == text


def test_what_no_file_can_hold_is_replaced() -> None:
    found, problems = read(write(Lock({"a:1": LockedImage(entrypoint=("\ud800", "\x7f\n"))})))
    assert (problems, found.images["a:1"].entrypoint) == ([], ("\ufffd", "\x7f\n"))


def test_the_text_of_a_lock() -> None:
    lock = Lock(
        {
            "python:3.12-slim": LockedImage(DIGEST, "debian", python="3.12", shell=True, users=(("root", "0:0"),)),
            "b:1": LockedImage(entrypoint=("/e", "x y")),
        },
        {"train": LockedEnvironment("pip_freeze", "3.12", ("numpy==1.26.4", 'x; python_version < "3"'))},
        {"https://git.example/x@main": LockedSource("8" * 40)},
    )  # fmt: skip
    assert write(lock).partition("version: 1\n")[2] == (
        'images:\n  b:1:\n    entrypoint:\n      - "/e"\n      - "x y"\n'
        f"  python:3.12-slim:\n    digest: {DIGEST}\n    distro: debian\n"
        '    python: "3.12"\n    shell: true\n    users: {root: "0:0"}\n'
        'environments:\n  train:\n    command: pip_freeze\n    python: "3.12"\n    packages:\n'
        '      - numpy==1.26.4\n      - "x; python_version < \\"3\\""\n'
        f'sources:\n  https://git.example/x@main:\n    commit: "{"8" * 40}"\n'
    )


BROKEN = {
    "images: {a:1: {digest: 5}}": 2,
    "images: {a:1: {digest: sha256:12}}": 2,
    "images: {a:1: {python: 3.12}}": 2,
    "images:\n  a:1:\n    distro: debian\n    colour: red": 5,
    'images: {a:1: {user: "root\\nRUN evil"}}': 2,
    "images: {a:1: {manager: pacman}}": 2,
    "images: {a:1: {users: {app: '5'}}}": 2,
    "images: {a:1: {distro: 'x; rm -rf /'}}": 2,
    "images:\n  a:1: [x]": 3,
    "images: 5": 2,
    "environments: {e: {packages: [a]}}": 2,
    "environments: {e: {command: x, packages: [[a]]}}": 2,
    "sources:\n  a@b: {commit: main}": 3,
    "packages: {p: {requirements: '', file: ''}}": 2,
    "bases: {}": 2,
}


@pytest.mark.parametrize("text", BROKEN)
def test_what_cannot_be_used_is_said_at_its_line(text: str) -> None:
    lock, problems = read(f"version: 1\n{text}\n")
    assert [(found.code, found.span.place.line) for found in problems] == [("bad-lock", BROKEN[text])]
    assert not any(lock.section(name) for name in ("images", "environments", "sources", "packages"))


def test_a_lock_of_another_version_is_not_used() -> None:
    lock, problems = read(f"version: 2\nimages: {{a:1: {{digest: {DIGEST}}}}}\n")
    assert [found.code for found in problems] == ["bad-lock"]
    assert lock.images == {}


def test_conflict_markers_have_their_line_and_remedy() -> None:
    text = (
        "version: 1\nimages:\n<<<<<<< HEAD\n  a:1: {distro: x}\n=======\n  a:2: {distro: x}\n>>>>>>> other\n"
    )
    _, problems = read(text)
    (found,) = [problem for problem in problems if problem.code == "merge-conflict"]
    assert (found.span.file, found.span.place.line) == (FILE, 3)
    assert "imgc lock" in found.label


@SLOW
@given(st.text(max_size=200))
def test_any_text_is_survived(text: str) -> None:
    read(text)


# What a file needs


def analysed(folder: Path, text: str, lock: str | None = None, **options: bool) -> Analysis:
    (folder / "pipeline.yaml").write_text(text)
    if lock is not None:
        (folder / FILE).write_text(lock)
    return analyse("pipeline.yaml", text, folder, Options(**options))


def codes(analysis: Analysis) -> list[tuple[str, str, int]]:
    return [(found.code, found.span.file, found.span.place.line) for found in analysis.diagnostics]


TWO = "version: 1\nimages:\n  a: {base: 'debian:bookworm'}\n  b: {base: 'alpine:3.20', commands: [ls]}\n"


def test_without_a_lock_nothing_is_asked_for(tmp_path: Path) -> None:
    assert codes(analysed(tmp_path, TWO)) == []


def test_a_base_that_the_lock_lacks_is_out_of_date(tmp_path: Path) -> None:
    lock = (
        f"version: 1\nimages:\n  debian:bookworm: {{digest: {DIGEST}}}\n  debian:11: {{digest: {DIGEST}}}\n"
    )
    found = analysed(tmp_path, TWO, lock)
    assert codes(found) == [("unused-lock", FILE, 4), ("stale-lock", "pipeline.yaml", 4)]
    assert "alpine:3.20" in found.diagnostics[1].text
    assert not found.failed


def test_locked_makes_it_an_error_where_there_is_no_lock_at_all(tmp_path: Path) -> None:
    found = analysed(tmp_path, TWO, locked=True)
    assert codes(found) == [("not-locked", "pipeline.yaml", 3), ("not-locked", "pipeline.yaml", 4)]
    assert all("imgc lock" in each.text for each in found.diagnostics)
    assert found.failed


def test_code_from_git_is_locked_by_url_and_branch(tmp_path: Path) -> None:
    text = (
        "version: 1\nimages:\n  a: {base: 'debian:12', copy_url: 'https://g.example/x', copy_branch: main}\n"
    )
    lock = f"version: 1\nimages: {{debian:12: {{digest: {DIGEST}}}}}\n"
    assert codes(analysed(tmp_path, text, lock)) == [("stale-lock", "pipeline.yaml", 3)]
    assert codes(analysed(tmp_path, text, lock, locked=True)) == [("not-locked", "pipeline.yaml", 3)]
    lock += f"sources: {{'https://g.example/x@main': {{commit: '{'ab' * 20}'}}}}\n"
    found = analysed(tmp_path, text, lock, locked=True)
    assert codes(found) == []
    (source,) = compile_pipeline(found.resolved, tmp_path / "compiled").plan["images"]["a"]["sources"]
    assert source["commit"] == "ab" * 20


def test_another_command_makes_an_environment_stale(tmp_path: Path) -> None:
    text = "version: 1\nimages: {a: {base: 'python:3.12-slim', replicate_local_environment: uv_freeze}}\n"
    lock = f"version: 1\nimages: {{python:3.12-slim: {{digest: {DIGEST}}}}}\nenvironments: {{a: {{command: C, packages: [six==1.17.0]}}}}\n"
    found = analysed(tmp_path, text, lock.replace("C", "pip_freeze"))
    assert codes(found) == [("stale-lock", "pipeline.yaml", 2)]
    assert found.failed
    assert codes(analysed(tmp_path, text, lock.replace("C", "uv_freeze"))) == []
    true = text.replace("uv_freeze", "true")
    assert codes(analysed(tmp_path, true, lock.replace("C", "pip_freeze"))) == []


def test_an_environment_of_another_python(tmp_path: Path) -> None:
    text = "version: 1\nimages: {a: {base: 'python:3.12-slim', replicate_local_environment: true}}\n"
    lock = f"version: 1\nimages: {{python:3.12-slim: {{digest: {DIGEST}}}}}\nenvironments: {{a: {{command: pip_freeze, python: '3.11'}}}}\n"
    assert codes(analysed(tmp_path, text, lock)) == [("other-python", "pipeline.yaml", 2)]
    assert codes(analysed(tmp_path, text, lock.replace("3.11", "3.12"))) == []


def test_images_that_are_used_as_they_are_have_their_digest_too(tmp_path: Path) -> None:
    text = (
        "version: 1\nimages:\n  a: {base: 'debian:12', skip_build: true}\n  b: {extends: a, commands: [ls]}\n"
        "  c: {base: 'debian:12', builder: {image: 'golang:1.24'}}\n"
    )
    other = DIGEST.replace("1", "2")
    lock = f"version: 1\nimages: {{debian:12: {{digest: {DIGEST}}}, golang:1.24: {{digest: {other}}}}}\n"
    found = analysed(tmp_path, text, lock, locked=True)
    assert [each for each in found.diagnostics if each.severity is Severity.ERROR] == []
    compiled = compile_pipeline(found.resolved, tmp_path / "compiled")
    assert compiled.plan["images"]["a"]["reference"] == f"debian:12@{DIGEST}"
    assert f"FROM debian:12@{DIGEST}" in compiled.dockerfiles["b"]
    assert compiled.plan["images"]["c"]["builder"]["image"] == f"golang:1.24@{other}"


def test_the_bases_of_a_dockerfile_are_pinned_where_they_stand(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(
        "ARG V=12\nFROM golang:1.24 AS build\nRUN true\nFROM build AS again\n"
        "FROM --platform=linux/amd64 \\\n  debian:${V}\nCOPY --from=build /x /x\nFROM scratch\nCOPY --from=again /x /x\n"
    )
    text = "version: 1\nimages: {a: {dockerfile: {path: Dockerfile, args: {V: '13'}}}}\n"
    found = analysed(tmp_path, text, locked=True)
    missing = [each.message.split("'")[1] for each in found.diagnostics if each.code == "not-locked"]
    assert sorted(missing) == ["debian:13", "golang:1.24"]
    other = DIGEST.replace("1", "2")
    lock = f"version: 1\nimages: {{debian:13: {{digest: {DIGEST}}}, golang:1.24: {{digest: {other}}}}}\n"
    found = analysed(tmp_path, text, lock, locked=True)
    assert codes(found) == []
    dockerfile = compile_pipeline(found.resolved, tmp_path / "compiled").dockerfiles["a"]
    assert f"FROM golang:1.24@{other} AS build\n" in dockerfile
    assert f"FROM --platform=linux/amd64 \\\n  debian:13@{DIGEST}\nCOPY" in dockerfile
    assert "FROM build AS again\n" in dockerfile


def test_facts_of_the_lock_decide(tmp_path: Path) -> None:
    text = "version: 1\nimages: {a: {base: 'acme.example/x:1', user: app, system_packages: [jq]}}\n"
    lock = (
        "version: 1\nimages:\n  acme.example/x:1: {distro: fedora, manager: dnf, user: root, shell: true, "
        'python: "", users: {app: "1500:1501", root: "0:0"}}\n'
    )
    found = analysed(tmp_path, text, lock)
    dockerfile = compile_pipeline(found.resolved, tmp_path / "compiled").dockerfiles["a"]
    assert "dnf install" in dockerfile
    assert "USER 1500:1501" in dockerfile


def test_merging_what_two_people_have_locked(tmp_path: Path) -> None:
    """git merges two entries that were added apart from each other."""
    names = [f"{letter}.example/x:1" for letter in "abcdefg"]
    entries = {name: LockedImage(DIGEST, "debian", "apt", "root", "3.12") for name in names}
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@y", "-C", str(tmp_path)]

    def commit(branch: str, *added: str) -> None:
        kept = {name: entries[name] for name in (names[0], names[3], names[6], *added)}
        (tmp_path / FILE).write_text(write(Lock(kept)))
        subprocess.run([*git, "checkout", "-q", "-b", branch], check=True)
        subprocess.run([*git, "add", FILE], check=True)
        subprocess.run([*git, "commit", "-q", "-m", branch], check=True)

    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    commit("base")
    commit("one", names[1])
    subprocess.run([*git, "checkout", "-q", "base"], check=True)
    commit("two", names[5])
    subprocess.run([*git, "merge", "-q", "-m", "merged", "one"], check=True)
    lock, problems = read((tmp_path / FILE).read_text())
    assert problems == []
    assert list(lock.images) == [names[0], names[1], names[3], names[5], names[6]]
    assert write(replace(lock, places={})) == (tmp_path / FILE).read_text()


def test_the_lock_is_yaml_for_others_too() -> None:
    import yaml

    image = LockedImage(DIGEST, python="3.10", users=(("_apt", "1:1"), ("no", "2:2")))
    text = write(Lock({"no": image}, {"on": LockedEnvironment("true", packages=("1.0", "null"))}))
    data = yaml.safe_load(text)
    assert data["images"]["no"]["python"] == "3.10"
    assert data["images"]["no"]["users"] == {"_apt": "1:1", "no": "2:2"}
    assert data["environments"]["on"]["packages"] == ["1.0", "null"]
    assert json.loads(json.dumps(data)) == data
