"""Mounts of Python installs: caches, files of the build context, and build secrets."""

from __future__ import annotations

from collections.abc import Iterable

from imgc.diagnostics import Span
from imgc.instructions.quoting import flag_problem, is_mount_safe
from imgc.instructions.types import Mount
from imgc.layers.kind import Reading
from imgc.layers.secrets import file_of
from imgc.layers.secrets import mounts as secret_mounts
from imgc.model.image import SecretUse
from imgc.records import dataclass


def cache(target: str) -> Mount:
    return Mount("cache", (("target", target),))


def bind(source: str, target: str, *, stage: str = "", writable: bool = False) -> Mount:
    """A file or folder of the build context (or of `stage`). `writable`: what is written is thrown away."""
    options = [("source", source), ("target", target)]
    if stage:
        options.insert(0, ("from", stage))
    if writable:
        options.append(("rw", "true"))
    return Mount("bind", tuple(options))


def check_mountable(path: str, reading: Reading, span: Span) -> bool:
    """Whether `--mount` can name the path; reports it where not."""
    reason = flag_problem(path)
    if reason:
        reading.error("unmountable-path", f"'{path}' {reason}", span)
    return reason is None


@dataclass(frozen=True, slots=True)
class Secrets:
    """Build secrets of one RUN: their mounts, and `NAME="$(cat …)"` for those wanted as variables.

    Docker 20.10 knows secrets as files only, so a variable is set by the shell, for one command.
    """

    mounts: tuple[Mount, ...] = ()
    assignments: tuple[str, ...] = ()


def secrets(uses: Iterable[SecretUse]) -> Secrets:
    """Each secret is mounted once for each place, and read into its variable where it is wanted as one."""
    uses = tuple(uses)
    assignments: dict[str, None] = {}
    for use in uses:
        if use.env and is_mount_safe(use.name):
            quiet = "" if use.required else " 2>/dev/null"
            assignments[f'{use.env}="$(cat {file_of(use)}{quiet})"'] = None
    return Secrets(secret_mounts(uses), tuple(assignments))
