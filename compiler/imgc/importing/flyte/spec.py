"""flytekit's `ImageSpec` as an image."""

from __future__ import annotations

from imgc.importing.draft import Block
from imgc.importing.names import literal_env
from imgc.importing.python.arguments import Arguments, Importing
from imgc.importing.python.values import Call, Member, Value

_CONDA = "mambaorg/micromamba:2.0.5"
_NOTES = {
    "cuda": "start from an `nvidia/cuda` base, with `python_version` beside it",
    "cudnn": "start from an `nvidia/cuda` base, with `python_version` beside it",
    "tag_format": "a tag is a hash of what is in the image; `tag` sets another",
    "python_exec": "the Python of the image is found; `python_version` installs one",
    "pip_secret_mounts": "name the secrets in `secrets`, and in `pip: {secrets: [NAME]}`",
    "builder_options": "options of the build are `build` here",
    "builder_config": "options of the build are `build` here",
    "builder": "imgc builds with BuildKit",
}
_OTHERWISE = "it is no parameter that is known here"
_MORE = {
    "with_packages": "packages", "with_apt_packages": "apt_packages", "with_commands": "commands", "with_copy": "copy",
}  # fmt: skip


def is_spec(value: Value) -> bool:
    if isinstance(value, Call) and isinstance(value.function, Member):
        return is_spec(value.function.of)
    return (
        isinstance(value, Call) and value.name.startswith("flytekit.") and value.name.endswith(".ImageSpec")
    )


def write_spec(importing: Importing, given: Arguments, methods: list[Call], block: Block) -> None:
    for call in methods:
        name = call.function.name if isinstance(call.function, Member) else ""
        if name in _MORE:
            _add(given, _MORE[name], [*call.args, *call.named.values()], call.line)
        elif name != "force_push":
            importing.lost(block, f"`.{name}(…)`", _OTHERWISE, call.line)
    given.base("base_image")
    given.set("python_version", given.text("python_version"), "python_version")
    env = given.pairs("env")
    if env:
        given.set("env", {key: literal_env(value) for key, value in env.items()}, "env")
    given.set("apt_packages", given.texts("apt_packages"), "apt_packages")
    _python(given)
    given.set("copy_dir", given.path("source_root"), "source_root")
    _copies(given)
    given.set("commands", given.texts("commands"), "commands")
    given.set("entrypoint", given.texts("entrypoint"), "entrypoint")
    for name in ("name", "registry"):
        given.set(name, given.text(name), name)
    platform = given.text("platform")
    given.set("platforms", platform.split(",") if platform else None, "platform")
    given.rest(_NOTES, _OTHERWISE)


def _add(given: Arguments, name: str, values: list[Value], line: int) -> None:
    more = [one for value in values for one in (value if isinstance(value, (list, tuple)) else [value])]
    there = given.peek(name)
    given.values[name] = [*(there if isinstance(there, (list, tuple)) else []), *more]
    given.lines.setdefault(name, line)


def _python(given: Arguments) -> None:
    packages, conda = given.texts("packages"), given.texts("conda_packages")
    channels = given.texts("conda_channels")
    if conda:
        if given.block.get("base") is None and given.block.get("extends") is None:
            given.block.set("base", _CONDA, note="conda needs an image that has it")
        written = given.block.block("conda", given.importing.span(given.at("conda_packages")))
        written.set("packages", conda)
        if channels:
            written.set("channels", channels)
        if packages:
            written.set("pip", packages)
    else:
        given.set("pip_packages", packages, "packages")
    requirements = given.path("requirements")
    if requirements is not None and requirements.endswith(("uv.lock", "poetry.lock")):
        folder, kind = requirements.rpartition("/")[::2]
        key = "uv_project" if kind == "uv.lock" else "poetry_project"
        given.set(key, f"{folder}/pyproject.toml" if folder else "pyproject.toml", "requirements")
    else:
        given.set("requirements", requirements, "requirements")
    index, more, extra = (
        given.text("pip_index"),
        given.texts("pip_extra_index_url"),
        given.text("pip_extra_args"),
    )
    for key, value, name in (
        ("index_url", index, "pip_index"), ("extra_index_urls", more, "pip_extra_index_url"),
        ("extra_args", extra, "pip_extra_args"),
    ):  # fmt: skip
        if value:
            given.block.block("pip", given.importing.span(given.at(name))).set(key, value)


def _copies(given: Arguments) -> None:
    paths = given.texts("copy")
    if paths:
        local = [given.importing.local(path) for path in paths]
        copies = given.block.list("copy", given.importing.span(given.at("copy")))
        for path in local:
            copies.add({"src": path, "dst": path.lstrip("./") or "."})
