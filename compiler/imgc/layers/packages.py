"""Lists of packages, whoever installs them: reading one, and what is asked for twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from imgc.diagnostics import Diagnostic, Edit, Fix, Related, Severity, Span
from imgc.document.nodes import Scalar, Sequence
from imgc.layers.kind import Reading, Written
from imgc.layers.managers import NAMEABLE
from imgc.records import dataclass


@dataclass(frozen=True, slots=True)
class Package:
    """A package as asked for. `key` is the key it stands under, `removal` what to delete to take it out."""

    text: str
    span: Span
    key: str
    removal: Span | None = None


def read_packages(
    written: Written, reading: Reading, problem_of: Callable[[str], str | None]
) -> tuple[Package, ...]:
    """The packages of a list; those that `problem_of` has something against are reported at their items."""
    if not isinstance(written.node, Sequence):
        return ()
    own = written.siblings.get(written.key) if written.siblings else None
    taken_out = removals(own) if isinstance(own, Sequence) else {}
    packages: list[Package] = []
    for item in written.node.items:
        if not isinstance(item, Scalar) or not isinstance(item.value, str):
            continue
        if not NAMEABLE.fullmatch(item.value):
            continue
        package = Package(item.value, item.span, written.key, taken_out.get(id(item)))
        if problem := problem_of(item.value):
            reading.report(bad_package(package, problem))
        else:
            packages.append(package)
    return tuple(packages)


def removals(node: Sequence) -> dict[int, Span]:
    """For the items of a list, by id, what to delete to take them out: the line, or up to the neighbour."""
    found: dict[int, Span] = {}
    for number, item in enumerate(node.items):
        span = item.span
        if not node.flow and span.line == span.end_line:
            found[id(item)] = Span(span.origin, span.line, 0, span.line + 1, 0)
        elif node.flow and number:
            start = node.items[number - 1].span
            found[id(item)] = Span(
                span.origin, start.end_line, start.end_column, span.end_line, span.end_column
            )
        elif node.flow and len(node.items) > 1:
            end = node.items[1].span
            found[id(item)] = Span(span.origin, span.line, span.column, end.line, end.column)
    return found


def bad_package(package: Package, problem: str) -> Diagnostic:
    fixes: tuple[Fix, ...] = ()
    if "lower case" in problem:
        lower = package.text.lower()
        fixes = (Fix(f"write '{lower}'", (Edit(package.span, lower),), safe=False),)
    message = f"'{package.text[:60]}' is not a package that can be installed: {problem}"
    return Diagnostic("bad-package", Severity.ERROR, message, package.span, fixes=fixes)


def doubles(
    packages: Iterable[Package], name_and_version: Callable[[str], tuple[str, str]]
) -> Iterator[Diagnostic]:
    """Packages asked for twice: a hint; in two versions: an error. `name_and_version` cuts a package in two; the
    version is "" where it is not one alone."""
    texts: dict[str, Package] = {}
    versions: dict[str, tuple[str, Package]] = {}
    for package in packages:
        name, version = name_and_version(package.text)
        if (first := texts.get(package.text)) is not None:
            yield _duplicate(first, package)
        elif version and name in versions and versions[name][0] != version:
            other = versions[name][1]
            message = f"'{package.text}' and '{other.text}' exclude each other: '{name}' has one version"
            related = (Related(other.span, f"'{other.text}' is asked for here"),)
            yield Diagnostic("conflicting-packages", Severity.ERROR, message, package.span, related=related)
        texts.setdefault(package.text, package)
        if version:
            versions.setdefault(name, (version, package))


def _duplicate(first: Package, second: Package) -> Diagnostic:
    where = f" (in '{first.key}')" if first.key != second.key else ""
    edits = (Edit(second.removal, ""),) if second.removal else ()
    return Diagnostic(
        "duplicate-package",
        Severity.HINT,
        f"'{second.text}' is asked for already{where}",
        second.span,
        fixes=(Fix(f"remove '{second.text}'", edits),) if edits else (),
        related=(Related(first.span, "the same package"),),
    )
