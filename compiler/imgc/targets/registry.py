"""The targets by name. None is imported before it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module

from imgc.diagnostics import Diagnostic, Severity, Span, in_order
from imgc.diagnostics.near import near
from imgc.records import dataclass
from imgc.targets.concepts import CONCEPTS
from imgc.targets.subject import Subject
from imgc.targets.target import Support, Target

SUMMARIES = {
    "bake": "docker-bake.json, for docker buildx bake",
    "compose": "compose.yaml, for docker compose",
    "devcontainer": ".devcontainer/, for VS Code, Codespaces and the devcontainer program",
    "argo": "argo/workflow.yaml, for Argo Workflows",
    "slurm": "slurm/, a script that submits the pipeline to Slurm, with a script a job",
}
"""Name -> what it makes, in a few words. The module of this name in this package has the TARGET."""

MANY = 3  # places that a warning names


class UnknownTarget(ValueError):
    """The text says which there are."""


@dataclass(frozen=True, slots=True)
class Made:
    """`files` are paths relative to the output folder, with their contents."""

    files: dict[str, bytes]
    diagnostics: list[Diagnostic]


def names_of(written: Iterable[str]) -> list[str]:
    """The names in values of `--target`, each a list with commas, without repetitions. UnknownTarget."""
    names = [name.strip() for value in written for name in value.split(",")]
    for name in names:
        if name not in SUMMARIES:
            close = near(name, SUMMARIES, 1)
            hint = f"did you mean '{close[0]}'?" if close else f"there are {', '.join(SUMMARIES)}"
            raise UnknownTarget(f"no target is called '{name}': {hint}")
    return list(dict.fromkeys(names))


def load(name: str) -> Target:
    """One of SUMMARIES."""
    target: Target = import_module(f"imgc.targets.{name}").TARGET
    return target


def make(names: Iterable[str], subject: Subject) -> Made:
    """The files of the targets; of one that refuses something, only what it says about that."""
    files: dict[str, bytes] = {}
    found: list[Diagnostic] = []
    for name in names:
        target = load(name)
        judged = judge(target, subject)
        if all(diagnostic.severity is not Severity.ERROR for diagnostic in judged):
            texts, said = _emitted(target, subject)
            if all(diagnostic.severity is not Severity.ERROR for diagnostic in said):
                files |= {path: text.encode("utf-8") for path, text in texts.items()}
            judged += said
        found += judged
    return Made(files, in_order(found))


def _emitted(target: Target, subject: Subject) -> tuple[dict[str, str], list[Diagnostic]]:
    said: list[Diagnostic] = []

    def say(what: str, support: Support, span: Span) -> None:
        said.append(_diagnostic(target.name, what, support, [span]))

    return target.emit(subject, say), said


def judge(target: Target, subject: Subject) -> list[Diagnostic]:
    """What the target's table says of what this pipeline uses: every place that is refused, and of what is
    approximated the first, which names others."""
    found = []
    for concept in CONCEPTS:
        support = target.support.get(concept.name)
        if support is None or support.level == "exact":
            continue
        spans = list({(span.file, *span.start): span for span in concept.find(subject)}.values())
        if support.level == "refused":
            found += [_diagnostic(target.name, concept.name, support, [span]) for span in spans]
        elif spans:
            found.append(_diagnostic(target.name, concept.name, support, spans))
    return found


def _diagnostic(target: str, what: str, support: Support, spans: Sequence[Span]) -> Diagnostic:
    others = [str(span.place.line) for span in spans[1 : 1 + MANY]]
    more = f" and {len(spans) - 1 - MANY} more" if len(spans) - 1 > MANY else ""
    also = f"also in line{'s' * (len(others) > 1)} {', '.join(others)}{more}" if others else ""
    text = support.text.removesuffix(".")
    what = what if " " in what.partition(":")[0] else f"'{what}'"  # a key, and not words
    if support.level == "refused":
        message = f"{target} cannot express {what}: {text}"
        return Diagnostic("target-refuses", Severity.ERROR, message, spans[0], also)
    message = f"{target} only approximates {what}: {text}"
    return Diagnostic("target-approximates", Severity.WARNING, message, spans[0], also)
