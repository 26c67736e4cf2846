"""Stops a command in a container that others use too: the engine can start it, but not stop it.

Its processes are found by a variable in their environment and by their sessions, from within the container.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import docker.errors

from imgc_engine.run.steady import Steady

MARK = "IMGC_EXEC"
SIGNAL_ALL = r"""
pids=' ' sids=' ' found=0
look() {
    { read -r line < "$1/stat"; } 2>/dev/null || return 1
    set -- ${line##*) }
    state=$1 sid=$4
}
for p in /proc/[0-9]*; do
    grep -qF "$2" "$p/environ" 2>/dev/null && look "$p" || continue
    pids="$pids${p#/proc/} "
    [ "$sid" = 0 ] || sids="$sids$sid "
done
for p in /proc/[0-9]*; do
    look "$p" && [ "$state" != Z ] || continue
    case "$pids" in *" ${p#/proc/} "*) ;; *)
        case "$sids" in *" $sid "*) ;; *) continue ;; esac ;;
    esac
    found=3
    kill -s "$1" "${p#/proc/}" 2>/dev/null
done
exit $found
"""
"""Send the signal $1 to what has $2 in its environment, and to all of their sessions; 3 if there was any."""

PAUSE = 0.05  # seconds between looks whether a signal has worked
KILL_PATIENCE = 3.0  # seconds after SIGKILL; then the container goes


def end_all(
    steady: Steady, container: str, user: str, mark: str, grace: float, running: Callable[[], bool]
) -> None:
    """SIGTERM to all that the command started, SIGKILL after the grace; the whole container, where that does
    not help. EngineGone.

    `user` is the command's: the environment of another's processes is not to be read, not even by root.
    `running` says whether the engine takes it to run.
    """
    with suppress(docker.errors.APIError):  # the container has ended
        if grace and _signal(steady, container, user, mark, ("TERM", "0"), grace, running):
            return
        if _signal(steady, container, user, mark, ("KILL", "KILL"), KILL_PATIENCE, running):
            return
        steady.call(lambda: steady.client.kill(container))


def mark_of(name: str) -> str:
    """The value of the variable: no mark holds another one."""
    return f"<{name}>"


def _signal(
    steady: Steady,
    container: str,
    user: str,
    mark: str,
    names: tuple[str, str],
    patience: float,
    running: Callable[[], bool],
) -> bool:
    """Whether all have ended in time. They get the first signal once, when they are there."""
    first, then = names
    name, deadline = first, time.monotonic() + patience
    while time.monotonic() < deadline:
        code = _run(steady, container, user, [name, f"{MARK}={mark}"])
        if code not in (0, 3):
            return False  # the image has no shell, or no grep
        if code == 3:
            name = then
        elif not running():
            return True
        time.sleep(PAUSE)
    return False


def _run(steady: Steady, container: str, user: str, arguments: list[str]) -> int | None:
    client = steady.client
    argv = ["/bin/sh", "-c", SIGNAL_ALL, "sh", *arguments]
    made = steady.call(lambda: client.exec_create(container, argv, user=user, workdir="/"))
    steady.call(lambda: client.exec_start(made["Id"]))
    code: int | None = steady.call(lambda: client.exec_inspect(made["Id"]))["ExitCode"]
    return code
