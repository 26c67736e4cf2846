"""What is known of well-known bases by their names alone, so that a compile needs neither network nor lock.

Only what holds for every image of that name and tag stands here; what is not sure is left out, and then the
build finds out. Checked against the Dockerfiles of these images and docker-library/official-images.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from imgc.layers.facts import BaseFacts
from imgc.model.reference import DEFAULT_REGISTRY, InvalidReference, Reference, parse
from imgc.patterns import lazy
from imgc.records import dataclass, replace

SOURCE: Final = "the table of well-known bases"

# Distributions

CODENAMES: Final = {
    "stretch": "debian 9", "buster": "debian 10", "bullseye": "debian 11", "bookworm": "debian 12",
    "trixie": "debian 13", "forky": "debian 14", "sid": "debian 14",
    "xenial": "ubuntu 16.04", "bionic": "ubuntu 18.04", "focal": "ubuntu 20.04", "jammy": "ubuntu 22.04",
    "lunar": "ubuntu 23.04", "mantic": "ubuntu 23.10", "noble": "ubuntu 24.04", "oracular": "ubuntu 24.10",
    "plucky": "ubuntu 25.04", "questing": "ubuntu 25.10", "resolute": "ubuntu 26.04",
}  # fmt: skip

MANAGED_FROM: Final = {"debian": (12,), "ubuntu": (23, 4), "alpine": (3, 19)}
"""The first releases whose own Python refuses installs (PEP 668)."""

PYTHONS: Final = {"debian 12": "3.11", "debian 13": "3.13", "ubuntu 24.04": "3.12"}
"""The Python of managed releases."""

ENTERPRISE: Final = {
    "almalinux": "almalinux", "centos": "centos", "oraclelinux": "ol", "rockylinux": "rocky", "ubi": "rhel",
}  # fmt: skip
"""The rebuilds of Red Hat Enterprise Linux, and their IDs in os-release."""

ENTERPRISE_PYTHONS: Final = {"9": "3.9", "10": "3.12"}
"""Their dnf runs on the system's Python, so nothing may be installed into that, though it is not marked."""

MANAGERS: Final = {
    "debian": "apt", "ubuntu": "apt", "raspbian": "apt", "linuxmint": "apt", "kali": "apt",
    "alpine": "apk", "wolfi": "apk", "chainguard": "apk", "postmarketos": "apk",
    "fedora": "dnf",
    "opensuse-leap": "zypper", "opensuse-tumbleweed": "zypper", "opensuse": "zypper",
    "sles": "zypper", "sled": "zypper",
}  # fmt: skip
"""ID of os-release -> package manager, where it follows from the ID alone."""

BY_PROGRAM: Final = frozenset({"rhel", "centos", "rocky", "almalinux", "ol", "amzn"})
"""IDs whose images have dnf, microdnf or yum, by age and size."""


def manager_of(distro: str) -> str | None:
    """The package manager of a distribution, an ID of os-release; None where the ID does not tell."""
    return MANAGERS.get(distro)


def _facts(distro: str | None, manager: str, python: str = "", managed: bool | None = None) -> BaseFacts:
    return BaseFacts(
        distro, manager, shell=True, python=python, python_managed=managed, npm=False, source=SOURCE
    )


def _system(system: str) -> BaseFacts:
    """The facts of a distribution's own image: `debian 12`, `ubi-minimal 9`, `debian` (release unknown)."""
    name, _, version = system.partition(" ")
    minimal = name.endswith(("-minimal", "-slim"))
    name = name.removesuffix("-minimal").removesuffix("-slim")
    if name in ENTERPRISE:
        if version == "7":
            return _facts(ENTERPRISE[name], "yum")
        if minimal:
            return _facts(ENTERPRISE[name], "microdnf")
        python = ENTERPRISE_PYTHONS.get(version, "")
        return _facts(ENTERPRISE[name], "dnf", python, True if python else None)
    if name in MANAGED_FROM:
        release = tuple(map(int, version.split("."))) if version else ()
        return _facts(name, MANAGERS[name], "", release >= MANAGED_FROM[name] if release else None)
    return _OTHERS[system]


_OTHERS: Final = {
    "fedora": replace(_facts("fedora", "dnf"), python=None),
    "fedora 41": _facts("fedora", "dnf"),  # from 41 on, where dnf is no Python program
    "amazonlinux 2": _facts("amzn", "yum"),
    "amazonlinux 2023": _facts("amzn", "dnf", "3.9", True),
    "amazonlinux-minimal 2023": _facts("amzn", "microdnf"),
    "leap": replace(_facts("opensuse-leap", "zypper"), python=None),
    "tumbleweed": replace(_facts("opensuse-tumbleweed", "zypper"), python=None),
    "sles": replace(_facts("sles", "zypper"), python=None),
    "arch": replace(_facts("arch", ""), python=None),
    "busybox": _facts(None, ""),
    "ubi-micro": replace(_facts("rhel", ""), shell=None),
    "nothing": replace(_facts(None, ""), shell=False),
}

# Images. Python is the system's own (as in its own image), "{python}" of the tag, or one of these:

FULL: Final = "full"
"""As in buildpack-deps: the system's Python is there, but not in slim and Alpine variants."""

UNKNOWN: Final = "unknown"
"""If there is one, it is the system's."""

ANY: Final = r".*"


@dataclass(frozen=True, slots=True)
class Row:
    """Images of one kind. `names`: familiar names, a `*` at the end standing for anything; `tags`: a pattern,
    whose groups `{name}` stand for in the other fields. `system` is what the images stand on; with a `?` in
    front, where the tag does not name it (`?` alone: a tag that names none is not known)."""

    names: str
    tags: str
    system: str
    python: str = ""
    user: str = "root"
    conda: str | None = None
    npm: bool | None = False


_DEBIAN = "debian public.ecr.aws/debian/debian"
_UBUNTU = "ubuntu public.ecr.aws/ubuntu/ubuntu"
_FEDORA = "fedora quay.io/fedora/fedora registry.fedoraproject.org/fedora"
_CENTOS = "centos quay.io/centos/centos"
_ROCKY = "rockylinux rockylinux/rockylinux quay.io/rockylinux/rockylinux"
_AMAZON = "amazonlinux public.ecr.aws/amazonlinux/amazonlinux"
_UBI = "redhat/ubi{0}{1} registry.access.redhat.com/ubi{0}{1} registry.access.redhat.com/ubi{0}/ubi{1} " \
       "registry.redhat.io/ubi{0}{1} registry.redhat.io/ubi{0}/ubi{1}"  # fmt: skip
_STACKS = " ".join(
    f"jupyter/{stack} quay.io/jupyter/{stack}"
    for stack in (
        "docker-stacks-foundation", "base-notebook", "minimal-notebook", "scipy-notebook", "r-notebook",
        "julia-notebook", "datascience-notebook", "tensorflow-notebook", "pytorch-notebook",
        "pyspark-notebook", "all-spark-notebook",
    )
)  # fmt: skip
_PYTHON = r"(?P<python>\d+(?:\.\d+)?)(?:\.\d+)?(?:(?:a|b|rc)\d+|-rc)?"
_ORACLE = r"(?:8|9|2\d)(?:\.\d+)*(?:-oracle)?|(?:.*-)?oraclelinux\d+|latest|lts|innovation"

TABLE: Final = (
    # Distributions.
    Row(_DEBIAN, r"(?P<v>\d+)(?:[.-].*)?", "debian {v}"),
    Row(_DEBIAN, r"(?:latest|(?:old)?stable|testing|unstable|experimental)(?:-.*)?", "debian 12"),
    Row(_DEBIAN, ANY, "?debian"),
    Row(_UBUNTU, r"(?P<v>\d\d\.\d\d).*", "ubuntu {v}"),
    Row(_UBUNTU, r"latest|rolling|devel", "ubuntu 24.04"),
    Row(_UBUNTU, ANY, "?ubuntu"),
    Row("alpine", r"(?P<v>3\.\d+)(?:\.\d+)?", "alpine {v}"),
    Row("alpine", r"latest|edge|3|\d{8}", "alpine 3.22"),
    Row("alpine", ANY, "alpine"),
    Row(_FEDORA, r"4[1-9]|latest|rawhide", "fedora 41"),
    Row(_FEDORA, ANY, "fedora"),
    Row(_CENTOS, r"(?:centos|stream)?(?P<v>[789]|10)(?:\.\d+)*", "centos {v}"),
    Row(_CENTOS, r"stream(?P<v>9|10)-minimal", "centos-minimal {v}"),
    Row(_ROCKY, r"(?P<v>8|9|10)(?:\.[\d.]+)?", "rockylinux {v}"),
    Row(_ROCKY, r"(?P<v>8|9|10)(?:\.[\d.]+)?-minimal", "rockylinux-minimal {v}"),
    Row("almalinux", r"(?P<v>8|9|10)(?:\.\d+)?(?:-\d{8})?", "almalinux {v}"),
    Row("almalinux", r"(?P<v>8|9|10)(?:\.\d+)?-minimal(?:-\d{8})?", "almalinux-minimal {v}"),
    Row("oraclelinux", r"(?P<v>[789]|10)(?:\.\d+)?", "oraclelinux {v}"),
    Row("oraclelinux", r"(?P<v>[789]|10)-slim(?:-fips)?", "oraclelinux-slim {v}"),
    *(Row(_UBI.format(v, kind), ANY, f"ubi {v}") for v in (7, 8, 9, 10) for kind in ("", "-init")),
    *(Row(_UBI.format(v, "-minimal"), ANY, f"ubi-minimal {v}") for v in (8, 9, 10)),
    *(Row(_UBI.format(v, "-micro"), ANY, "ubi-micro") for v in (8, 9, 10)),
    Row(_AMAZON, r"2(?:\.0\..*)?", "amazonlinux 2"),
    Row(_AMAZON, r"latest|2023(?:\.[\d.]+)?", "amazonlinux 2023"),
    Row(_AMAZON, r"minimal|2023-minimal", "amazonlinux-minimal 2023"),
    Row("opensuse/leap registry.opensuse.org/opensuse/leap", ANY, "leap"),
    Row("opensuse/tumbleweed registry.opensuse.org/opensuse/tumbleweed", ANY, "tumbleweed"),
    Row("registry.suse.com/bci/bci-base", ANY, "sles"),
    Row("archlinux archlinux/archlinux", ANY, "arch"),
    Row("busybox", ANY, "busybox"),
    Row("scratch", ANY, "nothing"),
    Row("gcr.io/distroless/python3*", r"(?:debug-)?nonroot(?:-.*)?", "nothing", UNKNOWN, "65532"),
    Row("gcr.io/distroless/python3*", ANY, "nothing", UNKNOWN),
    Row("gcr.io/distroless/*", r"(?:debug-)?nonroot(?:-.*)?", "nothing", "", "65532"),
    Row("gcr.io/distroless/*", ANY, "nothing"),
    # Python.
    Row("python", rf"{_PYTHON}(?:-.*)?", "?debian", "{python}"),
    Row("python", r"latest|slim|alpine[\d.]*|(?:slim-)?[a-z]+", "?debian", "3"),
    Row("ghcr.io/astral-sh/uv", rf"(?:[\d.]+-)?python{_PYTHON}-.*", "?", "{python}"),
    Row("ghcr.io/astral-sh/uv", r"(?:[\d.]+-)?[a-z]+-slim", "?debian"),
    Row("ghcr.io/astral-sh/uv", r"(?:[\d.]+-)?[a-z]+[\d.]*", "?", FULL),
    Row("ghcr.io/astral-sh/uv", r"latest|[\d.]+", "nothing"),
    Row("bitnami/python bitnamilegacy/python", rf"{_PYTHON}(?:-debian-\d+.*)?", "debian", "{python}"),
    # Conda. The users are as the configuration names them: 1000 is jovyan.
    Row("mambaorg/micromamba", r"latest|[1-9][\d.]*", "debian", "", "mambauser", "micromamba"),
    Row("mambaorg/micromamba", r"(?!0\.).*", "?", "", "mambauser", "micromamba"),
    Row("condaforge/miniforge3 condaforge/mambaforge", ANY, "ubuntu", "3", "root", "conda"),
    Row("continuumio/miniconda3 continuumio/anaconda3", r"latest|[\d.-]+", "debian", "3", "root", "conda"),
    Row(_STACKS, r"(?:.*-)?python-(?P<python>3\.\d+)(?:\.\d+)?", "ubuntu", "{python}", "1000", "conda", None),
    Row(_STACKS, ANY, "ubuntu", "3", "1000", "conda", None),
    # Machine learning.
    Row("nvidia/cuda nvcr.io/nvidia/cuda", ANY, "?"),
    Row("pytorch/pytorch", r"(?:1\.\d+|2\.[0-8])\..*", "ubuntu", "3", "root", "conda"),
    Row("pytorch/pytorch", ANY, "ubuntu", UNKNOWN),
    Row("tensorflow/tensorflow", ANY, "ubuntu", UNKNOWN, npm=None),
    Row("nvcr.io/nvidia/pytorch nvcr.io/nvidia/tensorflow", ANY, "ubuntu", UNKNOWN, npm=None),
    Row("spark apache/spark", r"(?:3\.5|4\.\d+)\..*", "ubuntu", UNKNOWN, "spark"),
    # Other languages.
    Row("node", ANY, "?debian", FULL, npm=True),
    Row("buildpack-deps", r"(?:.*-)?curl", "?debian", UNKNOWN),
    Row("buildpack-deps ruby golang rust gcc perl elixir erlang", ANY, "?debian", FULL),
    Row("php haskell julia r-base dart", ANY, "?debian", UNKNOWN),
    Row("swift", r"(?!.*(?:amazonlinux|centos|ubi|fedora)).*", "?ubuntu", UNKNOWN),
    Row("openjdk", r"(?:.*-)?oraclelinux(?P<v>[789]|10)", "oraclelinux-slim {v}", UNKNOWN),
    Row("openjdk", r".*slim.*", "?debian", FULL),
    Row("openjdk", ANY, "?", FULL),
    Row("eclipse-temurin", r".*-ubi(?P<v>9|10)-minimal", "ubi-minimal {v}", UNKNOWN),
    Row("eclipse-temurin", r"(?!.*(?:centos|ubi)).*", "?ubuntu", UNKNOWN),
    # Services.
    Row("mysql", _ORACLE, "oraclelinux-slim 9", UNKNOWN),
    Row("postgres redis httpd nginx", ANY, "?debian", UNKNOWN),
    Row("mariadb", r"(?!.*ubi).*", "?ubuntu", UNKNOWN),
    Row("mongo rabbitmq", ANY, "?ubuntu", UNKNOWN),
    Row("nginxinc/nginx-unprivileged", ANY, "?debian", UNKNOWN, "101"),
    Row("docker", r"(?!.*rootless).*", "?alpine", UNKNOWN),
    Row("composer bash caddy", ANY, "?alpine", UNKNOWN),
)  # fmt: skip

# Looking up

_FOR_WINDOWS = lazy(r"windowsservercore|nanoserver|windows")
_WORD = lazy(r"(alpine|debian|ubuntu|rockylinux|oraclelinux|ubi)(\d+(?:\.\d+)*)?")
_OF_HUB = lazy(r"(?:.+/)?library/([^/]+)")
_HUBS = frozenset({DEFAULT_REGISTRY, "registry-1.docker.io", "mirror.gcr.io", "registry.hub.docker.com"})


@cache
def facts_of(reference: str) -> BaseFacts:
    """What the table knows of a base, by its reference; what it does not know is None."""
    try:
        parsed = parse(reference)
    except InvalidReference:
        return BaseFacts()
    tag = parsed.tag or ("" if parsed.digest else "latest")
    if _FOR_WINDOWS.search(tag):
        return BaseFacts()
    return next(filter(None, (_of_row(row, tag) for row in _rows(_familiar(parsed)))), BaseFacts())


@cache
def _by_name() -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in TABLE:
        for name in row.names.split():
            found.setdefault(name, []).append(row)
    return found


def _rows(name: str) -> Iterator[Row]:
    for known, rows in _by_name().items():
        if known == name or (known.endswith("*") and name.startswith(known[:-1])):
            yield from rows


def _familiar(reference: Reference) -> str:
    """The name on Docker Hub, also of an official image in a mirror: mirrors keep `library/` in its path."""
    if found := _OF_HUB.fullmatch(reference.repository):
        return found[1]
    return reference.repository if reference.registry in _HUBS else reference.name


def _of_row(row: Row, tag: str) -> BaseFacts | None:
    if not tag and (row.tags != ANY or row.system.startswith("?")):
        return None  # a digest alone does not tell which variant it is
    matched = re.fullmatch(row.tags, tag)
    if matched is None:
        return None
    groups = matched.groupdict("")
    system = row.system.format_map(groups)
    if system.startswith("?"):
        system = next(_systems(tag), system[1:])
    if not system:
        return None
    facts = replace(_system(system), user=row.user, conda=row.conda, npm=row.npm)
    return _with_python(facts, row.python.format_map(groups), system, "slim" in tag.split("-"))


def _with_python(facts: BaseFacts, python: str, system: str, slim: bool) -> BaseFacts:
    if python == UNKNOWN:
        return replace(facts, python=None)
    if python == FULL:
        if slim or facts.distro == "alpine":
            return facts
        return replace(facts, python=PYTHONS.get(system))
    return replace(facts, python=python, python_managed=False) if python else facts


def _systems(tag: str) -> Iterator[str]:
    """The distributions that a tag names: `3.12-slim-bookworm`, `1.2-alpine3.20`, `base-ubuntu22.04`."""
    words = tag.split("-")
    for word, after in zip(words, [*words[1:], ""], strict=True):
        if word in CODENAMES:
            yield CODENAMES[word]
        elif found := _WORD.fullmatch(word):
            version = found[2] or (after if re.fullmatch(r"\d+\.\d+", after) else "")
            version = ".".join(version.split(".")[: 1 if found[1] in ENTERPRISE else 2])
            if version or found[1] in MANAGED_FROM:
                yield f"{found[1]} {version}".strip()
        elif word == "amazon2023":
            yield "amazonlinux 2023"
