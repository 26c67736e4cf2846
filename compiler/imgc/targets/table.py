"""The page of the documentation on what each target keeps of a pipeline, made from the targets' own tables."""

from __future__ import annotations

from collections.abc import Iterator

from imgc.targets.concepts import CONCEPTS
from imgc.targets.registry import SUMMARIES, load
from imgc.targets.target import Support, Target

_HEAD = """\
# What each target keeps

`imgc compile --target LIST` writes files for other tools; [how to use them](howto/targets.md) is a page of its own.
This one is made from the tables that the compiler itself goes by. What is **approximated** is a warning that says how; what
is **refused** is an error at its place. A dash means that the target is not about this at all.
"""
_WORDS = {"exact": "yes", "approximated": "approximated", "refused": "refused"}


def markdown() -> str:
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    targets = [load(name) for name in SUMMARIES]
    yield _HEAD
    yield f"| | {' | '.join(target.name for target in targets)} |"
    yield f"| --- |{' --- |' * len(targets)}"
    for concept in CONCEPTS:
        cells = (_word(target.support.get(concept.name)) for target in targets)
        yield f"| {_code(concept.name)} | {' | '.join(cells)} |"
    for target in targets:
        yield from _of(target)


def _of(target: Target) -> Iterator[str]:
    yield f"\n## {target.name}\n"
    yield f"{SUMMARIES[target.name]}\n"
    for concept in CONCEPTS:
        support = target.support.get(concept.name)
        if support is not None and support.text:
            yield f"- {_code(concept.name)}, {_WORDS[support.level]}: {support.text}"


def _word(support: Support | None) -> str:
    return _WORDS[support.level] if support else "–"


def _code(name: str) -> str:
    """Keys in code, words as they are."""
    return name if " " in name.partition(":")[0] else f"`{name}`"
