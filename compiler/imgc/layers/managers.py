"""The six package managers: how each installs, where it caches, and how a build finds out which one there is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from imgc.instructions.quoting import words
from imgc.instructions.types import Mount


@dataclass(frozen=True, slots=True)
class Manager:
    """`before` and `after` are clauses around the install, `install` the words ahead of the packages, `caches`
    the folders that cache mounts keep between builds (yum and microdnf clean up instead)."""

    before: tuple[str, ...]
    install: tuple[str, ...]
    caches: tuple[str, ...]
    after: tuple[str, ...] = ()


MANAGERS = {
    "apt": Manager(
        # Debian's images throw downloads away after each install: with that, the cache mount would keep nothing.
        ("rm -f /etc/apt/apt.conf.d/docker-clean", "apt-get update"),
        ("apt-get", "install", "-y", "--no-install-recommends"),
        ("/var/cache/apt", "/var/lib/apt"),
    ),
    "apk": Manager((), ("apk", "add", "--update-cache", "--cache-dir=/var/cache/apk"), ("/var/cache/apk",)),
    "dnf": Manager(
        (),
        ("dnf", "install", "-y", "--setopt=install_weak_deps=False", "--setopt=keepcache=True"),
        ("/var/cache/dnf", "/var/cache/libdnf5"),
    ),
    "microdnf": Manager((), ("microdnf", "install", "-y", "--setopt=install_weak_deps=0"), (), ("microdnf clean all",)),
    "yum": Manager((), ("yum", "install", "-y"), (), ("yum clean all",)),
    "zypper": Manager((), ("zypper", "--non-interactive", "install", "--no-recommends"), ("/var/cache/zypp",)),
}

_DISTROS = {
    "debian": "apt", "ubuntu": "apt", "raspbian": "apt", "kali": "apt", "linuxmint": "apt", "alpine": "apk",
    "wolfi": "apk", "chainguard": "apk", "fedora": "dnf", "rhel": "dnf", "centos": "dnf", "rocky": "dnf",
    "almalinux": "dnf", "ol": "dnf", "amzn": "dnf", "opensuse-leap": "zypper", "opensuse-tumbleweed": "zypper",
    "opensuse": "zypper", "sles": "zypper", "suse": "zypper",
}  # fmt: skip
"""ID of /etc/os-release -> manager. Where old and new releases differ, the newer one's."""

_BRANCHES = (
    (("debian", "ubuntu"), "apt", "apt-get update && apt-get install -y --no-install-recommends {} && rm -rf /var/lib/apt/lists/*"),
    (("alpine", "wolfi"), "apk", "apk add --no-cache {}"),
    (
        ("fedora", "rhel", "centos"),
        "dnf",
        'manager="$(command -v dnf || command -v microdnf || command -v yum)" && '
        '"$manager" install -y {} && "$manager" clean all',
    ),
    (("suse", "opensuse"), "zypper", "zypper --non-interactive install --no-recommends {} && zypper clean"),
)  # fmt: skip
"""IDs in ID or ID_LIKE of /etc/os-release; the manager whose names hold; the install without cache mounts, whose
folders would be left behind on other distributions."""

_NAME = re.compile(r"[A-Za-z0-9@/(][A-Za-z0-9+._:/@=~^<>*()-]*\Z")


def manager_of(distro: str) -> str | None:
    """The manager of a distribution by its ID; None when it is not known."""
    return _DISTROS.get(distro)


def install(manager: str, packages: Sequence[str]) -> tuple[tuple[str, ...], tuple[Mount, ...]]:
    """The clauses that install packages (sorted, each once), and the cache mounts they want."""
    known = MANAGERS[manager]
    clauses = (*known.before, words(*known.install, *sorted(set(packages))), *known.after)
    mounts = tuple(Mount("cache", (("target", folder), ("sharing", "locked"))) for folder in known.caches)
    return clauses, mounts


def dispatch(packages: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Clauses that look at /etc/os-release and install with the manager of the distribution.

    `packages` are the names for each manager (those of dnf hold for microdnf and yum too); "" has those for
    managers that are not named. Ends the build with a message where the distribution is none of ours.
    """
    lines = ['case " $ID ${ID_LIKE-} " in']
    for distros, manager, text in _BRANCHES:
        patterns = "|".join(f'*" {distro} "*' for distro in distros)
        names = packages.get(manager, packages.get("", ()))
        lines.append(f"  {patterns}) {text.format(words(*sorted(set(names))))} ;;")
    lines.append('  *) echo "imgc: no package manager is known for $ID; write base_facts" >&2; exit 1 ;;')
    return (". /etc/os-release", "\n".join([*lines, "esac"]))


def name_problem(name: str) -> str | None:
    """Why a text cannot be the name of a package, for any manager; None when it can."""
    if not name.strip():
        return "it is empty"
    if re.search(r"\s", name):
        return "it holds a blank: each package is an item of its own"
    if name.startswith("-"):
        return "it begins with '-', which a package manager takes for an option"
    if not _NAME.match(name):
        return "it holds characters that no name of a package has"
    return None
