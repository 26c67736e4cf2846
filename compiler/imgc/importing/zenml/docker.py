"""The fields of `DockerSettings` as keys of an image."""

from __future__ import annotations

import re

from imgc.importing.draft import Block
from imgc.importing.names import literal_env
from imgc.importing.python.arguments import MISSING, Arguments, Importing, Unclear, bring_code, text, why_not
from imgc.importing.python.modules import Modules
from imgc.importing.python.values import Call, Symbol, Value

_NOTES = {
    "python_package_installer_cache_mount": "packages are always kept in a cache mount; there is nothing to set",
    "pyproject_export_command": "`uv_project` and `poetry_project` read the lock themselves",
    "disable_automatic_requirements_detection": "nothing is found automatically: name the file in `requirements`",
    "allow_download_from_artifact_store": "there is no artifact store; code is included, or comes from its repository",
    "copy_global_config": "copy the files you need, with `copy`",
    "required_hub_plugins": "the hub is gone; name their packages in `pip_packages`",
}
_OTHERWISE = "ZenML ignores it, and so does this"
_QUIET = ("install_deployment_requirements", "allow_download_from_artifact_store")
_BASE = "ZenML starts from its own image of the Python that runs the file, zenmldocker/zenml; say `base`, or `python_version`"
_STYLES = {
    (True, True): "download_or_include", (True, False): "include", (False, True): "download", (False, False): "ignore",
}  # fmt: skip


def docker_image(importing: Importing, call: Call, block: Block, modules: Modules | None) -> None:
    """Writes an image. One that runs the steps of a project has its modules, and ZenML, which they import."""
    in_use = modules is not None
    given = Arguments(importing, call, block)
    _start(given)
    _packages(given)
    _environment(given, "environment", "env")
    _code(given, modules)
    given.set("dockerignore", given.path("dockerignore"), "dockerignore")
    given.set(
        "local_project_install", given.text("local_project_install_command"), "local_project_install_command"
    )
    _environment(given, "runtime_environment", "runtime_env")
    for name, key in (("user", "user"), ("target_repository", "repository"), ("image_tag", "tag")):
        given.set(key, given.text(name), name)
    if given.flag("prevent_build_reuse"):
        given.set("reuse", False, "prevent_build_reuse")
    for name in _QUIET:
        if given.peek(name) is False or given.peek(name) is True:
            given.take(name)
    given.rest(_NOTES, _OTHERWISE)
    if in_use and block.get("base") is None and block.get("dockerfile") is None:
        block.remark(_BASE)
        _add_zenml(block)


def _start(given: Arguments) -> None:
    had = given.has("dockerfile")
    file, context = given.start("dockerfile"), given.path("build_context_root")
    options: dict[object, object] = {}
    for name in ("build_options", "parent_image_build_config", "build_config"):
        options |= _build_config(given, name)
    if file is not None:
        if given.take("parent_image") is not MISSING:
            given.lost("parent_image", "ZenML ignores it beside a Dockerfile")
        args = {str(key): str(value) for key, value in _mapping(options.pop("build_args", None)).items()}
        at = given.importing.span(given.at("dockerfile"))
        if context is None and not args:
            given.block.set("dockerfile", file, at)
        else:
            block = given.block.block("dockerfile", at)
            block.inline = True
            block.set("path", file, at)
            if context is not None:
                block.set("context", context, given.importing.span(given.at("build_context_root")))
            if args:
                block.set("args", args, at)
    else:
        if had:
            given.take("parent_image")
        given.base("parent_image")
        if context is not None and not had:
            given.lost("build_context_root", "without a Dockerfile it does nothing")
    _build(given, options)
    if given.flag("skip_build"):
        given.set("skip_build", True, "skip_build")


def _mapping(value: object) -> dict[object, object]:
    return value if isinstance(value, dict) else {}


def _build_config(given: Arguments, name: str) -> dict[object, object]:
    """The options of `build_options`, or of a `DockerBuildConfig` with them."""
    value = given.take(name)
    if value is MISSING:
        return {}
    inner: Value = value.named if isinstance(value, Call) else value
    if not isinstance(inner, dict):
        given.lost(name, why_not(value, "a mapping"))
        return {}
    if name == "build_options":
        return dict(inner)
    if inner.get("dockerignore") is not None and not given.has("dockerignore"):
        given.values["dockerignore"], given.lines["dockerignore"] = inner["dockerignore"], given.at(name)
    options = inner.get("build_options")
    return _mapping(options.named if isinstance(options, Call) else options)


def _build(given: Arguments, options: dict[object, object]) -> None:
    at = given.importing.span(given.at("build_config"))
    for key, value in options.items():
        name = {"nocache": "no_cache", "shmsize": "shm_size", "network_mode": "network"}.get(
            str(key), str(key)
        )
        try:
            if name in ("rm", "forcerm"):
                continue  # intermediate containers are always removed
            if name in ("labels", "build_args"):
                pairs = {str(one): text(two) for one, two in _mapping(value).items()}
                if name == "labels":
                    given.block.set("labels", pairs, at)
                else:
                    given.lost(
                        "build_args", "build arguments belong to a Dockerfile: `dockerfile: {path, args}`"
                    )
            elif name in ("pull", "no_cache") and isinstance(value, bool):
                given.block.block("build", at).set(name, value, at)
            elif name in ("shm_size", "network"):
                given.block.block("build", at).set(name, text(value), at)
            elif name == "cache_from" and isinstance(value, (list, tuple)):
                given.block.block("build", at).set(name, [text(one) for one in value], at)
            else:
                given.block.block("build", at).block("options", at).set(name, text(value), at)
        except Unclear as error:
            given.lost(str(key), str(error))


def _packages(given: Arguments) -> None:
    given.set("apt_packages", given.texts("apt_packages"), "apt_packages")
    _replicate(given)
    project = given.path("pyproject_path")
    if project is not None:
        folder = given.importing.source.folder / project
        kind = "poetry_project" if (folder.parent / "poetry.lock").is_file() else "uv_project"
        given.set(kind, project, "pyproject_path")
    if isinstance(given.peek("requirements"), (list, tuple)):
        given.set("pip_packages", given.texts("requirements"), "requirements")
    else:
        given.set("requirements", given.path("requirements"), "requirements")
    _integrations(given)
    if given.flag("install_stack_requirements") is False:
        given.set("install_stack", False, "install_stack_requirements")
    _installer(given)


def _replicate(given: Arguments) -> None:
    name, key = "replicate_local_python_environment", "replicate_local_environment"
    value = given.peek(name)
    if isinstance(value, (list, tuple)):
        given.set(key, given.texts(name), name)
    elif isinstance(value, Symbol):  # PythonEnvironmentExportMethod.PIP_FREEZE
        given.take(name)
        given.set(key, value.name.rsplit(".", 1)[-1].lower(), name)
    elif isinstance(value, bool):
        given.set(key, given.flag(name) or None, name)
    else:
        given.set(key, given.text(name), name)


def _integrations(given: Arguments) -> None:
    value = given.peek("required_integrations")
    if not isinstance(value, (list, tuple)):
        given.set("bundles", given.texts("required_integrations"), "required_integrations")
        return
    given.take("required_integrations")
    line, names = given.at("required_integrations"), []
    for item in value:
        if not isinstance(item, (str, Symbol)):
            given.lost("required_integrations", why_not(item, "an integration"))
            continue
        word = item if isinstance(item, str) else item.name.rsplit(".", 1)[-1].lower()
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", word).strip("._-")
        if not name or name in names:
            continue
        names.append(name)
        bundles = given.importing.made.head.block("bundles", given.importing.span(line))
        if bundles.get(name) is None:
            bundles.set(name, {}, given.importing.span(line))
            why = f"say here what `zenml integration requirements {name}` prints"
            given.importing.lost(bundles, f"what the integration {name} needs", why, line)
    given.set("bundles", names or None, "required_integrations")


def _installer(given: Arguments) -> None:
    at = given.importing.span(given.at("python_package_installer_args"))
    value = given.peek("python_package_installer")
    if isinstance(value, Symbol):  # PythonPackageInstaller.PIP
        given.values["python_package_installer"] = value.name.rsplit(".", 1)[-1].lower()
    installer = given.text("python_package_installer")
    if installer is not None:
        given.block.block("pip", given.importing.span(given.at("python_package_installer"))).set(
            "installer", installer
        )
    arguments = given.take("python_package_installer_args")
    if arguments is MISSING:
        return
    if not isinstance(arguments, dict):
        given.lost("python_package_installer_args", why_not(arguments, "a mapping"))
        return
    words: list[str] = []
    pip = given.block.block("pip", at)
    for key, one in arguments.items():
        try:
            option = str(key).lstrip("-").replace("_", "-")
            if option == "index-url":
                pip.set("index_url", text(one), at)
            elif option == "extra-index-url":
                urls = one if isinstance(one, (list, tuple)) else [one]
                pip.set("extra_index_urls", [text(url) for url in urls], at)
            else:
                words.append(f"--{option}" if one is None else f"--{option}={text(one)}")
        except Unclear as error:
            given.lost("python_package_installer_args", f"{key}: {error}")
    if words:
        pip.set("extra_args", words, at)


def _environment(given: Arguments, name: str, key: str) -> None:
    """ZenML writes all names of variables in capitals."""
    pairs = given.pairs(name)
    if pairs:
        given.set(key, {one.upper(): literal_env(value) for one, value in pairs.items()}, name)


def _code(given: Arguments, modules: Modules | None) -> None:
    value = given.peek("source_files")
    if isinstance(value, Symbol):  # SourceFileMode.INCLUDE
        given.values["source_files"] = value.name.rsplit(".", 1)[-1].lower()
    style = given.text("source_files")
    allowed = given.flag("allow_including_files_in_images"), given.flag("allow_download_from_code_repository")
    name = "source_files"
    if allowed != (None, None):
        if style is not None:
            given.lost("source_files", "ZenML ignores it beside `allow_…`")
        style = _STYLES[allowed[0] is not False, allowed[1] is not False]
        name = "allow_including_files_in_images"
    if given.flag("copy_files") is False:
        style, name = "ignore", "copy_files"
    given.set("source_files", style, name)
    if style == "download":
        given.set("copy_repo", True, name)
    elif modules is not None and style != "ignore" and not given.block.get("skip_build"):
        bring_code(given.importing, given.block, modules, given.line)
    elif given.has("dockerignore"):
        given.set("copy_dir", given.importing.source.local("."), name)


def _add_zenml(block: Block) -> None:
    packages = block.list("pip_packages")
    written = [entry.value for entry in packages.entries]
    if not any(isinstance(one, str) and re.match(r"zenml\b", one) for one in written):
        packages.add("zenml", note="its images have it, and the file imports it")
