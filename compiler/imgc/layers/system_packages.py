"""`system_packages` and `apt_packages`: packages of the base's own package manager."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from imgc.diagnostics import Diagnostic, Edit, Fix, Related, Severity, Span
from imgc.document import nodes
from imgc.document.nodes import Node, Scalar
from imgc.layers import managers
from imgc.layers.bases import BY_PROGRAM
from imgc.layers.facts import BaseFacts
from imgc.layers.kind import Kind, Reading, Written
from imgc.layers.recipe import Recipe

NOTE = "system_packages"
"""Among the notes of a recipe: the packages that it has asked for so far, a tuple of names."""

_APT_RAN = "apt"
"""Among the notes of a recipe: that apt is set up to keep what it downloads."""

UNKNOWN = "the base's package manager is unknown, so the build finds it"


@dataclass(frozen=True, slots=True)
class Package:
    """A package as asked for. `key` is the key it stands under, `removal` what to delete to take it out."""

    text: str
    span: Span
    key: str
    removal: Span | None = None


@dataclass(frozen=True, slots=True)
class SystemPackages:
    """Packages for one RUN.

    apt_span: the place of `apt_packages`, if they are in it: only apt will do then
    renamable: `apt_packages` may become `system_packages`, as there is none beside it
    extra: names that other layers need
    note: why, and what else was joined to it
    """

    key: str
    span: Span
    packages: tuple[Package, ...]
    apt_span: Span | None = None
    renamable: bool = False
    extra: tuple[str, ...] = ()
    note: str = ""

    def emit(self, recipe: Recipe) -> None:
        manager = _manager(self, recipe)
        if manager == "":
            return
        problems = [*_unfit(self.packages, manager), *_doubles(self.packages)]
        for problem in problems:
            recipe.report(problem)
        if any(problem.severity is Severity.ERROR for problem in problems):
            return
        names = [*(package.text for package in self.packages), *self.extra]
        if manager is None:
            recipe.run(managers.dispatch({"": names}), self.key, self.span, note=_joined(UNKNOWN, self.note))
        else:
            again = recipe.notes.get(_APT_RAN) is True
            clauses, mounts = managers.install(manager, names, again)
            recipe.run(clauses, self.key, self.span, mounts, self.note)
            if manager == "apt":
                recipe.notes[_APT_RAN] = True
        earlier = recipe.notes.get(NOTE, ())
        assert isinstance(earlier, tuple)
        recipe.notes[NOTE] = (*earlier, *names)


def joined(layers: Sequence[SystemPackages], facts: BaseFacts) -> list[SystemPackages]:
    """`system_packages` and `apt_packages` of an image in one RUN, where both are apt's.

    A base that is asked for `apt_packages` is one of apt's, unless it is known to be none.
    """
    if len(layers) < 2 or not _has_apt(facts):
        return list(layers)
    first, *others = layers
    whole = replace(
        first,
        packages=tuple(package for layer in layers for package in layer.packages),
        apt_span=next((layer.apt_span for layer in layers if layer.apt_span), None),
        extra=tuple(name for layer in layers for name in layer.extra),
        note=_joined(*(layer.note for layer in layers), f"with {' and '.join(x.key for x in others)}"),
    )
    return [whole]


def with_extra(
    layers: Sequence[SystemPackages], extra: tuple[str, ...], why: str, key: str, span: Span
) -> list[SystemPackages]:
    """The layers with packages that another layer (`key`, at `span`) needs, joined to the first of them; they
    are names for the base's manager, which has to be known."""
    if not layers:
        return [SystemPackages(key, span, (), extra=extra, note=why)]
    first, *rest = layers
    return [replace(first, extra=(*first.extra, *extra), note=_joined(first.note, why)), *rest]


def _joined(*notes: str) -> str:
    return "; ".join(filter(None, notes))


# What fits the base


def _has_apt(facts: BaseFacts) -> bool:
    """Whether the base has apt, as far as is known."""
    return facts.manager == "apt" or (facts.manager is None and facts.distro not in BY_PROGRAM)


def _manager(layer: SystemPackages, recipe: Recipe) -> str | None:
    """The manager that installs a layer: None where the build finds it, "" after reporting that none can."""
    facts = recipe.facts
    if layer.apt_span is not None and not _has_apt(facts):
        _report_other_manager(layer, layer.apt_span, recipe)
        return ""
    if facts.manager == "":
        what = f" ({facts.distro})" if facts.distro else ""
        known = ", ".join(managers.MANAGERS)
        message = f"the base '{recipe.base}'{what} has no package manager that imgc knows ({known})"
        label = "take another base, or install with 'commands'"
        recipe.error("no-package-manager", message, layer.span, label=label)
        return ""
    return "apt" if layer.apt_span is not None else facts.manager


def _report_other_manager(layer: SystemPackages, span: Span, recipe: Recipe) -> None:
    facts = recipe.facts
    has = facts.manager or ("dnf, microdnf or yum" if facts.distro in BY_PROGRAM else "no package manager")
    what = f" ({facts.distro})" if facts.distro else ""
    label = ""
    fixes: tuple[Fix, ...] = ()
    if facts.manager != "":
        label = "write 'system_packages', with the names that its packages have there"
        if layer.renamable:
            fixes = (Fix("use 'system_packages'", (Edit(span, "system_packages"),), safe=False),)
    message = f"'apt_packages' needs apt, and the base '{recipe.base}'{what} has {has}"
    recipe.report(Diagnostic("wrong-package-manager", Severity.ERROR, message, span, label, fixes))


def _unfit(packages: Iterable[Package], manager: str | None) -> Iterator[Diagnostic]:
    """Packages that the manager cannot take."""
    for package in packages:
        if manager is not None and (problem := managers.name_problem(package.text, manager)):
            yield _bad(package, problem)


def _bad(package: Package, problem: str) -> Diagnostic:
    lower = package.text.lower()
    fixes: tuple[Fix, ...] = ()
    if "lower case" in problem:
        fixes = (Fix(f"write '{lower}'", (Edit(package.span, lower),), safe=False),)
    message = f"'{package.text[:60]}' is not a package that can be installed: {problem}"
    return Diagnostic("bad-package", Severity.ERROR, message, package.span, fixes=fixes)


def _doubles(packages: Iterable[Package]) -> Iterator[Diagnostic]:
    """Packages asked for twice: a hint; with two versions: an error."""
    texts: dict[str, Package] = {}
    versions: dict[str, tuple[str, Package]] = {}
    for package in packages:
        name, version = managers.name_and_version(package.text)
        if (first := texts.get(package.text)) is not None:
            yield _duplicate(first, package)
        elif version and name in versions and versions[name][0] != version:
            other = versions[name][1]
            message = f"'{package.text}' and '{other.text}' exclude each other: {name} has one version"
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


# Reading


def read(written: Written, reading: Reading) -> SystemPackages | None:
    if not isinstance(written.node, nodes.Sequence):
        return None
    own = written.siblings.get(written.key) if written.siblings else None
    removals = dict(_removals(own)) if isinstance(own, nodes.Sequence) else {}
    packages: list[Package] = []
    for item in written.node.items:
        if not isinstance(item, Scalar) or not isinstance(item.value, str):
            continue
        if not managers.NAMEABLE.fullmatch(item.value):
            continue
        package = Package(item.value, item.span, written.key, removals.get(id(item)))
        manager = "apt" if written.key == "apt_packages" else None
        if problem := managers.name_problem(item.value, manager):
            reading.report(_bad(package, problem))
        else:
            packages.append(package)
    if not packages:
        return None
    is_apt = written.key == "apt_packages"
    alone = written.siblings is None or written.siblings.get("system_packages") is None
    return SystemPackages(
        written.key, written.span, tuple(packages), written.span if is_apt else None, is_apt and alone
    )


def _removals(node: nodes.Sequence) -> Iterator[tuple[int, Span]]:
    """For the items of a list, by id, what to delete to take them out: the line, or from the neighbour on."""
    before: Node | None = None
    for item in node.items:
        span = item.span
        if not node.flow and span.line == span.end_line:
            yield id(item), Span(span.origin, span.line, 0, span.line + 1, 0)
        elif node.flow and before is not None:
            start = before.span
            yield (
                id(item),
                Span(span.origin, start.end_line, start.end_column, span.end_line, span.end_column),
            )
        before = item


KINDS = (Kind(("system_packages",), 2, read), Kind(("apt_packages",), 3, read))
