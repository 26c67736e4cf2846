"""What is in the container for the user: a shell, and the node's command at hand in it.

`/.imgc/run` runs the command as the node does, also from a script; an interactive shell has it as `run`, and
bash has the command itself in its history.
"""

from __future__ import annotations

import io
import shlex
import tarfile

from imgc_engine.plan import Node

FOLDER = ".imgc"  # below the root of the container
RUN, START, STDIN = f"/{FOLDER}/run", f"/{FOLDER}/start", f"/{FOLDER}/stdin"
SHELLS = (
    "/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash", "/bin/sh", "/usr/bin/sh", "/bin/ash", "/busybox/sh",
)  # fmt: skip
"""Where shells are, in the order of choice; the last is the one of distroless images made for debugging."""

LONGEST = 100  # characters of a command, in the line that says it


def command_line(shell: str, *, terminal: bool) -> list[str]:
    """What the container runs. Without a terminal, the shell takes its commands from standard input."""
    if not terminal:
        return [shell]
    return [shell, "--rcfile", START, "-i"] if _is_bash(shell) else [shell, "-i"]


def environment(shell: str, *, terminal: bool) -> dict[str, str]:
    """Variables that the shell needs beside the node's."""
    return {"ENV": START} if terminal and not _is_bash(shell) else {}


def text_of(node: Node) -> str:
    """The node's command as one would type it."""
    command = node.command or ()
    if node.kind == "call" and node.call is not None:
        return f"{node.call.function}() of {node.call.file}"
    if len(command) >= 2 and command[-2].startswith("-") and command[-2].endswith("c"):
        return command[-1].strip()  # a text for a shell
    return shlex.join(command)


def described(node: Node) -> str:
    """The same in one line."""
    first, *rest = text_of(node).splitlines() or [""]
    short = first if len(first) <= LONGEST else first[:LONGEST]
    return f"{short} …" if rest or short != first else short


def archive(node: Node, shell: str, workdir: str) -> bytes:
    """The folder as a tar. `workdir` is where the node's command starts."""
    files = {RUN: (_run(node, shell, workdir), 0o755), START: (_start(node, shell), 0o644)}
    if node.stdin is not None:
        files[STDIN] = (node.stdin, 0o644)
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        folder = tarfile.TarInfo(FOLDER)
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(folder)
        for path, (text, mode) in files.items():
            data = text.encode("utf-8", "surrogateescape")
            info = tarfile.TarInfo(path.lstrip("/"))
            info.size, info.mode = len(data), mode
            tar.addfile(info, io.BytesIO(data))
    return made.getvalue()


def _run(node: Node, shell: str, workdir: str) -> str:
    stdin = f" <{STDIN}" if node.stdin is not None else ""
    command = shlex.join(node.command or ())
    return f"#!{shell}\ncd {shlex.quote(workdir or '/')} && exec {command}{stdin}\n"


def _start(node: Node, shell: str) -> str:
    """What the interactive shell reads first."""
    lines = [f'run() {{ {RUN} "$@"; }}']
    if _is_bash(shell):
        lines = [
            "for file in /etc/bash.bashrc /etc/bashrc ~/.bashrc; do if [ -r $file ]; then . $file; fi; done",
            *lines,
            f"history -s {shlex.quote('run' if node.kind == 'call' else text_of(node))}",
        ]
    return "\n".join(lines) + "\n"


def _is_bash(shell: str) -> bool:
    return shell.endswith("/bash")
