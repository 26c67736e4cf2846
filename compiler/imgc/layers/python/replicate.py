"""`replicate_local_environment`: the packages of the local environment, as `imgc lock` has listed them."""

from __future__ import annotations

from imgc.diagnostics import Severity, Span
from imgc.document.nodes import Scalar, Sequence
from imgc.instructions.quoting import line_problem
from imgc.layers.kind import Kind, Reading, Written
from imgc.layers.python.environment import python_of
from imgc.layers.python.installer import Settings, emit_install
from imgc.layers.python.specs import BadSpec, Spec, is_local, parse
from imgc.layers.recipe import Recipe
from imgc.lock.lookups import Lookup, command_name
from imgc.records import dataclass

DEFAULT = "pip_freeze"
"""What `true` means."""


@dataclass(frozen=True, slots=True)
class ReplicateEnvironment:
    """`span` is the key's, `value` the value's place; `command` is what lists the packages."""

    settings: Settings
    value: Span
    command: tuple[str, ...]

    @property
    def key(self) -> str:
        return self.settings.key

    @property
    def span(self) -> Span:
        return self.settings.span

    def lookup(self, recipe: Recipe) -> Lookup:
        return Lookup("environments", recipe.name, self.value, command=self.command)

    def is_locked(self, recipe: Recipe) -> bool:
        return recipe.lock is not None and recipe.lock.command == command_name(self.command)

    def compare(self, recipe: Recipe) -> None:
        """Says so where the environment is of another Python than the image."""
        ours, theirs = python_of(recipe) or "", recipe.lock.python if recipe.lock else ""
        if theirs and "." in ours and ours != theirs:
            message = f"the local environment is of Python {theirs}, and '{recipe.base}' has {ours}"
            label = "packages may not be there for both in the same versions"
            recipe.error("other-python", message, self.value, Severity.HINT, label)

    def emit(self, recipe: Recipe) -> None:
        recipe.lookups.append(self.lookup(recipe))
        if recipe.lock is None:
            recipe.error(
                "not-locked",
                f"the local environment of '{recipe.name}' is not in imgc.lock yet",
                self.value,
                label="run 'imgc lock', which asks the local environment and keeps the answer",
            )
            return
        if not self.is_locked(recipe):
            recipe.error(
                "stale-lock",
                f"imgc.lock holds what '{recipe.lock.command}' listed for '{recipe.name}', "
                f"not '{command_name(self.command)}'",
                self.value,
                label="run 'imgc lock'",
            )
            return
        self.compare(recipe)
        packages = tuple(dict.fromkeys(recipe.lock.packages))
        for package in packages:
            if (reason := _problem(package, self.value)) is not None:
                recipe.error(
                    "bad-lock",
                    f"imgc.lock lists '{package}', which cannot be installed: {reason}",
                    self.value,
                )
                return
        if packages:
            # all of them are listed: nothing is to be resolved anew
            emit_install(
                recipe, self.settings, ("--no-deps", *packages), note="the local environment, as locked"
            )


def read_replicate(written: Written, reading: Reading) -> ReplicateEnvironment | None:  # noqa: ARG001
    node = written.node
    command: tuple[str, ...] = ()
    if isinstance(node, Sequence):
        command = tuple(item.text for item in node.items if isinstance(item, Scalar))
    elif isinstance(node, Scalar) and node.value is not False:
        command = (DEFAULT if node.value is True else node.text,)
    return ReplicateEnvironment(Settings.of(written), node.span, command) if command else None


def _problem(package: str, span: Span) -> str | None:
    if reason := line_problem(package):
        return reason
    if package.startswith("-"):
        return "it is an option and no package"
    if is_local(package) or "file:" in package:
        return "it is on this machine only"
    spec: Spec | BadSpec = parse(package, span)
    return spec.reason if isinstance(spec, BadSpec) else None


KIND = Kind(("replicate_local_environment",), 5, read_replicate)
