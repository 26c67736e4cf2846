"""Where an image of Flyte starts: the `from_…` constructors, and what `clone` changes of it."""

from __future__ import annotations

from imgc.importing.draft import Block
from imgc.importing.flyte.layers import pip_options
from imgc.importing.flyte.secrets import declared, secret_uses
from imgc.importing.python.arguments import MISSING, Arguments, Importing, Unclear, text, why_not
from imgc.importing.python.values import Call, Value

_NAMES = {
    "from_debian_base": (
        "python_version",
        "flyte_version",
        "install_flyte",
        "registry",
        "registry_secret",
        "name",
        "platform",
    ),
    "from_base": ("image_uri",),
    "from_ref_name": ("name",),
    "from_uv_script": ("script",),
    "from_dockerfile": ("file", "registry", "name", "platform"),
}
_NOTES = {
    "addl_layer": "an item of `layers` would be a layer",
    "environment": "packages of pixi go to `conda`",
}
_OTHERWISE = "it is no parameter that is known here"


def start(importing: Importing, call: Call, block: Block, given: Arguments | None = None) -> None:
    kind = call.name.rsplit(".", 1)[-1]
    given = given or Arguments(importing, call, block, _NAMES.get(kind, ()))
    if kind == "from_base":
        given.base("image_uri")
    elif kind == "from_ref_name":
        _ref(given)
    elif kind == "from_uv_script":
        given.set("uv_script", given.start("script"), "script")
        for key, value in pip_options(given).items():
            block.block("pip", importing.span(call.line)).set(key, value)
        secrets = given.take("secret_mounts")
        if secrets is not MISSING:
            block.set("secrets", secret_uses(given, secrets, given.at("secret_mounts"), mounts=True))
    elif kind == "from_dockerfile":
        given.set("dockerfile", given.start("file"), "file")
    elif kind not in ("from_debian_base", "clone"):
        importing.lost(
            block, f"`{kind}`", _NOTES.get(kind, "a start of an image that is not known here"), call.line
        )
    given.base("base_image")
    _python(given)
    _flyte(given)
    _identity(given)
    given.rest(_NOTES, _OTHERWISE)


def _ref(given: Arguments) -> None:
    name = given.text("name") or "default"
    at = given.importing.span(given.line)
    given.block.set("ref", name, at)
    refs = given.importing.made.head.block("image_refs", at)
    if refs.get(name) is None:
        refs.set(name, f"registry.invalid/{image_path(name)}:unknown", at)
        given.importing.lost(
            refs, f"which image {name} is", "Flyte's configuration says it; say it here", given.line
        )


def image_path(name: str) -> str:
    return (
        "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in name.lower()).strip(
            "-"
        )
        or "image"
    )


def _python(given: Arguments) -> None:
    value = given.take("python_version")
    if isinstance(value, (list, tuple)) and value and all(isinstance(one, int) for one in value):
        given.set("python_version", ".".join(map(str, value)), "python_version")
    elif isinstance(value, str):
        given.set("python_version", value, "python_version")
    elif value is not MISSING:
        given.lost("python_version", why_not(value, "a version such as (3, 12)"))


def _flyte(given: Arguments) -> None:
    given.take("install_flyte")
    version = given.text("flyte_version")
    if version is not None:
        given.set("pip_packages", [f"flyte=={version}"], "flyte_version")


def _identity(given: Arguments) -> None:
    for name in ("name", "registry"):
        given.set(name, given.text(name), name)
    secret: Value = given.take("registry_secret")
    if secret is not MISSING:
        try:
            key = text(
                secret.named.get("key", next(iter(secret.args), None)) if isinstance(secret, Call) else secret
            )
            name = declared(given.importing, key, key, given.at("registry_secret"))
            given.set("registry_secret", name, "registry_secret")
        except Unclear as error:
            given.lost("registry_secret", str(error))
    given.set("platforms", given.texts("platform"), "platform")
    extendable = given.flag("extendable")
    if extendable is False:
        given.set("extendable", False, "extendable")
