"""`pip_packages` and `requirements`."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from imgc.diagnostics import Span
from imgc.document.nodes import Node, Scalar, Sequence
from imgc.instructions.quoting import is_mount_safe, line_problem
from imgc.instructions.types import Copy, From, Mount, Stage, Step
from imgc.layers.kind import Kind, Reading, Written
from imgc.layers.python.installer import Settings, emit_install
from imgc.layers.python.mounts import bind, check_mountable
from imgc.layers.python.options import has_credentials, report_credentials
from imgc.layers.python.specs import (
    ARCHIVES,
    KEY_OF_OPTION,
    BadSpec,
    Spec,
    is_local,
    normalised,
    option_of,
    parse,
    split_local,
)
from imgc.layers.recipe import Recipe
from imgc.records import dataclass, replace

if TYPE_CHECKING:
    from imgc.layers.python.files import Tree

# pip_packages


@dataclass(frozen=True, slots=True)
class PipPackages:
    """Packages by name, by URL, and local ones."""

    settings: Settings
    specs: tuple[Spec, ...]

    @property
    def key(self) -> str:
        return self.settings.key

    @property
    def span(self) -> Span:
        return self.settings.span

    def emit(self, recipe: Recipe) -> None:
        emit_specs(recipe, self.settings, self.specs)


def read_packages(written: Written, reading: Reading) -> PipPackages | None:
    if not isinstance(written.node, Sequence):
        return None
    own = written.siblings.get(written.key) if written.siblings else None
    specs = read_specs(written.node, reading, own if isinstance(own, Sequence) else None)
    return PipPackages(Settings.of(written), specs) if specs else None


def read_specs(node: Sequence, reading: Reading, own: Sequence | None = None) -> tuple[Spec, ...]:
    """The requirements of a list; what is none is reported at its item. `own`: the list as it stands in the
    file, where `node` has items of bundles in it as well."""
    removals = {id(item): removal for item, removal in _removals(own or node)}
    specs: list[Spec] = []
    for item in node.items:
        spec = _read_spec(item, reading)
        if spec is not None:
            specs.append(replace(spec, removal=removals.get(id(item))))
    return tuple(specs)


def emit_specs(recipe: Recipe, settings: Settings, specs: tuple[Spec, ...]) -> None:
    """One RUN for all; local ones are bind-mounted, so that they leave nothing but what they install."""
    packages: dict[str, None] = {}
    mounts: list[Mount] = []
    taken: set[str] = set()
    for spec in specs:
        if not spec.local:
            packages[spec.text] = None
            continue
        name = posixpath.basename(spec.local) or "project"
        name = "project" if name in (".", "..") else name
        folder = "/tmp/packages" if name not in taken else f"/tmp/packages/{len(taken)}"
        taken.add(name)
        is_archive = name.endswith(ARCHIVES)
        mounts.append(
            bind(spec.local, f"{folder}/{name}", writable=not is_archive)
        )  # builds write into their folder
        packages[f"{folder}/{name}{spec.text}"] = None
    emit_install(recipe, settings, tuple(packages), tuple(mounts))


def _read_spec(item: Node, reading: Reading) -> Spec | None:
    if not isinstance(item, Scalar) or not isinstance(item.value, str):
        return None
    text, span = item.value.strip(), item.span
    if option := option_of(text):
        _report_option(text, option, reading, span)
        return None
    if has_credentials(text):
        report_credentials(reading, span, "this requirement")
        return None
    if reason := line_problem(text):
        reading.error("bad-requirement", f"the requirement {reason}", span)
        return None
    if is_local(text):
        return _read_local(item, text, reading)
    if "://" in text and "@" not in text.split("://", 1)[0]:
        return Spec(text, span, url=text)  # a bare URL: its package's name is known only when it is fetched
    spec = parse(text, span)
    if isinstance(spec, BadSpec):
        reading.error("bad-requirement", f"'{text}' is not a requirement (PEP 508): {spec.reason}", span)
        return None
    return spec


def _report_option(text: str, option: str, reading: Reading, span: Span) -> None:
    key = KEY_OF_OPTION.get(option, "pip.extra_args")
    example = {
        "requirements": f"requirements: {text.removeprefix(option).strip(' =') or 'requirements.txt'}"
    }.get(key)
    reading.error(
        "option-in-requirements",
        f"'{text}' is an option of the installer and no package",
        span,
        label=f"write it as '{example}'" if example else f"it belongs in '{key}'",
    )


def _read_local(item: Scalar, text: str, reading: Reading) -> Spec | None:
    path, extras = split_local(text)
    marked = Scalar(path, path, item.span, item.style)
    found = reading.path(marked, "file" if path.endswith(ARCHIVES) else "any")
    if found is None:
        return None
    if not check_mountable(found, reading, item.span):
        return None
    if found.endswith(".whl"):
        return _read_wheel(found, extras, reading, item.span)
    if found.endswith(ARCHIVES):
        return Spec(extras, item.span, local=found)
    project = (posixpath.join(found, name) for name in ("pyproject.toml", "setup.py"))
    if not any(reading.project.exists(name, "file") for name in project):
        reading.error(
            "not-a-project",
            f"'{path}' is a folder without a pyproject.toml, so it cannot be installed",
            item.span,
        )
        return None
    return Spec(extras, item.span, local=found)


def _read_wheel(path: str, extras: str, reading: Reading, span: Span) -> Spec | None:
    parts = posixpath.basename(path).removesuffix(".whl").split("-")
    if len(parts) not in (5, 6):
        reading.error(
            "bad-requirement",
            f"'{posixpath.basename(path)}' is no wheel's name (NAME-VERSION-PYTHON-ABI-PLATFORM.whl), "
            "and installers go by the name",
            span,
        )
        return None
    return Spec(extras, span, normalised(parts[0]), specifier=f"=={parts[1]}", local=path)


def _removals(node: Sequence) -> list[tuple[Node, Span]]:
    """For each item of a list what to delete to take it out: its line, or up to its neighbour on the line."""
    found: list[tuple[Node, Span]] = []
    items = node.items
    for place, item in enumerate(items):
        span = item.span
        if not node.flow:
            if span.line == span.end_line:
                found.append((item, Span(span.origin, span.line, 0, span.line + 1, 0)))
        elif place:
            before = items[place - 1].span
            found.append(
                (item, Span(span.origin, before.end_line, before.end_column, span.end_line, span.end_column))
            )
        elif len(items) > 1:
            found.append(
                (item, Span(span.origin, span.line, span.column, items[1].span.line, items[1].span.column))
            )
    return found


# requirements


@dataclass(frozen=True, slots=True)
class Requirements:
    """Requirements files with what they include."""

    settings: Settings
    tree: Tree

    @property
    def key(self) -> str:
        return self.settings.key

    @property
    def span(self) -> Span:
        return self.settings.span

    @property
    def specs(self) -> tuple[Spec, ...]:
        return tuple(self.tree.specs)

    def emit(self, recipe: Recipe) -> None:
        mounts, targets = place_files(recipe, self.tree.files, "requirements", self.settings)
        packages = tuple(word for root in self.tree.roots for word in ("-r", targets[root]))
        emit_install(recipe, self.settings, packages, mounts)


def read_requirements(written: Written, reading: Reading) -> Requirements | None:
    from imgc.layers.python.files import Tree, read_file

    tree = Tree()
    nodes = written.node.items if isinstance(written.node, Sequence) else (written.node,)
    for node in nodes:
        path = reading.path(node, "file")
        if path is None:
            tree.sound = False
        else:
            read_file(tree, path, reading, node.span)
    return Requirements(Settings.of(written), tree) if tree.sound and tree.roots else None


def place_files(
    recipe: Recipe, files: list[str], folder: str, settings: Settings
) -> tuple[tuple[Mount, ...], dict[str, str]]:
    """Mounts that show files of the project at their relative places below /tmp/FOLDER, and the path of each.

    A file alone is at /tmp/NAME. A name that `--mount` cannot write goes through a stage of its own, as COPY
    can write any.
    """
    top = "/tmp/" + folder
    above = max((path.split("/").count("..") for path in files), default=0)
    here = top + "/here" * above  # stands for the folders above the pipeline's own, whatever their names
    targets = {path: posixpath.normpath(posixpath.join(here, path)) for path in files}
    if all(map(is_mount_safe, files)):
        if len(files) == 1:
            targets = {path: f"/tmp/{posixpath.basename(path)}" for path in files}
        return tuple(bind(path, target) for path, target in targets.items()), targets
    stage = f"{folder}-{1 + sum(helper.name.startswith(folder) for helper in recipe.helpers)}"
    copies = (
        Step(Copy((path,), target.removeprefix(top)), settings.key, settings.span)
        for path, target in targets.items()
    )
    recipe.helpers.append(Stage(stage, (Step(From("scratch", stage), settings.key, settings.span), *copies)))
    return (bind("/", top, stage=stage),), targets


KINDS = (
    Kind(("requirements",), 7, read_requirements),
    Kind(("pip_packages",), 8, read_packages),
)
