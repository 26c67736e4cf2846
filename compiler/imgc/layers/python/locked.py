"""The packages of an image installed from their list in the lock, with hashes (docs/decisions/0015-lock.md).

All that asks for packages by name becomes one install of the list, where the first of it stands; what is local is
installed after it, for it has no hash.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TypeGuard

from imgc.context.project import Missing, Project
from imgc.diagnostics import Span
from imgc.layers.kind import Layer
from imgc.layers.python.environment import python_of
from imgc.layers.python.installer import Settings, emit_install
from imgc.layers.python.options import uses_pip
from imgc.layers.python.replicate import ReplicateEnvironment
from imgc.layers.python.requirements import PipPackages, Requirements, emit_specs, place_files
from imgc.layers.python.specs import Spec
from imgc.layers.recipe import Recipe
from imgc.lock.lock import FOLDER, Lock
from imgc.lock.lookups import Asked, Lookup, staleness
from imgc.model.image import PipOptions, SecretUse
from imgc.records import dataclass, replace
from imgc.sha256 import sha256

NOTE = "list"
"""Among the notes of a recipe: the image whose list of packages holds in it, a name."""

OLDEST = "3.9"
"""Where the Python of an image is not known, the list holds for this one and all later ones."""

_PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg")


Naming = PipPackages | Requirements | ReplicateEnvironment
"""Layers that ask for packages by name."""


@dataclass(frozen=True, slots=True)
class LockedInstall:
    """All packages of an image. `file` is the list, relative to the pipeline's directory; `hashed`: each has hashes."""

    settings: Settings
    file: str
    hashed: bool
    specs: tuple[Spec, ...]
    locals: tuple[Spec, ...]

    @property
    def key(self) -> str:
        return self.settings.key

    @property
    def span(self) -> Span:
        return self.settings.span

    def emit(self, recipe: Recipe) -> None:
        mounts, targets = place_files(recipe, [self.file], "locked", self.settings)
        words = ("--no-deps", *(("--require-hashes",) if self.hashed else ()), "-r", targets[self.file])
        emit_install(recipe, self.settings, words, mounts, note="all packages, as locked")
        if self.locals:  # what they need is in the list
            pip = replace(self.settings.pip, extra_args=("--no-deps", *self.settings.pip.extra_args))
            installer = "pip" if uses_pip(self.settings.pip, python_of(recipe)) else "uv"
            emit_specs(recipe, replace(self.settings, pip=replace(pip, installer=installer)), self.locals)


def with_locked(
    recipe: Recipe, python: str | None, lock: Lock, project: Project,
    fixed: Sequence[Layer], explicit: Sequence[Layer],
) -> tuple[list[Layer], list[Layer]]:  # fmt: skip
    """The layers with one install of the locked list in place of those that ask for packages; as they are where
    there is none to use, which is said. `python` is the version that packages go to."""
    named = [layer for layer in (*fixed, *explicit) if _is_named(layer)]
    install = _install(named, recipe, python, lock, project) if named else None
    if install is None:
        return list(fixed), list(explicit)
    others = {id(layer) for layer in named[1:]}

    def put(layers: Sequence[Layer]) -> list[Layer]:
        return [install if layer is named[0] else layer for layer in layers if id(layer) not in others]

    return put(fixed), put(explicit)


def _install(
    named: Sequence[Naming], recipe: Recipe, python: str | None, lock: Lock, project: Project
) -> LockedInstall | None:
    """The install in place of these layers; None after saying why there is none."""
    first = named[0].settings
    span = first.span
    if other := next((layer for layer in named if _options(layer.settings.pip) != _options(first.pip)), None):
        message = (
            "the packages of this image have different 'pip' options, and one locked list cannot hold them"
        )
        recipe.error("not-locked", message, other.settings.span, label="write 'pip' once, on the image")
        return None
    environments = [layer for layer in named if isinstance(layer, ReplicateEnvironment)]
    if not all(layer.is_locked(recipe) for layer in environments):
        recipe.lookups.append(Lookup("packages", recipe.name, span))
        return None  # which the layer itself says
    secrets = tuple(dict.fromkeys(use for layer in named for use in layer.settings.secrets))
    below = recipe.notes.get(NOTE, "")
    assert isinstance(below, str)
    recipe.notes[NOTE] = recipe.name
    asked = _asked(named, recipe, python or OLDEST, below, lock, project, secrets)
    lookup = Lookup("packages", recipe.name, span, asked=asked)
    recipe.lookups.append(lookup)
    stale = staleness(lookup, lock)
    if stale is None:
        message = f"the packages of '{recipe.name}' are not in imgc.lock yet, and those of other images are"
        recipe.error("not-locked", message, span, label="run 'imgc lock'")
        return None
    file = f"{FOLDER}/{recipe.name}.txt"
    text = project.read_text(file)
    if not stale and (isinstance(text, Missing) or digest(text) != lock.packages[recipe.name].file):
        stale = f"'{file}' is not the list that belongs to it"
    if stale or isinstance(text, Missing):
        message = f"imgc.lock is out of date for the packages of '{recipe.name}': {stale}"
        recipe.error("stale-lock", message, span, label="run 'imgc lock'")
        return None
    hashed = all("--hash=" in block for block in blocks(text))
    if not hashed and uses_pip(first.pip, python):
        message = "pip installs a list with hashes only where every package has one, and one from a repository has none"
        recipe.error("bad-lock", message, span, label="use 'installer: uv', or 'imgc lock --no-packages'")
        return None
    for layer in environments:
        recipe.lookups.append(layer.lookup(recipe))
        layer.compare(recipe)
    specs = _specs(named)
    local = tuple(spec for spec in specs if spec.local)
    return LockedInstall(replace(first, secrets=secrets), file, hashed, specs, local)


def blocks(text: str) -> list[str]:
    """The requirements of a list, each with the lines that continue it."""
    lines = re.sub(r"^\s*#.*\n?", "", text, flags=re.MULTILINE)
    return [block for block in re.sub(r"\\\r?\n", " ", lines).splitlines() if block.strip()]


def digest(text: str) -> str:
    """`sha256:…` of a text."""
    return f"sha256:{sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _is_named(layer: object) -> TypeGuard[Naming]:
    return isinstance(layer, Naming)


def _options(pip: PipOptions) -> PipOptions:
    return replace(pip, span=None, secrets=())


def _specs(named: Sequence[object]) -> tuple[Spec, ...]:
    """What is asked for in the pipeline file itself."""
    return tuple(spec for layer in named if isinstance(layer, PipPackages) for spec in layer.specs)


def _asked(
    named: Sequence[Naming], recipe: Recipe, python: str, parent: str,
    lock: Lock, project: Project, secrets: tuple[SecretUse, ...],
) -> Asked:  # fmt: skip
    """What a list must fulfil, with a digest of all that it follows from."""
    specs, files, roots = _specs(named), [], []
    for layer in named:
        if isinstance(layer, Requirements):
            files += layer.tree.files
            roots += layer.tree.roots
    words = {spec.text for spec in specs if not spec.local}
    if recipe.lock is not None and any(isinstance(layer, ReplicateEnvironment) for layer in named):
        words.update(recipe.lock.packages)
    local = sorted({spec.local + spec.text for spec in specs if spec.local})
    below = lock.packages.get(parent) if parent else None
    pip = named[0].settings.pip
    data = [
        1, sorted(words), local, [_content(spec.local, project) for spec in specs if spec.local],
        [[file, _text(file, project)] for file in dict.fromkeys(files)], roots, python, below.file if below else "",
        pip.index_url, pip.index_username, list(pip.extra_index_urls), pip.pre, list(pip.extra_args),
    ]  # fmt: skip
    return Asked(
        digest(json.dumps(data, ensure_ascii=False)), tuple(sorted(words)), tuple(local),
        tuple(dict.fromkeys(roots)), python, parent,
        pip.index_url, pip.index_username, pip.index_password, pip.extra_index_urls, pip.pre, pip.extra_args,
        tuple((use.name, use.env) for use in (*secrets, *pip.secrets) if use.env),
    )  # fmt: skip


def _content(path: str, project: Project) -> list[str]:
    """What a local project says of what it needs."""
    return [
        _text(f"{path}/{name}", project)
        for name in _PROJECT_FILES
        if project.exists(f"{path}/{name}", "file")
    ]


def _text(file: str, project: Project) -> str:
    text = project.read_text(file)
    return text if isinstance(text, str) else ""
