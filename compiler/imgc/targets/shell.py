"""A command that does more than a tool can say, as a shell script around it: tries, time, exit codes, standard input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from imgc.targets.subject import Data

NEWLINE = "\n"
LONGEST_PAUSE = 10**6  # seconds


def needs_shell(leaf: Data) -> bool:
    """Whether more than the leaf's command is to be said."""
    return bool(
        leaf["retry"]["attempts"] > 1
        or leaf["max_time"]
        or leaf["accept_return_code"]
        or leaf["suppress_errors"]
        or leaf["stdin"] is not None
    )


def wrapped(leaf: Data, variables: Mapping[str, str]) -> list[str]:
    """The argv of a POSIX shell that runs the leaf's command so. `variables` are those whose value is in a file."""
    script = "\n".join(_script(leaf, variables))
    given = [] if leaf["stdin"] is None else [leaf["stdin"]]
    return ["/bin/sh", "-c", script, "sh", *given, *leaf["command"]]


def _script(leaf: Data, variables: Mapping[str, str]) -> Iterator[str]:
    for name, file in variables.items():
        yield f"{name}=$(cat {file} && echo .) || exit"  # without the dot, all newlines at the end were lost
        yield f"{name}=${{{name}%.}}"
        yield f"{name}=${{{name}%'{NEWLINE}'}}"
        yield f"export {name}"
    command = '"$@"'
    if leaf["max_time"]:
        command = f"timeout -k 10 {leaf['max_time']:g} {command}"
    if leaf["stdin"] is not None:
        yield "imgc_input=$1"
        yield "shift"
        command = f'printf %s "$imgc_input" | {command}'
    if not needs_shell(leaf):
        yield f"exec {command}"
        return
    fine = "|".join(str(code) for code in sorted({0, *leaf["accept_return_code"]}))
    test = [command, "imgc_code=$?", f"case $imgc_code in {fine}) exit 0 ;; esac"]
    attempts, backoff = leaf["retry"]["attempts"], leaf["retry"]["backoff"]
    if attempts > 1:
        pauses = " ".join(f"{min(backoff * 2 ** min(n, 64), LONGEST_PAUSE):g}" for n in range(attempts - 1))
        yield f"for imgc_pause in {pauses} ''; do"
        yield from (f"  {line}" for line in test)
        yield '  if [ "$imgc_pause" ]; then sleep "$imgc_pause"; fi'
        yield "done"
    else:
        yield from test
    yield "exit 0" if leaf["suppress_errors"] else "exit $imgc_code"
