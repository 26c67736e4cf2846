"""What is known of a base image: from the lock, from `base_facts`, from the table of well-known bases."""

from __future__ import annotations

from imgc.records import dataclass


@dataclass(frozen=True, slots=True)
class BaseFacts:
    """Facts about a base. None means unknown.

    distro: an ID of os-release (debian, ubuntu, alpine, fedora, rhel, centos, opensuse-leap, …)
    manager: apt, apk, dnf, microdnf, yum or zypper, "" for known to have none of them
    user: the user its config names ("root" where unknown)
    shell: False where it is known to have none
    python: the version as text ("3.12"), "" for known to have none
    python_managed: its Python belongs to the distribution (PEP 668), so nothing may be installed into it
    conda: micromamba or conda, where the base is one of theirs
    npm: whether npm is on PATH
    users: all names in its /etc/passwd, each with its "uid:gid"
    source: where the facts come from, for people: "the lock", "base_facts", "the table of well-known bases"
    """

    distro: str | None = None
    manager: str | None = None
    user: str = "root"
    shell: bool | None = None
    python: str | None = None
    python_managed: bool | None = None
    conda: str | None = None
    source: str = ""
    npm: bool | None = None
    users: tuple[tuple[str, str], ...] | None = None
