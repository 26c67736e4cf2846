"""Writing the recipe of an image: its layers in order, then how it runs, then the move to the build context."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence
from pathlib import Path

from imgc.context.narrow import common_context, in_context
from imgc.document.nodes import Mapping, Scalar
from imgc.instructions.quoting import line_problem
from imgc.instructions.types import Command, Copy, From, Instruction, Mount, Run, Shell, Stage
from imgc.layers import registry
from imgc.layers.code import DOWNLOAD, emit_code
from imgc.layers.copy import EXCLUDE
from imgc.layers.kind import Layer, Reading
from imgc.layers.recipe import Recipe, Source
from imgc.layers.running import emit_running, ensure_user
from imgc.layers.system_packages import SystemPackages, joined, with_extra
from imgc.lock.lock import OWN_REPOSITORY, Lock, source_name
from imgc.lock.lookups import Lookup
from imgc.model.pipeline import entries, flag, text, texts
from imgc.model.secrets import secret_uses
from imgc.records import replace
from imgc.resolve.image import ResolvedImage
from imgc.resolve.options import pip_options

CODE = ("copy_dir", "copy_repo", "copy_url", "code_bundle")
DEFAULT_SHELL = ("/bin/sh", "-ec")
AFTER_CODE = ("local_project_install", "commands")
"""Layers of the fixed order that come after the code, and after the projects that are installed from it."""


def write(
    image: ResolvedImage, lock: Lock, reading: Reading, fixed: Sequence[Layer], explicit: Sequence[Layer]
) -> None:
    """Writes an image's recipe and takes the result over: stages, paths, workdir, user, and so on."""
    keys = image.running or image.node
    recipe = _recipe(image, keys, lock, reading)
    _check_requirements((*fixed, *explicit), recipe)
    fixed, explicit = _with_locked(recipe, keys, lock, reading, fixed, explicit)
    parents_shell = _own_shell(recipe, image)
    if any(isinstance(layer, SystemPackages) for layer in fixed):
        ensure_user(recipe)  # what packages bring could hold a user of that name
    first, code, last = _split(fixed)
    system, others = _with_system(recipe, keys, first, (*fixed, *explicit))
    _emit(recipe, system, keys)
    _own_python(recipe, keys)
    _emit(recipe, others, keys)
    _default_code(recipe, keys, (*fixed, *explicit))
    _emit(recipe, code, keys)
    _install_projects(recipe, fixed)
    _emit(recipe, last, keys)
    _emit(recipe, explicit, keys)
    _install_projects(recipe, explicit)
    emit_running(recipe, keys)
    if parents_shell and keys.entry("shell") is None:
        recipe.add(Shell(parents_shell), "shell", None, "that of the parent image again")
    _finish(image, recipe, keys, lock, reading)


def _recipe(image: ResolvedImage, keys: Mapping, lock: Lock, reading: Reading) -> Recipe:
    """An empty recipe with what the keys and the parent say."""
    start = image.stages[-1].steps[0]
    assert isinstance(start.instruction, From)
    recipe = Recipe(
        image.name,
        start.instruction.reference,
        image.facts,
        reading.report,
        workdir=image.workdir,
        user=image.user or image.facts.user,
        owner=text(keys.get("user")) or (image.user if image.parent and image.user != "root" else ""),
        owner_span=entry.key.span if (entry := keys.entry("user")) else None,
        shell=texts(keys.get("shell")) or image.shell,
        code_dir=_writable(text(keys.get("workdir"))) or (image.workdir if image.parent else "") or "/app",
        auto_workdir=flag(keys.get("auto_workdir"), True),
        pip=pip_options(keys, reading),
        secrets=secret_uses(keys.get("secrets")),
        ssh=texts(keys.get("ssh")),
        runs_as=image.user if image.parent else "",
        lock=lock.environments.get(image.name),
        downloadable=_downloadable(lock),
        path_map=dict(image.path_map),
        env=dict(image.env),
        notes=dict(image.notes),
    )
    recipe.steps.append(start)
    return recipe


def _downloadable(lock: Lock) -> bool:
    own = lock.sources.get(OWN_REPOSITORY)
    return own is not None and own.clean and own.pushed


def _writable(path: str) -> str:
    """A path that WORKDIR can hold; "" for one that is reported where it is read."""
    return "" if line_problem(path) else path


def _own_shell(recipe: Recipe, image: ResolvedImage) -> tuple[str, ...]:
    """A parent's SHELL would run generated steps, which are for sh: puts that back, and gives the parent's."""
    if not image.parent or image.shell == DEFAULT_SHELL:
        return ()
    recipe.add(Shell(("/bin/sh", "-c")), "extends", recipe.steps[0].span, "steps below are for sh")
    return image.shell


def _with_system(
    recipe: Recipe, keys: Mapping, first: Sequence[Layer], layers: Sequence[Layer]
) -> tuple[list[Layer], list[Layer]]:
    """The layers ahead of the code in two: up to the system packages, and the rest. Each package manager runs
    once: system packages are joined, and with them what the Python layers need of the system."""
    system = [layer for layer in first if isinstance(layer, SystemPackages)]
    env = [layer for layer in first if layer.key == "env"]
    merged = joined(system, recipe.facts)
    if any(registry.is_python(layer.key) for layer in layers) and not _brings_python(keys):
        from imgc.layers.python.environment import python_need

        if need := python_need(layers, recipe):
            names = dict(need.packages)
            wanted = names.get(recipe.facts.manager or "", names[""])
            merged = with_extra(merged, wanted, need.why, need.key, need.span)
    return [*env, *merged], [layer for layer in first if layer not in env and layer not in system]


def _brings_python(keys: Mapping) -> bool:
    """Whether `python_version` stands beside a base that decides its own Python."""
    beside = any(keys.entry(key) for key in ("base", "ref", "dockerfile"))
    return keys.entry("python_version") is not None and beside and not keys.entry("extends")


def _emit(recipe: Recipe, layers: Iterable[Layer], keys: Mapping) -> None:
    """Writes layers; code goes in, or not, as `source_files` says."""
    for layer in layers:
        if layer.key in CODE:
            emit_code(recipe, layer, _source_files(keys, recipe))
        else:
            layer.emit(recipe)


def _source_files(keys: Mapping, recipe: Recipe) -> str:
    """Whether code is included. Where `download_or_include` is written, it is downloaded once the lock holds a commit
    that others can get; an image whose file says nothing has its code in it, with a lock and without."""
    written = text(keys.get("source_files"), "include")
    if written == "download_or_include":
        return "download" if recipe.downloadable and keys.entry("copy_url") is None else "include"
    return written


def _split(layers: Sequence[Layer]) -> tuple[list[Layer], list[Layer], list[Layer]]:
    """The fixed order in three: up to the code, from the code to `copy`, and what is run with the code."""
    last = [layer for layer in layers if layer.key in AFTER_CODE]
    code = [layer for layer in layers if layer.key in (*CODE, "copy")]
    return [layer for layer in layers if layer not in (*last, *code)], code, last


def _default_code(recipe: Recipe, keys: Mapping, layers: Iterable[Layer]) -> None:
    """`source_files` without any code key is about the folder of the file."""
    entry = keys.entry("source_files")
    if entry is not None and not any(layer.key in CODE for layer in layers):
        emit_code(recipe, None, _source_files(keys, recipe), entry.key.span)


def _own_python(recipe: Recipe, keys: Mapping) -> None:
    """`python_version` beside a base that decides the Python itself."""
    entry = keys.entry("python_version")
    if entry is None or not _brings_python(keys):
        return
    if (
        isinstance(entry.value, Scalar)
        and isinstance(entry.value.value, str)
        and text(entry.value) != recipe.facts.python
    ):
        from imgc.layers.python.brought import emit_python_version

        emit_python_version(recipe, text(entry.value), "python_version", entry.key.span)


def _check_requirements(layers: Sequence[Layer], recipe: Recipe) -> None:
    """Requirements that exclude each other, and those that are there twice."""
    if any(registry.is_python(layer.key) for layer in layers):
        from imgc.layers.python.conflicts import conflicts
        from imgc.layers.python.kinds import asked_for

        for finding in conflicts(asked_for(layers)):
            recipe.report(finding)


def _with_locked(
    recipe: Recipe, keys: Mapping, lock: Lock, reading: Reading,
    fixed: Sequence[Layer], explicit: Sequence[Layer],
) -> tuple[list[Layer], list[Layer]]:  # fmt: skip
    """The layers with the packages of the lock, where it has them."""
    if not lock.with_packages or not any(registry.is_python(layer.key) for layer in (*fixed, *explicit)):
        return list(fixed), list(explicit)
    from imgc.layers.python.environment import python_of
    from imgc.layers.python.locked import with_locked

    python = text(keys.get("python_version")) if _brings_python(keys) else python_of(recipe)
    return with_locked(recipe, python, lock, reading.project, fixed, explicit)


def _install_projects(recipe: Recipe, layers: Sequence[Layer]) -> None:
    """The projects themselves, once the code is in."""
    if any(layer.key in ("uv_project", "poetry_project") for layer in layers):
        from imgc.layers.python.kinds import project_install_layers

        for layer in project_install_layers(layers):
            layer.emit(recipe)


# The result


def _finish(image: ResolvedImage, recipe: Recipe, keys: Mapping, lock: Lock, reading: Reading) -> None:
    """Moves the paths to the build context, and keeps what others ask of the image."""
    stages = (*recipe.helpers, Stage(image.stages[-1].name, tuple(recipe.steps)))
    instructions = [step.instruction for stage in stages for step in stage.steps]
    taken = {path for instruction in instructions for path in _paths(instruction)}
    image.paths = tuple(sorted({step for path in taken for step in _followed(path, reading)}))
    image.named = tuple(sorted({path for instruction in instructions for path in _mounted(instruction)}))
    image.context = common_context(image.paths)
    directory = reading.project.directory
    image.stages = tuple(
        Stage(
            stage.name,
            tuple(
                replace(step, instruction=_moved(step.instruction, directory, image.context))
                for step in stage.steps
            ),
        )
        for stage in stages
    )
    downloads: tuple[Source, ...] = tuple(recipe.notes.get(DOWNLOAD, ()))  # type: ignore[arg-type]
    wanted = [(source, False) for source in recipe.sources] + [(source, True) for source in downloads]
    image.sources = tuple(_locked(source, False, lock) for source in recipe.sources)
    image.downloads = tuple(_locked(source, True, lock) for source in downloads)
    image.lookups = (*recipe.lookups, *(_lookup(source, download) for source, download in wanted))
    image.source_files = text(keys.get("source_files"), "download_or_include")
    image.secrets = _secrets(instructions)
    image.ssh = tuple(
        sorted(
            {
                dict(mount.options).get("id", "default")
                for mount in _mounts(instructions)
                if mount.kind == "ssh"
            }
        )
    )
    image.env, image.notes = recipe.env, recipe.notes
    image.workdir, image.user, image.shell = recipe.workdir, recipe.user, recipe.shell
    image.excluded = tuple(recipe.notes.get(EXCLUDE, ()))  # type: ignore[arg-type]
    image.source_root = _source_root(keys, reading)
    image.path_map = recipe.path_map | _written_path_map(keys, recipe.workdir, reading)
    image.has_docker = image.has_docker or any(step.key == "install_docker" for step in recipe.steps)


def _locked(source: Source, download: bool, lock: Lock) -> Source:
    """A source with the commit that the lock has for it."""
    known = lock.sources.get(source_name(source.kind, source.url, source.branch, download))
    return replace(source, commit=known.commit) if known else source


def _lookup(source: Source, download: bool) -> Lookup:
    return Lookup(
        "sources", source_name(source.kind, source.url, source.branch, download), source.span,
        kind=source.kind, url=source.url, branch=source.branch, path=source.path, download=download,
    )  # fmt: skip


def _followed(path: str, reading: Reading) -> tuple[str, ...]:
    """A path with where its symlinks lead: a build must see both. What is fetched later is taken as it is."""
    found = reading.project.follow(path)
    return found if isinstance(found, tuple) else (path,)


def _mounts(instructions: Iterable[Instruction]) -> list[Mount]:
    return [
        mount
        for instruction in instructions
        if isinstance(instruction, Run | Command)
        for mount in instruction.mounts
    ]


def _mounted(instruction: Instruction) -> list[str]:
    """Files of the context that a RUN mounts: they are asked for by name."""
    options = [dict(mount.options) for mount in _mounts([instruction]) if mount.kind == "bind"]
    return [option["source"] for option in options if "from" not in option and "source" in option]


def _paths(instruction: Instruction) -> list[str]:
    """What an instruction takes out of the context."""
    copied = list(instruction.sources) if isinstance(instruction, Copy) and not instruction.stage else []
    return copied + _mounted(instruction)


def _moved(instruction: Instruction, directory: Path, context: str) -> Instruction:
    """The instruction with its paths relative to the context instead of the pipeline's directory."""
    if context == ".":
        return instruction
    if isinstance(instruction, Copy) and not instruction.stage:
        return replace(
            instruction, sources=tuple(in_context(path, directory, context) for path in instruction.sources)
        )
    if isinstance(instruction, Run | Command) and _mounted(instruction):
        return replace(
            instruction, mounts=tuple(_moved_mount(mount, directory, context) for mount in instruction.mounts)
        )
    return instruction


def _moved_mount(mount: Mount, directory: Path, context: str) -> Mount:
    names = {name for name, _ in mount.options}
    if mount.kind != "bind" or "from" in names:
        return mount
    options = (
        (name, in_context(value, directory, context) if name == "source" else value)
        for name, value in mount.options
    )
    return replace(mount, options=tuple(options))


def _secrets(instructions: Iterable[Instruction]) -> tuple[tuple[str, bool], ...]:
    """The build secrets that the image's steps mount, and whether a build without them fails."""
    found: dict[str, bool] = {}
    for mount in _mounts(instructions):
        if mount.kind == "secret":
            options = dict(mount.options)
            found[options["id"]] = found.get(options["id"], False) or options.get("required") == "true"
    return tuple(sorted(found.items()))


def _source_root(keys: Mapping, reading: Reading) -> str:
    """The folder whose .dockerignore holds: that of the code, else that of the file."""
    folder = text(keys.get("copy_dir"))
    located = reading.project.locate(folder, "dir") if folder else "."
    return located if isinstance(located, str) else "."


def _written_path_map(keys: Mapping, workdir: str, reading: Reading) -> dict[str, str]:
    """`path_map` with its local paths normalised and its relative places in the container absolute."""
    found: dict[str, str] = {}
    for entry in entries(keys.get("path_map")):
        local = reading.path(entry.key)
        if local is not None:
            found[local] = posixpath.normpath(posixpath.join(workdir or "/", text(entry.value)))
    return found
