"""Requirements on one package that exclude each other, and those written twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from imgc.diagnostics import Diagnostic, Edit, Fix, Related, Severity
from imgc.layers.python.specs import Spec
from imgc.records import dataclass

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version


def conflicts(specs: Sequence[Spec]) -> list[Diagnostic]:
    """What an image's requirements, in the order they are asked for, say against each other."""
    earlier: dict[str, list[Spec]] = {}
    found: list[Diagnostic] = []
    for spec in specs:
        if not spec.name:
            continue
        others = earlier.setdefault(spec.name, [])
        against = [finding for other in others if (finding := _finding(other, spec)) is not None]
        errors = [finding for finding in against if finding.severity is Severity.ERROR]
        found += errors or against[:1]  # once is enough to know that it is there twice
        others.append(spec)
    return found


def _finding(first: Spec, second: Spec) -> Diagnostic | None:
    """Of two requirements on one package. Those under different conditions may both hold."""
    if first.marker != second.marker:
        return None
    if _same(first, second):
        return None if second.where else _duplicate(first, second)
    reason = _exclusion(first, second)
    if reason is None:
        return None
    return Diagnostic(
        "conflicting-requirements",
        Severity.ERROR,
        f"{_shown(second)} and {_shown(first)} exclude each other: {reason}",
        second.span,
        related=(Related(first.span, f"{_shown(first)} is asked for here"),),
    )


def _same(first: Spec, second: Spec) -> bool:
    return all(getattr(first, of) == getattr(second, of) for of in ("extras", "specifier", "url", "local"))


def _duplicate(first: Spec, second: Spec) -> Diagnostic:
    again = "in " + first.where if first.where else "earlier"
    edits = (Edit(second.removal, ""),) if second.removal else ()
    return Diagnostic(
        "duplicate-requirement",
        Severity.HINT,
        f"{_shown(second)} is asked for {again} already",
        second.span,
        fixes=(Fix(f"remove {_shown(second)}", edits),) if edits else (),
        related=(Related(first.span, "the same requirement"),),
    )


def _shown(spec: Spec) -> str:
    text = spec.local + spec.text
    return f"'{text}' ({spec.where})" if spec.where else f"'{text}'"


def _exclusion(first: Spec, second: Spec) -> str | None:
    """Why no version fulfils both; None unless that is certain."""
    if first.url and second.url:
        return "they are different downloads" if first.url != second.url else None
    if first.url or second.url or not (first.specifier and second.specifier):
        return None
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        both = SpecifierSet(first.specifier) & SpecifierSet(second.specifier)
    except InvalidSpecifier:  # `===` of something that is no version
        return None
    return f"no version of {first.name} fulfils both" if unsatisfiable(both) else None


def unsatisfiable(specifiers: SpecifierSet) -> bool:
    """Whether no version at all fulfils the specifiers, pre-releases included.

    Newer versions of `packaging` can say so themselves; this must say the same with all of them. Between two
    neighbouring versions that the specifiers name nothing changes, so a few versions around each are enough.
    """
    if any(clause.operator == "===" for clause in specifiers):
        return False
    return not any(specifiers.contains(version, prereleases=True) for version in _candidates(specifiers))


@dataclass(frozen=True, slots=True)
class _Release:
    epoch: int
    numbers: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.epoch}!" + ".".join(map(str, self.numbers))


def _candidates(specifiers: SpecifierSet) -> Iterator[str]:
    from packaging.version import Version

    named = [Version(clause.version.removesuffix(".*")) for clause in specifiers]
    length = max((len(version.release) for version in named), default=1)
    yield "0"
    yield "0.dev0"
    for version in named:
        yield str(version)
        yield from map(str, _around(version, length))
        yield from _variants(version)
    epoch = max((version.epoch for version in named), default=0)
    yield f"{epoch}!{max((version.release[0] for version in named), default=0) + 1_000_000}"


def _around(version: Version, length: int) -> Iterable[_Release]:
    """Releases just above and just below, closer than any other named version can be."""
    padded = version.release + (0,) * (length - len(version.release))
    yield _Release(version.epoch, (*padded, 1))
    for place in reversed(range(len(padded))):
        if padded[place]:
            below = (*padded[:place], padded[place] - 1)
            yield _Release(version.epoch, (*below, *(999_999 for _ in range(length - place))))
            break
    for place in range(len(version.release)):  # the end of a `.*` or `~=` range
        yield _Release(version.epoch, (*version.release[:place], version.release[place] + 1))


def _variants(version: Version) -> Iterator[str]:
    """What lies between a release and its neighbours: pre-, post- and development releases."""
    release = f"{version.epoch}!{version.base_version.rpartition('!')[2]}"
    yield from (
        f"{release}{suffix}" for suffix in ("", ".dev0", "a0", "b0", "rc0", "rc99999", ".post0", ".post99999")
    )
    if version.pre:
        letter, number = version.pre
        yield f"{release}{letter}{number + 1}.dev0"
        yield f"{release}{letter}{number}.dev0"
        yield f"{release}{letter}{number}.post0"
        yield f"{release}{letter}{number + 1}"
    if version.post is not None:
        yield f"{release}.post{version.post}.dev0"
        yield f"{release}.post{version.post + 1}"
