"""The last words on a build or a run: what failed, where in the YAML, how it looked, what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from imgc_engine.api import Result
from imgc_engine.failures import Code, Failure
from imgc_engine.show.text import duration, one_line

SHOWN = 20  # failures that are told in full: data can fail by the thousand


def summary(result: Result, project: Path, again: Sequence[str] = (), *, shells: bool = True) -> list[str]:
    """Lines. `again`: options that a command needs which is to see the same pipeline.

    Paths of logs and of the pipeline's files are relative to where the user stands, where shorter.
    """
    lines: list[str] = []
    if result.problem:
        lines.append(f"error: {one_line(result.problem)}")
    for refusal in result.refusals:
        lines += [f"error: {one_line(refusal.message)}", f"  --> {_shown(project / refusal.place.file)}"
                  f":{refusal.place.line}:{refusal.place.column}"]  # fmt: skip
    for failure in result.failures[:SHOWN]:
        lines += ["", *_failure(failure, project)]
        if shells and result.run and failure.log is not None:  # a leaf's: it had a container
            lines.append(f"  look around: {shlex.join(['imgc', 'debug', *again, failure.subject or '/'])}")
    if rest := result.failures[SHOWN:]:
        lines += ["", f"and {len(rest)} more: " + ", ".join(failure.subject or "/" for failure in rest[:SHOWN])
                  + (", …" if len(rest) > SHOWN else "")]  # fmt: skip
    if result.run:
        lines += ["", f"{_ended(result)} in {duration(result.seconds)} (run {result.run})"]
        if result.code not in (Code.FINE, Code.USER_FILE):
            lines.append(f"to go on: {shlex.join(['imgc', 'run', *again, '--resume', result.run])}")
    elif not lines:
        lines.append(f"done in {duration(result.seconds)}")
    return lines


def _failure(failure: Failure, project: Path) -> Iterator[str]:
    place = failure.place
    yield f"{failure.subject or 'the pipeline'}: {one_line(failure.message)}"
    yield f"  --> {_shown(project / place.file)}:{place.line}:{place.column}"
    if failure.detail:
        yield f"  {one_line(failure.detail)}"
    for line in failure.last_lines:
        yield f"  | {one_line(line)}"
    if failure.log is not None:
        yield f"  whole log: {_shown(failure.log)}"


def _ended(result: Result) -> str:
    if result.code == Code.INTERRUPTED:
        return "interrupted"
    return "succeeded" if result.code == Code.FINE else "failed"


def _shown(path: Path) -> str:
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
