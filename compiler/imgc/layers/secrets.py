"""Build secrets and SSH agents in a user's commands.

Docker 20.10 gives secrets as files only, so a secret that is wanted as a variable is a file that a line
before the command reads: the command itself stays as written.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Sequence

from imgc.diagnostics import Diagnostic, Severity
from imgc.instructions.quoting import flag_problem, is_mount_safe
from imgc.instructions.types import Mount
from imgc.model.image import SecretUse

FOLDER = "/run/secrets/"
_POSIX_SHELLS = frozenset({"sh", "ash", "bash", "busybox", "dash", "ksh", "mksh", "zsh"})


def mounts(secrets: Iterable[SecretUse], user: str = "root", ssh: Iterable[str] = ()) -> tuple[Mount, ...]:
    """The mounts of a step that gets these secrets and SSH agents, each place once. `user` runs the step:
    BuildKit gives both to root alone, unless it is told otherwise."""
    open_file, open_socket = ((), ()) if _is_root(user) else ((("mode", "0444"),), (("mode", "0666"),))
    found: dict[tuple[str, str], Mount] = {}
    for use in secrets:
        target = file_of(use)
        if not is_mount_safe(use.name) or not is_mount_safe(target):
            continue  # reported by `check_secrets`, or where the names of secrets are checked
        options = [("id", use.name)]
        if target != FOLDER + use.name:
            options.append(("target", target))
        if use.required:
            options.append(("required", "true"))
        found.setdefault((use.name, target), Mount("secret", (*options, *open_file)))
    agents = tuple(
        Mount("ssh", (() if agent == "default" else (("id", agent),)) + open_socket)
        for agent in dict.fromkeys(ssh)
    )
    return (*found.values(), *agents)


def exports(secrets: Iterable[SecretUse]) -> str:
    """Shell text that sets the variables of secrets wanted as such: nothing, or lines that each end in a
    newline, to be put before the command."""
    lines: dict[str, None] = {}
    for use in secrets:
        if use.env and is_mount_safe(use.name):
            file = file_of(use)
            line = f'export {use.env}="$(cat {file})"'
            lines[line if use.required else f"if [ -f {file} ]; then {line}; fi"] = None
    return "".join(f"{line}\n" for line in lines)


def file_of(use: SecretUse) -> str:
    """Where a secret is in the container."""
    return use.target or FOLDER + use.name


def check_secrets(
    secrets: Iterable[SecretUse], shell: Sequence[str], report: Callable[[Diagnostic], None]
) -> None:
    """Reports what a step cannot be given, at the secret's name."""
    program = posixpath.basename(shell[0]) if shell else "sh"
    for use in secrets:
        if use.target and (reason := flag_problem(use.target)):
            report(
                Diagnostic(
                    "bad-target", Severity.ERROR, f"the target of the secret '{use.name}' {reason}", use.span
                )
            )
        if use.env and program not in _POSIX_SHELLS:
            message = (
                f"a command of the shell '{program}' cannot be given the secret '{use.name}' as a variable"
            )
            report(
                Diagnostic(
                    "secret-needs-sh", Severity.ERROR, message, use.span, "leave out 'env' and read its file"
                )
            )


def _is_root(user: str) -> bool:
    return user.partition(":")[0] in ("", "root", "0")
