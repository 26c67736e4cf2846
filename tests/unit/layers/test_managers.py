"""Package managers: their recipes as hadolint sees them, the dispatch run for real, what is a package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dockerfile
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgc.dockerfile.writer import write
from imgc.instructions.types import From, Run, Stage, Step
from imgc.layers.managers import MANAGERS, dispatch, install, name_and_version, name_problem

HADOLINT = Path(sys.executable).with_name("hadolint")
PINNED = {
    "apt": "jq=1.6-2.1",
    "apk": "jq=1.6-r2",
    "dnf": "jq-1.6",
    "microdnf": "jq-1.6",
    "yum": "jq-1.6",
    "zypper": "jq=1.6",
}
OF_VERSIONS = {"DL3008", "DL3018", "DL3033", "DL3037", "DL3041"}
"""Rules that want a version, where the user gave none."""


def written(run: Run) -> str:
    steps = (Step(From("acme/base:1", "app")), Step(run, "system_packages"))
    return write((Stage("app", steps),), image="app", file="pipeline.yaml").text


def findings(text: str, folder: Path) -> set[str]:
    file = folder / "Dockerfile"
    file.write_text(text)
    found = subprocess.run([HADOLINT, "--no-color", file], capture_output=True, text=True, check=False)
    assert not found.stderr
    return {line.split()[1] for line in found.stdout.splitlines()}


@pytest.mark.parametrize("manager", MANAGERS)
def test_hadolint_finds_nothing_but_missing_versions(manager, tmp_path):
    assert findings(written(Run(*install(manager, ["jq"]))), tmp_path) <= OF_VERSIONS
    assert findings(written(Run(*install(manager, [PINNED[manager]]))), tmp_path) == set()


@pytest.mark.parametrize("manager", MANAGERS)
def test_the_moby_parser_reads_one_run(manager):
    instructions = dockerfile.parse_string(written(Run(*install(manager, ["jq", "g++", "a b"]))))
    assert [instruction.cmd for instruction in instructions] == ["FROM", "RUN"]
    assert all(flag.startswith("--mount=type=cache,target=/var/") for flag in instructions[1].flags)
    assert "'a b' g++ jq" in instructions[1].value[0]


def test_the_recipe_of_apt():
    clauses, mounts = install("apt", ["jq", "git", "jq"])
    assert clauses == (
        "rm -f /etc/apt/apt.conf.d/docker-clean",
        "apt-get update",
        "DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends git jq",
    )
    assert [dict(mount.options) for mount in mounts] == [
        {"target": "/var/cache/apt", "sharing": "locked"},
        {"target": "/var/lib/apt", "sharing": "locked"},
    ]
    again, _ = install("apt", ["jq"], again=True)
    assert again[0] == "apt-get update"


# The dispatch

RELEASES = {
    "debian": ("ID=debian\n", "apt-get"),
    "ubuntu": ("ID=ubuntu\nID_LIKE=debian\n", "apt-get"),
    "mint": ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', "apt-get"),
    "alpine": ("ID=alpine\n", "apk"),
    "wolfi": ("ID=wolfi\n", "apk"),
    "fedora": ("ID=fedora\n", "dnf"),
    "rhel": ('ID="rhel"\nID_LIKE="fedora"\n', "dnf"),
    "rocky": ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', "dnf"),
    "oracle": ('ID="ol"\nID_LIKE="fedora"\n', "dnf"),
    "amazon": ('ID="amzn"\nID_LIKE="fedora"\n', "dnf"),
    "leap": ('ID="opensuse-leap"\nID_LIKE="suse opensuse"\n', "zypper"),
    "sles": ('ID="sles"\nID_LIKE="suse"\n', "zypper"),
}
PROGRAMS = ("apt-get", "apk", "dnf", "microdnf", "yum", "zypper")
SHELLS = [shell for shell in ("dash", "bash") if Path("/bin", shell).exists()]


def run(
    packages: dict[str, tuple[str, ...]],
    release: str | None,
    folder: Path,
    programs: tuple[str, ...],
    shell: str,
) -> subprocess.CompletedProcess[str]:
    """Runs the dispatch where only these programs exist; they print what they are called with."""
    bin_folder = folder / "bin"
    bin_folder.mkdir()
    for name in programs:
        program = bin_folder / name
        program.write_text(f'#!/bin/sh\nprintf "%s" {name}\nprintf " [%s]" "$@"\necho\n')
        program.chmod(0o755)
    for name in ("rm", "echo"):
        (bin_folder / name).symlink_to(f"/bin/{name}")
    file = folder / "os-release"
    if release is not None:
        file.write_text(release)
    # As BuildKit has it: a line break of the layout is none to the shell.
    text = " && ".join(dispatch(packages)).replace("\n", " ").replace("/etc/os-release", str(file))
    text = text.replace("/var/lib/apt/lists", str(folder / "lists"))
    environment = {"PATH": str(bin_folder), "LANG": "C"}
    return subprocess.run(
        [f"/bin/{shell}", "-euc", text + " && echo done"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("name", RELEASES)
def test_the_dispatch_finds_the_manager(name, shell, tmp_path):
    release, program = RELEASES[name]
    found = run({"": ("jq", "g++", "a$(b)")}, release, tmp_path, PROGRAMS, shell)
    assert found.returncode == 0, found.stderr
    lines = found.stdout.splitlines()
    assert {line.split()[0] for line in lines[:-1]} == {program}
    assert lines[-1] == "done"
    assert any(line.endswith("[a$(b)] [g++] [jq]") for line in lines)


@pytest.mark.parametrize(
    ("programs", "used"), [(("microdnf",), "microdnf"), (("yum",), "yum"), (("yum", "dnf"), "dnf")]
)
def test_red_hat_has_three_managers(programs, used, tmp_path):
    found = run({"": ("jq",)}, "ID=rhel\n", tmp_path, programs, "dash")
    assert f"{used} [install] [-y] [jq]" in found.stdout.replace(str(tmp_path / "bin") + "/", "")
    assert f"{used} [clean] [all]" in found.stdout


def test_names_of_each_manager(tmp_path):
    packages = {"": ("python3",), "apt": ("python3", "python3-venv")}
    found = run(packages, "ID=ubuntu\n", tmp_path, PROGRAMS, "dash")
    assert "[python3] [python3-venv]" in found.stdout


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("release", "words"),
    [
        ('ID=arch\nPRETTY_NAME="Arch Linux"\n', "Arch Linux"),
        ("ID=unknown\n", "unknown"),
        ('ID=debianish\nID_LIKE="deb"\n', "debianish"),
        (None, "os-release"),
    ],
)
def test_of_another_distribution_it_ends_with_its_name(release, words, shell, tmp_path):
    found = run({"": ("jq",)}, release, tmp_path, PROGRAMS, shell)
    assert found.returncode == 1
    assert found.stdout == ""
    assert words in found.stderr


def test_a_manager_that_fails_fails_the_step(tmp_path):
    found = run({"": ("jq",)}, "ID=rhel\n", tmp_path, (), "dash")
    assert found.returncode != 0
    assert "done" not in found.stdout


@pytest.mark.parametrize("packages", [("jq",), tuple(f"package-number-{n}" for n in range(40))])
def test_hadolint_and_shellcheck_on_the_dispatch(packages, tmp_path):
    text = written(Run(dispatch({"": packages, "apt": ("python3", "python3-venv")})))
    assert findings(text, tmp_path) <= OF_VERSIONS
    assert [instruction.cmd for instruction in dockerfile.parse_string(text)] == ["FROM", "RUN"]
    assert max(map(len, text.splitlines())) <= 120


# What a package is


@pytest.mark.parametrize(
    ("manager", "names"),
    [
        ("apt", "jq g++ libstdc++6 libc6:arm64 python3.11 0ad git/bookworm-backports"),
        ("apt", "jq=1.6-2.1 jq=1.6* nodejs=1:20.1~dfsg-1+b1"),
        ("apk", "jq R cmd:bash so:libc.musl-x86_64.so.1 jq@edge"),
        ("apk", "jq=1.6-r2 jq>1.6 jq<2 jq>=1.6 jq~1.6 jq~=1.6 jq=~1.6"),
        ("dnf", "jq gcc-c++ ImageMagick jq.x86_64 perl(JSON::PP) libz.so.1()(64bit) /usr/bin/jq"),
        ("dnf", "jq-1.6 jq-1* jq-1.7~rc1 bash-0:5.1.8-6.el9 @development-tools @nodejs:20"),
        ("dnf", "https://dl.fedoraproject.org/pub/epel/epel-release-latest-9.noarch.rpm"),
        ("microdnf", "jq jq-1.6"),
        ("yum", "jq jq-1.6"),
        ("zypper", "jq jq=1.6 jq>=1.6 libstdc++6 perl(JSON)"),
    ],
)  # fmt: skip
def test_what_a_manager_takes(manager, names):
    for name in names.split():
        assert name_problem(name, manager) is None, name
        assert name_problem(name) is None, name


@pytest.mark.parametrize(
    ("manager", "name", "word"),
    [
        ("apt", "", "empty"),
        ("apt", "jq git", "item of its own"),
        ("apt", "jq\ngit", "item of its own"),
        ("apt", "-y", "option"),
        ("apt", "--allow-downgrades", "option"),
        ("apt", "Jq", "lower case"),
        ("apt", "libGL1=1.0", "lower case"),
        ("apt", "jq>1", "'>' means nothing to apt"),
        ("apt", "jq==1.6", "'==' means nothing to apt"),
        ("apt", "jq-", "remove"),
        ("apt", "lib*", "pattern"),
        ("apt", "libjq?", "pattern"),
        ("apt", "./jq.deb", "file"),
        ("apt", "jq;touch${IFS}/pwned", "no package has ';'"),
        ("apt", "$(id)", "no package has '$'"),
        ("apt", "é", "character"),
        ("apt", "a" * 5000, "longer"),
        ("apk", "py3-*", "pattern"),
        ("apk", "!jq", "no package has '!'"),
        ("dnf", "jq=1.6", "'=' means nothing to dnf"),
        ("dnf", "jq>=1.6", "'>=' means nothing to dnf"),
        ("dnf", "python3-*", "pattern"),
        ("microdnf", "jq=1.6", "written like jq-1.6"),
        (None, "jq;id", "no package has ';'"),
        (None, "lib*", "pattern"),
        (None, "jq\\", "no package has"),
    ],
)
def test_what_it_does_not_take(manager, name, word):
    problem = name_problem(name, manager)
    assert problem is not None
    assert word in problem


@given(
    st.text(max_size=12) | st.text("aZ0.-+=<>~:/*()@$`'\\\"#", max_size=8), st.sampled_from([*MANAGERS, None])
)
def test_nothing_that_is_taken_needs_care(name, manager):
    """Whatever the text: a reason in words, or something that stays one word in shell and Dockerfile."""
    problem = name_problem(name, manager)
    if problem is None:
        assert name.isascii()
        assert name.isprintable()
        assert " " not in name
        assert not name.startswith("-")
        text = written(Run(*install(manager or "apt", [name])))
        assert [instruction.cmd for instruction in dockerfile.parse_string(text)] == ["FROM", "RUN"]
    else:
        assert problem


@pytest.mark.parametrize(
    ("package", "expected"),
    [
        ("jq", ("jq", "")),
        ("jq=1.6-2.1", ("jq", "1.6-2.1")),
        ("libc6:arm64=2.3", ("libc6:arm64", "2.3")),
        ("jq=1.6*", ("jq", "")),
        ("jq>=1.6", ("jq", "")),
        ("jq=~1.6", ("jq", "")),
        ("jq@edge", ("jq", "")),
        ("jq-1.6", ("jq-1.6", "")),
        ("@tools", ("@tools", "")),
    ],
)
def test_versions(package, expected):
    assert name_and_version(package) == expected
