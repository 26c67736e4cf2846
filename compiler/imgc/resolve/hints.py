"""Hints on images that work and could do better: requirements that lie beside the code and are not installed,
installs that every edit of the code repeats."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator

from imgc.context.project import Project
from imgc.diagnostics import Diagnostic, Edit, Fix, Related, Severity, Span
from imgc.diagnostics.near import near
from imgc.document.nodes import Mapping, Scalar, Sequence
from imgc.layers.kind import Written
from imgc.layers.packages import removals
from imgc.layers.registry import is_python
from imgc.layers.yaml_text import reads_as
from imgc.model.pipeline import items, text
from imgc.patterns import lazy
from imgc.records import dataclass
from imgc.resolve.image import ResolvedImage
from imgc.resolve.recipe import CODE

INSTALLS = (
    "system_packages", "apt_packages", "install_docker", "replicate_local_environment", "uv_project",
    "poetry_project", "requirements", "pip_packages", "conda", "npm_packages",
)  # fmt: skip
"""Layers that need nothing of the code."""

_INSTALLER = lazy(r"\b(?:pip3?|uv|poetry|pdm|pipenv|conda|mamba|micromamba)\b")
_PROJECT = lazy(r"(?m)^\[project\]")
_PACKAGE = lazy(r"(?m)^\[build-system\]")
_REQUIREMENT = lazy(r"(?m)^[ \t]*[^#\s]")
_PARTS = lazy(r"&&|\|\||[;\n]")
_WORDS = lazy(r"[A-Za-z0-9@][A-Za-z0-9._+:@/~=<>!\[\],-]*")
_SYSTEM = {
    "apt-get": ("install",), "apt": ("install",), "apk": ("add",), "dnf": ("install",), "microdnf": ("install",),
    "yum": ("install",), "zypper": ("install", "in"),
}  # fmt: skip
_CONDA = ("conda", "mamba", "micromamba")
_QUIET = ("-y", "--yes", "-q", "-qq", "--quiet", "--no-install-recommends", "--no-cache-dir", "--no-cache")
"""Options that say nothing of what is installed."""


def hints(
    image: ResolvedImage,
    parents: Callable[[str], ResolvedImage | None],
    project: Project,
    report: Callable[[Diagnostic], None],
) -> None:
    """Reports what could be better in an image whose layers are read. `parents` finds an image by its name."""
    if image.builder is not None or text(image.node.get("source_files")) in ("ignore", "download"):
        return
    written = (*image.layers.fixed, *image.layers.explicit)
    code = next((layer for layer in written if layer.key in CODE or _copies_folder(layer, project)), None)
    if code is None:
        return
    for found in _after_code(image, project):
        report(found)
    if not _installs_python(image, parents):
        found_file = _requirements(code, project)
        if found_file is not None and not _misspelt(image, found_file[1]):
            report(_unused(image, code, *found_file))


# Requirements that nothing installs


def _installs_python(image: ResolvedImage, parents: Callable[[str], ResolvedImage | None]) -> bool:
    """Whether Python packages come from anywhere, or could, or there is no Python that wants any."""
    seen: ResolvedImage | None = image
    while seen is not None:
        written = (*seen.layers.fixed, *seen.layers.explicit)
        if seen.notes.get("dockerfile") or seen.node.entry("uv_script") or not seen.facts.python:
            return True
        if any(is_python(layer.key) for layer in written):
            return True
        commands = (item for layer in written if layer.key == "commands" for item in items(layer.node))
        if any(_INSTALLER.search(text(command)) for command in commands):
            return True
        seen = parents(seen.parent) if seen.parent else None
    return False


def _misspelt(image: ResolvedImage, key: str) -> bool:
    """Whether the key is there, but for a mistake in its name, which is said elsewhere."""
    return any(near(entry.name, [key]) for entry in image.node.entries)


def _requirements(code: Written, project: Project) -> tuple[str, str, str] | None:
    """(file, key, value) of what says which packages the code wants: in its folder, else beside the file."""
    located = project.locate(text(code.node), "dir") if code.key == "copy_dir" else "."
    folders = dict.fromkeys([located if isinstance(located, str) else ".", "."])
    for folder in folders:
        pyproject = posixpath.normpath(f"{folder}/pyproject.toml")
        has_project = project.exists(pyproject, "file")
        for lock, key in (("uv.lock", "uv_project"), ("poetry.lock", "poetry_project")):
            if has_project and project.exists(posixpath.join(folder, lock), "file"):
                return pyproject, key, pyproject
        file = posixpath.normpath(f"{folder}/requirements.txt")
        if project.exists(file, "file") and _holds(project, file, _REQUIREMENT):
            return file, "requirements", file
        if has_project and folder == next(iter(folders)) and _holds(project, pyproject, _PACKAGE):
            return pyproject, "local_project_install", "pip install ."
        if has_project and _holds(project, pyproject, _PROJECT) and (listed := _listed(project, pyproject)):
            return pyproject, "pip_packages", listed
    return None


def _listed(project: Project, pyproject: str) -> str:
    """The dependencies of a project that is no package, as a list in YAML; "" where there are none."""
    import tomllib  # only for those that have such a file, and install nothing

    content = project.read_text(pyproject)
    try:
        found = tomllib.loads(content)["project"]["dependencies"] if isinstance(content, str) else []
    except (ValueError, LookupError, TypeError):
        return ""
    if not isinstance(found, list) or not all(isinstance(spec, str) for spec in found):
        return ""
    quoted = (spec if reads_as(spec, spec, True) else "'" + spec.replace("'", "''") + "'" for spec in found)
    return f"[{', '.join(quoted)}]" if found else ""


def _holds(project: Project, file: str, pattern: object) -> bool:
    content = project.read_text(file)
    return isinstance(content, str) and pattern.search(content) is not None  # type: ignore[attr-defined]


def _unused(image: ResolvedImage, code: Written, file: str, key: str, value: str) -> Diagnostic:
    written = value.startswith("[") or reads_as(value, value, True)
    edit = _ahead(image.node, code.key, f"{key}: {value}") if written else None
    return Diagnostic(
        "unused-requirements",
        Severity.HINT,
        f"'{file}' is there, and '{image.name}' installs no Python packages",
        code.span,
        f"add '{key}: {value}'",
        (Fix(f"add '{key}: {value}'", (edit,), safe=False),) if edit else (),
    )


def _ahead(node: Mapping, key: str, line: str) -> Edit | None:
    """The edit that adds a line (`name: value`) to an image, ahead of one of its keys; `layers` where the
    key is an item of that. None where the key is not written there (an alias, a merge key)."""
    entry = node.entry(key) or node.entry("layers")
    if entry is None or not node.span.start <= entry.key.span.start < max(node.span.end, entry.key.span.end):
        return None
    at = entry.key.span
    if at.origin is not node.span.origin:
        return None
    start = Span(at.origin, at.line, at.column, at.line, at.column)
    return Edit(start, f"{line}, " if node.flow else f"{line}\n{' ' * at.column}")


# Installs that every edit repeats


def _copies_folder(layer: Written, project: Project) -> bool:
    if layer.key != "copy":
        return False
    sources = []
    for item in items(layer.node) or (layer.node,):
        source = item.get("src") if isinstance(item, Mapping) else item
        sources += list(items(source)) or ([source] if source is not None else [])
    return any(isinstance(source, Scalar) and project.exists(source.text, "dir") for source in sources)


def _after_code(image: ResolvedImage, project: Project) -> Iterator[Diagnostic]:
    """Installs behind the code in the order of the layers: each command, and the first item of `layers`, since
    one move of the code helps all of those."""
    code: Written | None = None
    explicit = {id(layer) for layer in image.layers.explicit}
    said = False
    for layer in (*image.layers.fixed, *image.layers.explicit):
        if layer.key in CODE or _copies_folder(layer, project):
            code = code or layer
        elif code is not None and layer.key == "commands":
            for item in items(layer.node):
                if isinstance(item, Scalar) and (install := installs(item.text)) is not None:
                    fixes = () if id(layer) in explicit else _moved(image.node, layer, item, install)
                    label = f"'{install.key}' installs ahead of the code"
                    yield _late(item.span, code, label, fixes)
        elif code is None or said or id(layer) not in explicit:
            continue
        elif layer.key in INSTALLS and not _local(layer):
            said = True
            yield _late(layer.span, code, f"put it ahead of '{code.key}'")


def _late(span: Span, code: Written, label: str, fixes: tuple[Fix, ...] = ()) -> Diagnostic:
    message = "this is installed again after every edit of the code"
    related = (Related(code.span, "the code comes in here"),)
    return Diagnostic("install-after-code", Severity.HINT, message, span, label, fixes, related)


def _local(layer: Written) -> bool:
    """Whether a list of packages names files, which may be those of the code."""
    return any(text(item).startswith((".", "/")) or "@ file:" in text(item) for item in items(layer.node))


@dataclass(frozen=True, slots=True)
class Install:
    """A command that installs what a key could. `packages` is None where more than their names is said."""

    key: str
    packages: tuple[str, ...] | None = None


def installs(command: str) -> Install | None:
    """What a command installs without the code; None for any other command."""
    parts = [part.split() for part in _PARTS.split(command)]
    parts = [part for part in parts if part and part[:2] not in (["apt-get", "update"], ["apt", "update"])]
    found = [install for part in parts if (install := _install(part)) is not None]
    if not found:
        return None
    return found[0] if len(parts) == 1 else Install(found[0].key)


def _install(words: list[str]) -> Install | None:
    while words and (words[0] == "sudo" or "=" in words[0]):
        words = words[1:]
    if words[:2] in (["python", "-m"], ["python3", "-m"]):
        words = words[2:]
    if words[:2] == ["uv", "pip"]:
        words = words[1:]
    program, given = (words[0], words[1:]) if words else ("", [])
    verb = next((word for word in given if not word.startswith("-")), "")
    rest = [word for word in given if word != verb and word not in _QUIET]
    if verb in _SYSTEM.get(program, ()):
        key = "apt_packages" if program.startswith("apt") else "system_packages"
        return Install(key, _names(rest))
    if program in ("pip", "pip3") and verb == "install":
        return _pip(rest)
    if program in _CONDA and verb == "install":
        return Install("conda")
    if program == "npm" and verb in ("ci", "i", "install"):
        if "-g" in rest or "--global" in rest:
            return Install("npm_packages", _names([word for word in rest if word not in ("-g", "--global")]))
        return Install("npm_packages") if not rest else None
    if (program, verb) in (("uv", "sync"), ("poetry", "install")):
        return Install(f"{program}_project")
    return None


def _pip(rest: list[str]) -> Install | None:
    if any(word.startswith(("-r", "--requirement")) for word in rest):
        return Install("requirements")
    if any(word.strip("'\"").startswith((".", "/", "-e", "--editable", "file:", "$")) for word in rest):
        return None  # of the code itself
    return Install("pip_packages", _names([word.strip("'\"") for word in rest]))


def _names(words: list[str]) -> tuple[str, ...] | None:
    return tuple(words) if words and all(_WORDS.fullmatch(word) for word in words) else None


def _moved(image: Mapping, layer: Written, item: Scalar, install: Install) -> tuple[Fix, ...]:
    """The packages of a command as a key of the image, where it has none yet and the command says no more."""
    commands = layer.node
    entry = image.entry("commands")
    if install.packages is None or image.entry(install.key) is not None:
        return ()
    if entry is None or entry.value is not commands or not isinstance(commands, Sequence):
        return ()
    if not all(reads_as(name, name, True) for name in install.packages):
        return ()
    line = f"{install.key}: [{', '.join(install.packages)}]"
    ahead = _ahead(image, "commands", line)
    if ahead is None:
        return ()
    edits: tuple[Edit, ...]
    if len(commands.items) == 1:
        key, end = entry.key.span, commands.span if commands.flow else item.span
        if end.origin is not key.origin or end.start < key.end:
            return ()
        edits = (Edit(Span(key.origin, key.line, key.column, end.end_line, end.end_column), line),)
    else:
        removal = removals(commands).get(id(item))
        if removal is None:
            return ()
        edits = (ahead, Edit(removal, ""))
    return (Fix(f"make it '{install.key}'", edits, safe=False),)
