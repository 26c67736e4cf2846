"""`system_packages` and `apt_packages`: packages of the base's own package manager."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from imgc.diagnostics import Diagnostic, Edit, Fix, Related, Severity, Span
from imgc.document import nodes
from imgc.document.nodes import Scalar
from imgc.layers import managers
from imgc.layers.facts import BaseFacts
from imgc.layers.kind import Kind, Reading, Written
from imgc.layers.recipe import Recipe
from imgc.model.image import Text

KEYS = ("system_packages", "apt_packages")


@dataclass(frozen=True, slots=True)
class SystemPackages:
    """Packages by name. `extra` are those that another layer needs, on a base whose manager is known; `note` says why."""

    key: str
    span: Span
    packages: tuple[Text, ...]
    apt: tuple[Text, ...] = ()
    """Those of an `apt_packages` that were joined to it."""
    apt_span: Span | None = None
    extra: tuple[str, ...] = ()
    note: str = ""

    def emit(self, recipe: Recipe) -> None:
        only_apt = self.key == "apt_packages"
        manager = recipe.facts.manager or ("apt" if only_apt or self.apt else None)
        if (only_apt or self.apt) and manager != "apt":
            _wrong_manager(recipe, self.apt_span or self.span)
            return
        names = [package.value for package in (*self.packages, *self.apt)]
        if manager is not None:
            clauses, mounts = managers.install(manager, [*names, *self.extra])
            recipe.run(clauses, self.key, self.span, mounts, self.note)
        elif recipe.facts.distro is not None:
            what = f"'{recipe.base}' ({recipe.facts.distro}) has no package manager that imgc knows"
            recipe.error("no-package-manager", what, self.span, label="install in another way, with 'commands'")
        else:
            note = "the base's package manager is unknown: the build finds it"
            recipe.run(managers.dispatch({"": names}), self.key, self.span, note=note)


def _wrong_manager(recipe: Recipe, span: Span) -> None:
    facts = recipe.facts
    message = f"'{recipe.base}' is {facts.distro or 'a distribution'} and installs with {facts.manager}, not with apt"
    fix = Fix("use 'system_packages'", (Edit(span, "system_packages"),), safe=False)
    recipe.report(Diagnostic("wrong-package-manager", Severity.ERROR, message, span, "use 'system_packages'", (fix,)))


def read(written: Written, reading: Reading) -> SystemPackages | None:
    found: dict[str, Text] = {}
    for item in written.node if isinstance(written.node, nodes.Sequence) else ():
        if not isinstance(item, Scalar) or not isinstance(item.value, str):
            continue
        problem = managers.name_problem(item.text)
        if problem:
            reading.error("bad-package", f"'{item.text.strip()[:40]}' is no name of a package: {problem}", item.span)
        elif item.text in found:
            related = (Related(found[item.text].span, "it is asked for here"),)
            message = f"the package '{item.text}' is asked for twice"
            reading.error("duplicate-package", message, item.span, related=related, severity=Severity.HINT)
        else:
            found[item.text] = Text(item.text, item.span)
    return SystemPackages(written.key, written.span, tuple(found.values())) if found else None


KINDS = (Kind(("system_packages",), 2, read), Kind(("apt_packages",), 3, read))


def joined(layers: Sequence[SystemPackages], facts: BaseFacts) -> list[SystemPackages]:
    """`system_packages` and `apt_packages` of one image in one step, where both use apt."""
    if len(layers) != 2 or facts.manager not in ("apt", None):
        return list(layers)
    system, apt = layers
    note = "with apt_packages, by apt"
    return [replace(system, apt=apt.packages, apt_span=apt.span, note=note)]


def with_extra(
    layers: Sequence[SystemPackages], extra: tuple[str, ...], why: str, key: str, span: Span
) -> list[SystemPackages]:
    """The layers with packages that another layer (`key`, at `span`) needs, joined to the first of them."""
    if not layers:
        return [SystemPackages(key, span, (), extra=extra, note=why)]
    first, *rest = layers
    return [replace(first, extra=extra, note=", ".join(filter(None, (first.note, why)))), *rest]
