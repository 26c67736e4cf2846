"""The layers of `flyte.Image`: each `with_…` as keys of the pipeline file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from imgc.importing.draft import Block, Given
from imgc.importing.flyte.secrets import secret_uses
from imgc.importing.python.arguments import MISSING, Arguments, Importing
from imgc.importing.python.values import Call, Member
from imgc.records import dataclass, field

ORDER = (
    "env",
    "apt_packages",
    "uv_project",
    "poetry_project",
    "requirements",
    "pip_packages",
    "copy",
    "commands",
    "workdir",
)
_INSTALLS = frozenset({"uv_project", "poetry_project", "requirements", "pip_packages"})
_VARIABLE = re.compile(r"\$(?:(?P<bare>[A-Za-z_]\w*)|\{(?P<braces>[A-Za-z_]\w*)\}|(?P<other>))")
_OTHERWISE = "it is no parameter that is known here"


@dataclass(slots=True, eq=False)
class Layer:
    """One step of an image: a key with its value, options of the install, and secrets."""

    key: str
    value: Given
    line: int
    pip: dict[str, Given] = field(default_factory=dict)
    secrets: list[Given] = field(default_factory=list)


def layer(importing: Importing, call: Call, image: Block) -> Layer | None:
    """The layer of one `with_…`; None for what is a key of the whole image, or lost."""
    name = call.function.name if isinstance(call.function, Member) else ""
    reader = _READERS.get(name)
    if reader is None:
        why = _NOTES.get(name, "a method of an image that is not known here")
        importing.lost(image, f"`.{name}({', '.join(map(_short, call.args))})`", why, call.line)
        return None
    return reader(importing, call, image)


def _short(value: object) -> str:
    return repr(value) if isinstance(value, (str, int)) else "…"


_NOTES = {
    "with_local_v2": "it installs a wheel of a checkout of Flyte: `pip_packages: [./dist/NAME.whl]`",
    "with_local_v2_plugins": "it installs wheels of a checkout of Flyte: `pip_packages: [./dist/NAME.whl]`",
    "with_pixi_project": "packages of pixi go to `conda`",
    "uri": "`imgc images --uri` says it",
}


def write_layers(layers: list[Layer], image: Block, importing: Importing) -> None:
    """As keys where the order of the format is theirs too, else as `layers`."""
    if _is_flat(layers, image):
        for one in layers:
            image.set(one.key, one.value, importing.span(one.line))
            for key, value in one.pip.items():
                image.block("pip", importing.span(one.line)).set(key, value)
        return
    written = image.list("layers", importing.span(layers[0].line))
    written.inline = False
    for one in layers:
        item = Block(inline=True)
        item.set(one.key, one.value, importing.span(one.line))
        if one.pip:
            item.set("pip", one.pip, importing.span(one.line))
        if one.secrets:
            item.set("secrets", one.secrets, importing.span(one.line))
        written.add("", importing.span(one.line))
        list(written.entries)[-1].value = item


def _is_flat(layers: list[Layer], image: Block) -> bool:
    """Whether the format's order is that of the layers, and no option of one would hold for another."""
    places = [ORDER.index(one.key) for one in layers]
    if places != sorted(set(places)) or any(one.secrets for one in layers):
        return False
    installs = [one for one in layers if one.key in _INSTALLS]
    if any(one.pip for one in installs) and (len(installs) > 1 or image.get("pip") is not None):
        return False
    keys = {one.key for one in layers}
    if any(image.get(key) is not None for key in keys):
        return False
    relative = any(_has_relative_target(one.value) for one in layers if one.key == "copy")
    return not ("workdir" in keys and ("commands" in keys or relative))


def _has_relative_target(value: Given) -> bool:
    dst = value.get("dst", ".") if isinstance(value, Mapping) else "."
    return not (isinstance(dst, str) and dst.startswith("/"))


def _apt(importing: Importing, call: Call, image: Block) -> Layer | None:
    return _packages(importing, call, image, "apt_packages")


def _pip(importing: Importing, call: Call, image: Block) -> Layer | None:
    return _packages(importing, call, image, "pip_packages")


def _packages(importing: Importing, call: Call, image: Block, key: str) -> Layer | None:
    given = Arguments(importing, call, image)
    names = [f"argument {number + 1}" for number in range(len(call.args))]
    found = [one for name in names if (one := given.text(name)) is not None]
    return _finished(given, Layer(key, found, call.line)) if found else _nothing(given)


def _requirements(importing: Importing, call: Call, image: Block) -> Layer | None:
    given = Arguments(importing, call, image, ("file", "index_url", "extra_index_urls", "pre", "extra_args"))
    file = given.path("file")
    return _nothing(given) if file is None else _finished(given, Layer("requirements", file, call.line))


def _uv(importing: Importing, call: Call, image: Block) -> Layer | None:
    return _project(
        Arguments(importing, call, image, ("pyproject_file", "uvlock")), "uv_project", "uvlock", call.line
    )


def _poetry(importing: Importing, call: Call, image: Block) -> Layer | None:
    given = Arguments(importing, call, image, ("pyproject_file", "poetry_lock"))
    return _project(given, "poetry_project", "poetry_lock", call.line)


def _project(given: Arguments, key: str, lock_name: str, line: int) -> Layer | None:
    pyproject = given.path("pyproject_file")
    if pyproject is None:
        return _nothing(given)
    value: dict[str, Given] = {"pyproject": pyproject}
    lock = given.path(lock_name)
    if lock is not None:
        value["lock"] = lock
    mode = given.text("project_install_mode")
    if mode is not None:
        value["mode"] = mode
    value |= pip_options(given)
    written: Given = pyproject if len(value) == 1 else value
    return _finished(given, Layer(key, written, line))


def _env(importing: Importing, call: Call, image: Block) -> Layer | None:
    given = Arguments(importing, call, image, ("env_vars",))
    pairs = given.pairs("env_vars")
    value = {name: docker_value(one) for name, one in pairs.items()} if pairs else None
    return _finished(given, Layer("env", value, call.line)) if value else _nothing(given)


def docker_value(text: str) -> str:
    """A value as ENV of a Dockerfile takes it: variables are replaced there."""

    def written(found: re.Match[str]) -> str:
        name = found["bare"] or found["braces"]
        return f"${{{name}}}" if name else "$$"

    return _VARIABLE.sub(written, text)


def _workdir(importing: Importing, call: Call, image: Block) -> Layer | None:
    given = Arguments(importing, call, image, ("workdir",))
    value = given.text("workdir")
    return _finished(given, Layer("workdir", value, call.line)) if value else _nothing(given)


def _commands(importing: Importing, call: Call, image: Block) -> Layer | None:
    given = Arguments(importing, call, image, ("commands",))
    found = given.texts("commands")
    return _finished(given, Layer("commands", found, call.line)) if found else _nothing(given)


def _folder(importing: Importing, call: Call, image: Block) -> Layer | None:
    given = Arguments(importing, call, image, ("src", "dst", "copy_contents_only"))
    src, dst, contents = given.path("src"), given.text("dst") or ".", given.flag("copy_contents_only")
    if src is None:
        return _nothing(given)
    value: dict[str, Given] = {"src": src}
    if dst.rstrip("/") in (".", "") and not dst.startswith("/") and not contents:
        value["dst"] = src.rstrip("/").rsplit("/", 1)[-1]
    else:
        value["dst"] = dst if dst in (".", "/") else dst.rstrip("/")
        if contents:
            value["contents_only"] = True
    return _finished(given, Layer("copy", value, call.line))


def _file(importing: Importing, call: Call, image: Block) -> Layer | None:
    given = Arguments(importing, call, image, ("src", "dst"))
    files, dst = given.texts("src"), given.text("dst") or "."
    if not files:
        return _nothing(given)
    names = [importing.local(one) for one in files]
    into = "./" if dst == "." else dst if len(names) == 1 or dst.endswith("/") else f"{dst}/"
    src: Given = names[0] if len(names) == 1 else names
    return _finished(given, Layer("copy", {"src": src, "dst": into}, call.line))


def _dockerignore(importing: Importing, call: Call, image: Block) -> Layer | None:
    given = Arguments(importing, call, image, ("path",))
    given.set("dockerignore", given.path("path"), "path")
    return _nothing(given)


def _code_bundle(importing: Importing, call: Call, image: Block) -> Layer | None:
    given = Arguments(importing, call, image, ("copy_style", "dst"))
    bundle: dict[str, Given] = {"style": given.text("copy_style") or "loaded_modules"}
    dst = given.text("dst")
    if dst is not None:
        bundle["dst"] = dst
    image.set("code_bundle", bundle, importing.span(call.line))
    return _nothing(given)


_READERS: dict[str, Callable[[Importing, Call, Block], Layer | None]] = {
    "with_apt_packages": _apt,
    "with_pip_packages": _pip,
    "with_requirements": _requirements,
    "with_uv_project": _uv,
    "with_poetry_project": _poetry,
    "with_env_vars": _env,
    "with_workdir": _workdir,
    "with_commands": _commands,
    "with_source_folder": _folder,
    "with_source_file": _file,
    "with_dockerignore": _dockerignore,
    "with_code_bundle": _code_bundle,
}


def pip_options(given: Arguments) -> dict[str, Given]:
    """What an install takes beside its packages."""
    options: dict[str, Given] = {}
    index, more, args = given.text("index_url"), given.texts("extra_index_urls"), given.text("extra_args")
    if index is not None:
        options["index_url"] = index
    if more:
        options["extra_index_urls"] = more
    if given.flag("pre"):
        options["pre"] = True
    if args:
        options["extra_args"] = args
    return options


def _finished(given: Arguments, made: Layer) -> Layer:
    made.pip = pip_options(given)
    secrets = given.take("secret_mounts")
    if secrets is not MISSING:
        made.secrets = secret_uses(given, secrets, given.at("secret_mounts"), mounts=True)
    given.rest({}, _OTHERWISE)
    return made


def _nothing(given: Arguments) -> Layer | None:
    given.rest({}, _OTHERWISE)
    return None
