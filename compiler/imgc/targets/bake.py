"""docker-bake.json: the images for `docker buildx bake`, called in the folder of the pipeline file.

Bake takes contexts relative to where it is called, and asks before it reads anything above that: so paths start at
the project, where the contexts are, and not at the output folder.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Iterator

from imgc.targets.names import Names
from imgc.targets.subject import Data, Subject, content_label
from imgc.targets.target import EXACT, Say, Target, approximated, refused

FILE = "docker-bake.json"

_NOT_FETCHED = "bake fetches nothing: it takes the code that 'imgc lock' has fetched."

SUPPORT = {
    "extends": EXACT,
    "images of equal content": EXACT,
    "skip_build": EXACT,
    "platforms": EXACT,
    "build secrets": EXACT,
    "build secrets that are not required": approximated("bake fails where the host has no file for one."),
    "ssh": EXACT,
    "build.network": EXACT,
    "build.no_cache": EXACT,
    "build.pull": EXACT,
    "build.shm_size": EXACT,
    "build.cache_from": EXACT,
    "build.cache_to": EXACT,
    "build.options": EXACT,  # see OPTIONS
    "reuse: false": EXACT,
    "registry_secret": approximated("bake logs in nowhere: it uses the logins of 'docker login'."),
    "code from elsewhere": approximated(_NOT_FETCHED),
    "source_files: download": EXACT,  # the image does not hold it
    "builder": EXACT,  # its code is not in the image
}


def emit(subject: Subject, say: Say) -> dict[str, str]:
    names = Names("[^a-zA-Z0-9_-]", taken=("default",))
    targets: dict[str, Data] = {}
    groups: dict[str, Data] = {"default": {"targets": []}}
    variables: dict[str, Data] = {}
    for name, image in subject.images.items():
        if not image["dockerfile"]:
            continue
        if same := image["same_as"]:
            targets[names.of(same)]["tags"].append(_text(image["reference"]))
            groups[names.of(name)] = {"targets": [names.of(same)]}
            continue
        targets[names.of(name)] = _target(subject, name, image, names, say)
        groups["default"]["targets"].append(names.of(name))
        if any("~" in _source(subject, secret["id"]) for secret in image["secrets"]):
            variables = {"HOME": {"default": ""}}
    document = {"variable": variables, "group": groups, "target": targets}
    text = json.dumps({key: value for key, value in document.items() if value}, ensure_ascii=False, indent=2)
    return {FILE: f"{text}\n"}


def _target(subject: Subject, name: str, image: Data, names: Names, say: Say) -> Data:
    context, build = image["context"], image["build"]
    dockerfile = posixpath.relpath(posixpath.join(subject.output, image["dockerfile"]), context)
    target: Data = {
        "context": _text(context if context.startswith(".") else f"./{context}"),
        "contexts": dict(_parents(subject, image, names)),
        "dockerfile": _text(dockerfile),
        "tags": [_text(image["reference"])],
        "platforms": [_text(platform) for platform in image["platforms"]],
        "secret": [_secret(subject, secret["id"]) for secret in image["secrets"]],
        "ssh": [_text(agent) for agent in image["ssh"]],
        "network": _text(build["network"] or ""),
        "shm-size": str(build["shm_size"] or ""),
        "no-cache": build["no_cache"],
        "pull": build["pull"],
        "cache-from": [_text(source) for source in build["cache_from"]],
        "cache-to": [_text(place) for place in build["cache_to"]],
        "labels": content_label(image),
    }
    for option, value in build["options"].items():
        put = OPTIONS.get(option)
        if put is None:
            span = subject.image_span(name, "build", "options", option)
            say(f"build.options.{option}", refused("a bake file has nothing for it."), span)
            continue
        for one in value if isinstance(value, list) else [value]:
            put(target, str(one).lower() if isinstance(one, bool) else str(one))
    return {key: value for key, value in target.items() if value}


def _parents(subject: Subject, image: Data, names: Names) -> Iterator[tuple[str, str]]:
    """A FROM that names another image of the file is that target, built before and never looked for elsewhere."""
    for parent in image["after"]:
        data = subject.images[parent]
        yield data["reference"], f"target:{names.of(data['same_as'] or parent)}"


def _secret(subject: Subject, name: str) -> str:
    source = subject.plan["secrets"][name]
    if "env" in source:
        return _text(f"type=env,id={name},env={source['env']}")
    path = _source(subject, name)
    home = path == "~" or path.startswith("~/")
    field = f"src=${{HOME}}{_text(path[1:])}" if home else f"src={_text(path)}"
    if any(character in field for character in ',"\n\r'):
        field = '"' + field.replace('"', '""') + '"'
    return f"type=file,id={_text(name)},{field}"


def _source(subject: Subject, name: str) -> str:
    return str(subject.plan["secrets"][name].get("file", ""))


def _text(value: str) -> str:
    """A string of a bake file is a template."""
    return value.replace("${", "$${").replace("%{", "%%{")


# Options of `docker build` that have a key here


def _pair(key: str, separators: str = "=") -> Callable[[Data, str], None]:
    def put(target: Data, value: str) -> None:
        at = min((value.find(one) for one in separators if one in value), default=len(value))
        target.setdefault(key, {})[_text(value[:at])] = _text(value[at + 1 :])

    return put


def _item(key: str, before: str = "") -> Callable[[Data, str], None]:
    def put(target: Data, value: str) -> None:
        target.setdefault(key, []).append(_text(before + value))

    return put


def _attest(kind: str) -> Callable[[Data, str], None]:
    """`--sbom` and `--provenance`: on, off, or with settings."""

    def put(target: Data, value: str) -> None:
        more = {"true": "", "false": ",disabled=true"}.get(value, f",{value}")
        target.setdefault("attest", []).append(_text(f"type={kind}{more}"))

    return put


OPTIONS: dict[str, Callable[[Data, str], None]] = {
    "label": _pair("labels"),
    "add-host": _pair("extra-hosts", "=:"),
    "build-context": _pair("contexts"),
    "annotation": _item("annotations"),
    "attest": _item("attest"),
    "sbom": _attest("sbom"),
    "provenance": _attest("provenance"),
    "ulimit": _item("ulimits"),
    "allow": _item("entitlements"),
    "no-cache-filter": _item("no-cache-filter"),
}

TARGET = Target("bake", ("image",), SUPPORT, emit)
