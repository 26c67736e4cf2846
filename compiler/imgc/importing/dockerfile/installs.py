"""RUN instructions that do nothing but install packages, and the keys that say so."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence

from imgc.records import dataclass, field

_SHELL = re.compile(r"[|;<>`$()\n#{}?\\'\"]|(?<!&)&(?!&)|&&&|(?:\A|\s)[~!]")
_QUOTED = re.compile(r"'[^']*'|\"[^\"$`\\]*\"")
_QUIET = {"-y", "--yes", "--assume-yes", "--assumeyes", "-q", "-qq", "-yq", "-qy", "-yqq", "-qqy", "--quiet"}
_WEAK = {f"--setopt=install_weak_deps={no}" for no in ("0", "False", "false", "no")}
_CLEAN = re.compile(
    r"rm -rf? ((/var/lib/apt/lists/?\*?|/var/cache/(apt|apk|dnf|yum)/?\*?|/root/\.cache(/pip)?/?) ?)+\Z"
    r"|(apt-get|apt|dnf|microdnf|yum) (-y )?clean( all| packages)?\Z|apk cache clean\Z|npm cache clean --force\Z"
    r"|pip3? cache purge\Z"
)


@dataclass(frozen=True, slots=True)
class Install:
    """A key and its items; `pip` has the options that go with it. `files` are requirements, by their paths in the
    container, which the key needs by their local ones."""

    key: str
    items: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    pip: tuple[tuple[str, object], ...] = field(default=())


def installs(script: str) -> list[Install] | None:
    """What a command installs; None where it does anything else, or installs in a way that no key does."""
    bare = _QUOTED.sub("x", script)
    if _SHELL.search(bare) or bare.count("&&") != script.count("&&"):
        return None
    found: list[Install] = []
    for clause in script.split("&&"):
        one = _clause(clause)
        if one is None:
            return None
        found += one
    return found or None


def why_not(script: str) -> str:
    """A remark on a command that could be a key, were it not for an option."""
    if re.search(r"\bapt(-get)?\s+(-\S+\s+)*install\b", script) and "--no-install-recommends" not in script:
        return "with --no-install-recommends it could be apt_packages"
    return ""


def _clause(clause: str) -> list[Install] | None:
    try:
        words = shlex.split(clause)
    except ValueError:
        return None
    if words and words[0] in ("DEBIAN_FRONTEND=noninteractive", "sudo"):
        words = words[1:]
    if not words:
        return None
    if _CLEAN.match(" ".join(words)):
        return []
    if words[:3] in (["python", "-m", "pip"], ["python3", "-m", "pip"]):
        words = ["pip", *words[3:]]
    read = _PROGRAMS.get(words[0])
    return read(words) if read is not None and not any("*" in word for word in words) else None


def _options(words: Sequence[str]) -> tuple[list[str], list[str]]:
    return [word for word in words if word.startswith("-")], [
        word for word in words if not word.startswith("-")
    ]


def _system(
    key: str, verb: str, allowed: set[str], needed: set[str], refresh: set[str]
) -> Callable[[list[str]], list[Install] | None]:
    """A reader of a package manager: `needed` is what makes it install no more than the key does."""

    def read(words: list[str]) -> list[Install] | None:
        options, rest = _options(words[1:])
        if rest and rest[0] in refresh and len(rest) == 1 and set(options) <= _QUIET:
            return []
        if not rest or rest[0] != verb or len(rest) < 2 or not set(options) <= allowed | needed | _QUIET:
            return None
        if needed and not needed & set(options):
            return None
        return [Install(key, tuple(rest[1:]))]

    return read


def _pip(words: list[str]) -> list[Install] | None:
    if len(words) < 3 or words[1] != "install":
        return None
    items: list[str] = []
    files: list[str] = []
    pip: dict[str, object] = {}
    extra: list[str] = []
    rest = iter(words[2:])
    for word in rest:
        option, equals, inline = word.partition("=") if word.startswith("--") else (word, "", "")
        if word in _PIP_QUIET:
            continue
        if option in ("-r", "--requirement", "-i", "--index-url", "--extra-index-url"):
            operand = inline if equals else next(rest, "")
            if not operand:
                return None
            if option in ("-r", "--requirement"):
                files.append(operand)
            elif option == "--extra-index-url":
                extra.append(operand)
            else:
                pip["index_url"] = operand
        elif option == "--pre" and not equals:
            pip["pre"] = True
        elif word.startswith("-") or _is_path(word) or word in ("pip", "setuptools", "wheel"):
            return None
        else:
            items.append(word)
    if extra:
        pip["extra_index_urls"] = extra
    given = tuple(sorted(pip.items()))
    if bool(items) == bool(files):
        return None  # both at once are resolved together, or there is nothing
    return (
        [Install("requirements", files=tuple(files), pip=given)]
        if files
        else [Install("pip_packages", tuple(items), pip=given)]
    )


_PIP_QUIET = {
    "--no-cache-dir", "--no-cache", "-q", "--quiet", "--disable-pip-version-check", "--no-input", "--root-user-action=ignore",
    "--no-color", "--progress-bar=off",
}  # fmt: skip


def _is_path(word: str) -> bool:
    return (
        word.startswith((".", "/"))
        or "/" in word.partition("@")[0]
        or word.endswith((".whl", ".zip", ".tar.gz"))
    )


def _npm(words: list[str]) -> list[Install] | None:
    options, rest = _options(words[1:])
    if not rest or rest[0] not in ("install", "i", "add") or len(rest) < 2:
        return None
    known = {"-g", "--global", "--no-audit", "--no-fund", "--silent", "--quiet"}
    if not set(options) <= known or not {"-g", "--global"} & set(options):
        return None
    return (
        None
        if any(_is_path(word) and not word.startswith("@") for word in rest[1:])
        else [Install("npm_packages", tuple(rest[1:]))]
    )


_APT = _system("apt_packages", "install", set(), {"--no-install-recommends"}, {"update"})
_DNF = _system("system_packages", "install", {"--nodocs"}, _WEAK, {"makecache"})
_PROGRAMS: dict[str, Callable[[list[str]], list[Install] | None]] = {
    "apt-get": _APT,
    "apt": _APT,
    "apk": _system(
        "system_packages", "add", {"--no-cache", "--update", "-U", "--update-cache"}, set(), {"update"}
    ),
    "dnf": _DNF,
    "microdnf": _DNF,
    "yum": _system("system_packages", "install", set(), set(), {"makecache"}),
    "pip": _pip,
    "pip3": _pip,
    "npm": _npm,
}
