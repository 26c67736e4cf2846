"""`system_packages` and `apt_packages`: packages of the base's own package manager."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from imgc.diagnostics import Diagnostic, Edit, Fix, Severity, Span
from imgc.layers import managers
from imgc.layers.bases import BY_PROGRAM
from imgc.layers.facts import BaseFacts
from imgc.layers.kind import Kind, Reading, Written
from imgc.layers.packages import Package, bad_package, doubles, read_packages
from imgc.layers.recipe import Recipe
from imgc.records import dataclass, replace

NOTE = "system_packages"
"""Among the notes of a recipe: the packages that it has asked for so far, a tuple of names."""

_APT_RAN = "apt"
"""Among the notes of a recipe: that apt is set up to keep what it downloads."""

UNKNOWN = "the base's package manager is unknown, so the build finds it"


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
        problems = [*_unfit(self.packages, manager), *doubles(self.packages, managers.name_and_version)]
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
            yield bad_package(package, problem)


# Reading


def read(written: Written, reading: Reading) -> SystemPackages | None:
    is_apt = written.key == "apt_packages"
    packages = read_packages(
        written, reading, lambda name: managers.name_problem(name, "apt" if is_apt else None)
    )
    if not packages:
        return None
    alone = written.siblings is None or written.siblings.get("system_packages") is None
    return SystemPackages(
        written.key, written.span, packages, written.span if is_apt else None, is_apt and alone
    )


KINDS = (Kind(("system_packages",), 2, read), Kind(("apt_packages",), 3, read))
