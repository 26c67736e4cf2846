"""The six package managers: how each installs, where it caches, what it takes for a package, and how a build
finds out which one there is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from imgc.instructions.quoting import words
from imgc.instructions.types import Mount
from imgc.patterns import lazy
from imgc.records import dataclass


@dataclass(frozen=True, slots=True)
class Manager:
    """A package manager.

    before, after: clauses around the install
    install: the clause that installs, the packages left out
    caches: folders that cache mounts keep between builds
    package: the pattern of what it takes for a package, perhaps with a version
    version: how it writes a version, for messages
    """

    before: tuple[str, ...]
    install: str
    caches: tuple[str, ...]
    package: re.Pattern[str]
    version: str
    after: tuple[str, ...] = ()


KEEP_DOWNLOADS: Final = "rm -f /etc/apt/apt.conf.d/docker-clean"
"""Debian's images throw downloads away after each install: with that, the cache mount would keep nothing."""

_APT_INSTALL: Final = "DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends"
"""Without the variable, packages such as tzdata ask questions in a build that nobody can answer."""

_VERSION = r"[A-Za-z0-9.+~^:_-]+"
_RPM = (
    r"[A-Za-z0-9_][A-Za-z0-9._+~^:-]*"  # a name, a version behind `-`, an architecture behind `.`
    r"(?:\([A-Za-z0-9._+:/-]*\))*"  # or what a package provides: perl(JSON), libz.so.1()(64bit)
    r"|[A-Za-z0-9_][A-Za-z0-9._+~^:-]*-[0-9][A-Za-z0-9._+~^:-]*\*"  # the beginning of a version: jq-1.6*
    r"|@[A-Za-z0-9][A-Za-z0-9._+:/-]*"  # a group or a module
    r"|/[A-Za-z0-9._+/-]+"  # a file that the package has
    r"|https?://[A-Za-z0-9._~:/%+-]+\.rpm"
)

MANAGERS: Final[Mapping[str, Manager]] = {
    "apt": Manager(
        (KEEP_DOWNLOADS, "apt-get update"),
        _APT_INSTALL,
        ("/var/cache/apt", "/var/lib/apt"),
        # A `-` at the end is an order to remove; globs are good for versions only, `jq=1.6*`.
        lazy(r"[a-z0-9][a-z0-9.+-]*(?<!-)(?::[a-z0-9-]+)?(?:=[A-Za-z0-9.+~:*-]+|/[A-Za-z0-9.+~-]+)?"),
        "jq=1.6-2.1",
    ),
    "apk": Manager(
        (),
        # Only with a cache folder that is named does apk keep packages.
        "apk add --update-cache --cache-dir=/var/cache/apk",
        ("/var/cache/apk",),
        lazy(
            rf"(?:[a-z][a-z0-9.]*:)?[A-Za-z0-9_][A-Za-z0-9._+-]*(?:(?:[<>]?=|[<>]|~=?|=~){_VERSION})?"
            r"(?:@[A-Za-z0-9_-]+)?"
        ),
        "jq=1.6-r2 or jq~1.6",
    ),
    # The cache of `dnf` is that of dnf 4 or dnf 5, and `microdnf` is dnf 5 too where that is the newer one.
    "dnf": Manager(
        (),
        "dnf install -y --refresh --setopt=install_weak_deps=0 --setopt=keepcache=1",
        ("/var/cache/dnf", "/var/cache/libdnf5"),
        lazy(_RPM),
        "jq-1.6",
    ),
    "microdnf": Manager(
        (),
        "microdnf install -y --refresh --setopt=install_weak_deps=0 --setopt=keepcache=1",
        ("/var/cache/yum", "/var/cache/libdnf5"),
        lazy(_RPM),
        "jq-1.6",
    ),
    "yum": Manager(
        (),
        "yum install -y --setopt=keepcache=1",
        ("/var/cache/yum",),
        lazy(_RPM),
        "jq-1.6",
        # What the cache mount keeps is asked about anew by the next build.
        ("yum clean expire-cache",),
    ),
    "zypper": Manager(
        # Repositories of all releases have the same names in the cache, so its age alone says nothing.
        ("zypper --non-interactive refresh",),
        "zypper --non-interactive install --no-recommends",
        ("/var/cache/zypp",),
        lazy(rf"(?:{_RPM})(?:(?:[<>]?=|[<>]){_VERSION})?"),
        "jq=1.6",
    ),
}


def install(
    manager: str, packages: Sequence[str], again: bool = False
) -> tuple[tuple[str, ...], tuple[Mount, ...]]:
    """The clauses that install packages (sorted, each once), and the cache mounts they want.

    `again`: this image has installed packages before, so what is done once need not be repeated.
    """
    known = MANAGERS[manager]
    before = tuple(clause for clause in known.before if not (again and clause == KEEP_DOWNLOADS))
    clauses = (*before, f"{known.install} {_quoted(packages)}", *known.after)
    mounts = tuple(Mount("cache", (("target", folder), ("sharing", "locked"))) for folder in known.caches)
    return clauses, mounts


def _quoted(packages: Sequence[str]) -> str:
    return words(*sorted(set(packages)))


# Where the manager is unknown

_BRANCHES: Final = (
    (
        ("debian", "ubuntu"),
        "apt",
        ("apt-get update &&", _APT_INSTALL + " {packages} &&", "rm -rf /var/lib/apt/lists/*"),
    ),
    (("alpine", "wolfi", "chainguard"), "apk", ("apk add --no-cache {packages}",)),
    (
        ("fedora", "rhel", "centos", "amzn"),
        "dnf",
        (
            'manager="$(command -v dnf || command -v microdnf || command -v yum)" &&',
            '"$manager" install -y {packages} &&',
            '"$manager" clean all',
        ),
    ),
    (
        ("suse", "opensuse", "sles"),
        "zypper",
        ("zypper --non-interactive install --no-recommends {packages} &&", "zypper clean --all"),
    ),
)
"""Words in ID or ID_LIKE of os-release, the manager whose names hold there, and how it installs. There are no
cache mounts: those of the other managers would leave their folders behind."""

WIDTH: Final = 100


def dispatch(packages: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The clause that looks at /etc/os-release and installs with the distribution's own manager, in lines.

    `packages` are the names for each manager (those of dnf hold for microdnf and yum too); "" has those for
    managers that are not named. Of another distribution it ends the build with a message. For any POSIX
    shell; it changes no variable but `manager`.
    """
    lines = ['case " $(. /etc/os-release && echo "$ID ${ID_LIKE-}") " in']
    for distros, manager, steps in _BRANCHES:
        names = _quoted(packages.get(manager, packages.get("", ())))
        pattern = "  " + " | ".join(f'*" {distro} "*' for distro in distros) + ")"
        body = [line for step in steps for line in _broken(step.format(packages=names), "    ")]
        if len(body) == 1 and len(pattern + body[0]) <= WIDTH:
            lines.append(f"{pattern} {body[0].strip()} ;;")
        else:
            lines += (pattern, *body[:-1], f"{body[-1]} ;;")
    lines += (
        "  *)",
        '    (. /etc/os-release && echo "imgc: no package manager is known for ${PRETTY_NAME:-$ID}") >&2;',
        "    exit 1 ;;",
        "esac",
    )
    return ("\n".join(lines),)


def _broken(line: str, indent: str) -> list[str]:
    """A line, in several where it is too long: broken at blanks, which are all between words here."""
    if len(line) <= WIDTH:
        return [indent + line]
    lines: list[str] = []
    for word in line.split(" "):
        if lines and len(lines[-1]) + 1 + len(word) <= WIDTH:
            lines[-1] += f" {word}"
        else:
            lines.append(indent + ("  " if lines else "") + word)
    return lines


# What a package is

NAMEABLE = lazy(r"[!-,.-~][!-~]*")
"""What the schema asks of a package: anything else has been reported as no name at all."""


LONGEST: Final = 1000


def name_problem(name: str, manager: str | None = None) -> str | None:
    """Why a manager (None: any of the six) cannot take a text for a package; None when it can."""
    if not name:
        return "it is empty"
    if len(name) > LONGEST:
        return f"it is longer than {LONGEST} characters"
    if re.search(r"\s", name):
        return "it holds a blank, and each package is an item of its own"
    if name.startswith("-"):
        return "it begins with '-', which a package manager takes for an option"
    if manager is None:
        if any(known.package.fullmatch(name) for known in MANAGERS.values()):
            return None
        return _why(name, "a package manager", "jq=1.6-2.1, jq=1.6-r2 or jq-1.6")
    known = MANAGERS[manager]
    return None if known.package.fullmatch(name) else _why(name, manager, known.version, manager == "apt")


def _why(name: str, who: str, version: str, lower: bool = False) -> str:
    """The likeliest reason, in words."""
    if re.search(r"[\x00-\x1f\x7f]", name) or not name.isascii():
        return "it holds a character that no package has in its name"
    if name.startswith(("./", "../", "/")) or name.endswith((".deb", ".apk", ".rpm")):
        return f"it is a file, and {who} is given names here"
    if lower and name.lower() != name and name_problem(name.lower(), who) is None:
        return f"packages of {who} are in lower case"
    if found := re.search(r"[<>~]=?|==|[=@]", name):
        return f"'{found[0]}' means nothing to {who} here; a version is written like {version}"
    if found := re.search(r"[*?\[\]]", name):
        return f"it is a pattern ('{found[0]}'), and not the name of one package"
    if name.endswith("-"):
        return f"it ends with '-', which {who} takes for an order to remove it"
    if found := re.search(r"[^A-Za-z0-9._+:-]", name):
        return f"no package has '{found[0]}' in its name"
    return f"it is not the name of a package for {who}"


def name_and_version(package: str) -> tuple[str, str]:
    """The name of a package, and the one version asked for, "" where none is. Where versions are behind `-`,
    the whole is the name: only the repository knows where that ends."""
    name, equals, version = package.partition("=")
    if equals and not re.search(r"[<>~@/]", package) and "*" not in version:
        return name, version
    return re.split(r"[<>~=@]", package, maxsplit=1)[0] or package, ""
