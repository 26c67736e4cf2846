"""The users of an image: what ids a name has, and making the one that the base lacks.

Where the ids are known they are written instead of the name, so that an orchestrator can see that the image
does not run as root. They are known of users in the lock's facts, of a few that all common bases have, and of
a user made here, on a base known to lack it. Otherwise the build looks into /etc/passwd.
"""

from __future__ import annotations

import re

from imgc.diagnostics import Span
from imgc.instructions.quoting import words
from imgc.instructions.types import Command, Run
from imgc.layers.recipe import Recipe
from imgc.patterns import lazy

USER = lazy(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?")
"""A user: `NAME[:GROUP]`, each perhaps an id."""

UID = 10001
"""Of a user made here: above the ids that distributions give out."""

NOTE = "users"
"""Among the notes of a recipe: the users made so far and their ids, a dict.
Images on top inherit it."""

_OWNED = "owned"
"""Among the notes of a recipe: (user, folder) of all folders given away, a frozenset."""

_PLAIN = frozenset({
    "almalinux", "alpine", "amazonlinux", "bash", "buildpack-deps", "busybox", "composer", "debian",
    "eclipse-temurin", "fedora", "gcc", "golang", "julia", "openjdk", "oraclelinux", "perl", "pypy", "python",
    "r-base", "rockylinux", "ruby", "rust", "swift",
})  # fmt: skip
"""Official images without users but those of their distribution."""

_DISTRIBUTION = frozenset({
    "_apt", "adm", "at", "backup", "bin", "cron", "cyrus", "daemon", "dbus", "docker", "ftp", "games",
    "gnats", "guest", "halt", "irc", "list", "lp", "mail", "man", "news", "nobody", "ntp", "operator",
    "postmaster", "proxy", "shutdown", "smmsp", "squid", "sshd", "svn", "sync", "sys", "tss", "ubuntu",
    "utmp", "uucp", "vpopmail", "www-data", "xfs",
})  # fmt: skip
"""Users that some distribution brings; which ids they have differs."""

_MAKES_USERS = frozenset({"apt_packages", "conda", "install_docker", "system_packages"})
"""Keys whose packages may bring users along."""

_OF_THE_SYSTEM = frozenset({
    "/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/media", "/mnt", "/opt", "/proc",
    "/root", "/run", "/sbin", "/srv", "/sys", "/tmp", "/usr", "/usr/bin", "/usr/lib", "/usr/local",
    "/usr/local/bin",
    "/usr/sbin", "/usr/share", "/usr/src", "/var", "/var/lib", "/var/log", "/var/run", "/var/tmp",
})  # fmt: skip
"""Folders that are never given to a user."""


def ensure_user(recipe: Recipe, folder: str = "") -> None:
    """Sees to it that the image's `user` is there before it is needed, and owns `folder`, which is made.

    Called before anything is installed, it knows best what ids the user has.
    """
    if not USER.fullmatch(recipe.owner):
        recipe.owner = ""  # what is wrong with it is said where it is written
    if recipe.owner:
        recipe.owner = make(recipe, recipe.owner, "user", recipe.owner_span, folder)


def make(recipe: Recipe, user: str, key: str, span: Span | None, folder: str = "") -> str:
    """Makes a user (`NAME[:GROUP]`; ids need nothing) where the base lacks it, and gives it a folder.

    The result is what to write for it: `uid:gid` where they are known, else the name.
    """
    name, _, group = user.partition(":")
    if name in ("root", "0"):
        return user
    known = _known(recipe, user)
    creation: tuple[str, ...] = ()
    if not known and not name.isdigit() and user not in _noted(recipe):
        if _lacks(recipe, name) and (group in ("", name) or group.isdigit()):
            known = f"{UID}:{group if group.isdigit() else UID}"
            creation = _creation(name, known)
        else:
            creation = _guarded(name, group)
    ownership = _ownership(recipe, known or user, folder)
    if recipe.facts.shell is False:
        # Of a folder in such a base nothing can be changed: it stays root's.
        if creation:
            message = f"the base '{recipe.base}' has no shell, so the user '{name}' cannot be made in it"
            recipe.error("base-without-shell", message, span, label=f"write ids, such as {UID}:{UID}")
            if span is None:
                return user  # nothing was said yet: who knows the place asks again
    elif creation or ownership:
        recipe.run((*creation, *ownership), key, span)
    if not name.isdigit():
        recipe.notes[NOTE] = {**_noted(recipe), user: known}
    return known or user


def _known(recipe: Recipe, user: str) -> str:
    """`uid:gid`, or a uid; "" where they are not known."""
    name, _, group = user.partition(":")
    if name.isdigit() and (not group or group.isdigit()):
        return user
    if made := _noted(recipe).get(user):
        return made
    ids = _of_base(recipe, name)
    if not ids or not group:
        return ids
    return f"{ids.partition(':')[0]}:{group}" if group.isdigit() else ""


def _noted(recipe: Recipe) -> dict[str, str]:
    known = recipe.notes.get(NOTE, {})
    assert isinstance(known, dict)
    return known


def _of_base(recipe: Recipe, name: str) -> str:
    if recipe.facts.users is not None:
        return dict(recipe.facts.users).get(name, "")
    everywhere = recipe.facts.distro in ("debian", "ubuntu", "alpine", "fedora")
    return "65534:65534" if name == "nobody" and everywhere and _official(recipe.base) in _PLAIN else ""


def _lacks(recipe: Recipe, name: str) -> bool:
    """Whether no user of this name can be there yet."""
    for step in recipe.steps:
        if isinstance(step.instruction, Command) or (
            isinstance(step.instruction, Run) and step.key in _MAKES_USERS
        ):
            return False
    if recipe.facts.users is not None:
        return name not in dict(recipe.facts.users)
    return _official(recipe.base) in _PLAIN and name not in _DISTRIBUTION


def _official(reference: str) -> str:
    """The name of an official image of Docker Hub; "" for any other."""
    found = re.fullmatch(r"(?:docker\.io/)?(?:library/)?([a-z0-9-]+)(?::[\w.-]+)?(?:@.*)?", reference)
    return found[1] if found else ""


def _creation(name: str, ids: str) -> tuple[str, ...]:
    """Clauses that make a user on a base that lacks it. Lines, not useradd: not every base has that."""
    gid = ids.partition(":")[2]
    group = (f"echo {words(f'{name}:x:{gid}:')} >>/etc/group",) if gid == str(UID) else ()
    home = words(f"/home/{name}")
    user = f"echo {words(f'{name}:x:{ids}::/home/{name}:/bin/sh')} >>/etc/passwd"
    return (*group, user, f"mkdir -p {home}", f"chown {words(ids)} {home}")


def _guarded(name: str, group: str) -> tuple[str, ...]:
    """Clauses that make user and group where they are missing."""
    gid = group if group.isdigit() else str(UID)
    own_group = () if group else (_unless(name, "/etc/group", f"{name}:x:{gid}:"),)
    missing = " && ".join((*own_group, *_creation(name, f"{UID}:{gid}")[-3:]))
    user = f"{{ {_has(name, '/etc/passwd')} || {{ {missing}; }}; }}"
    if not group or group.isdigit():
        return (user,)
    return (_unless(group, "/etc/group", f"{group}:x:{gid}:"), user)


def _unless(name: str, file: str, line: str) -> str:
    return f"{{ {_has(name, file)} || echo {words(line)} >>{file}; }}"


def _has(name: str, file: str) -> str:
    return f"grep -q {words('^' + name.replace('.', '[.]') + ':')} {file}"


def _ownership(recipe: Recipe, user: str, folder: str) -> tuple[str, ...]:
    """Clauses that make a folder and give it away, once. A uid alone is its own group, as for COPY."""
    owned = recipe.notes.get(_OWNED, frozenset())
    assert isinstance(owned, frozenset)
    if not folder or folder in _OF_THE_SYSTEM or (user, folder) in owned:
        return ()
    recipe.notes[_OWNED] = owned | {(user, folder)}
    owner = f"{user}:{user}" if user.isdigit() else user
    return (f"mkdir -p {words(folder)}", f"chown {words(owner)} {words(folder)}")
