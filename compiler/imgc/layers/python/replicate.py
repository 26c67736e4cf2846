"""`replicate_local_environment`: the packages of the local environment, as `imgc lock` has listed them."""

from __future__ import annotations

from imgc.diagnostics import Span
from imgc.document.nodes import Scalar
from imgc.instructions.quoting import line_problem
from imgc.layers.kind import Kind, Reading, Written
from imgc.layers.python.installer import Settings, emit_install
from imgc.layers.python.specs import BadSpec, Spec, is_local, parse
from imgc.layers.recipe import Recipe
from imgc.records import dataclass


@dataclass(frozen=True, slots=True)
class ReplicateEnvironment:
    """`span` is the key's, `value` the value's place."""

    settings: Settings
    value: Span

    @property
    def key(self) -> str:
        return self.settings.key

    @property
    def span(self) -> Span:
        return self.settings.span

    def emit(self, recipe: Recipe) -> None:
        if recipe.lock is None:
            recipe.error(
                "not-locked",
                f"the local environment of '{recipe.name}' is not in imgc.lock yet",
                self.value,
                label="run 'imgc lock', which asks the local environment and keeps the answer",
            )
            return
        packages = tuple(dict.fromkeys(recipe.lock))
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
    if isinstance(written.node, Scalar) and written.node.value is False:
        return None
    return ReplicateEnvironment(Settings.of(written), written.node.span)


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
