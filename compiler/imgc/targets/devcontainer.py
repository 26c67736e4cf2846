"""devcontainer.json: each image as a place to work in, for VS Code, Codespaces and the devcontainer program.

The local files stand where the image has its copy of them, as with `imgc debug --live`; the folder that is opened is the
one of the pipeline file. A step is nothing here, but what all steps of an image have alike holds in the container.
"""

from __future__ import annotations

import json
import posixpath
import re
import shlex
from collections.abc import Iterator
from typing import Any

from imgc.document.nodes import plain
from imgc.model.pipeline import items, text
from imgc.plan.references import DOCKERFILE_SUFFIX
from imgc.targets.subject import Data, Subject
from imgc.targets.target import EXACT, Say, Target, approximated, refused

FOLDER = ".devcontainer"
FILE = "devcontainer.json"
HERE = "${localWorkspaceFolder}"
SOCKET = "/var/run/docker.sock"

_VARIABLE = re.compile(r"\$\{(?:env|localEnv|containerEnv|localWorkspace|containerWorkspace|devcontainerId)")
"""What the reader of the file replaces, wherever it stands, and there is no way to write it otherwise."""

SUPPORT = {
    "extends": EXACT,  # by initializeCommand
    "images of equal content": EXACT,
    "skip_build": EXACT,
    "platforms": approximated("an image of several is built for the engine's own platform."),
    "build secrets": EXACT,
    "build secrets that are not required": approximated(
        "the build fails where the host has no file for one."
    ),
    "ssh": EXACT,
    "build.network": EXACT,
    "build.no_cache": EXACT,
    "build.pull": EXACT,
    "build.shm_size": EXACT,
    "build.cache_from": EXACT,
    "build.cache_to": EXACT,
    "build.options": EXACT,
    "reuse: false": EXACT,
    "registry_secret": approximated("nothing logs in: the logins of 'docker login' are used."),
    "code from elsewhere": approximated(
        "nothing is fetched: it takes the code that 'imgc lock' has fetched."
    ),
    "source_files: download": approximated("no code is fetched: the container has what is in your folder."),
    "builder": approximated("the code is mounted at /pfs/source, and its build step does not run."),
}


def emit(subject: Subject, say: Say) -> dict[str, str]:
    top = "" if posixpath.basename(subject.output) == FOLDER else f"{FOLDER}/"
    names = [
        name
        for name, image in subject.images.items()
        if not image["same_as"] and not name.endswith(DOCKERFILE_SUFFIX)
    ]
    files = {}
    for name in names:
        path = f"{top}{name}/{FILE}" if len(names) > 1 else f"{top}{FILE}"
        made = _Container(subject, name, posixpath.dirname(path)).data()
        if found := _VARIABLE.search(json.dumps(_users(made))):
            why = refused(f"the reader of {FILE} would replace it, and nothing stops that.")
            say(f"'{found[0]}…' in a value", why, subject.image_span(name))
        files[path] = json.dumps(made, ensure_ascii=False, indent=2) + "\n"
    return files


class Replaced(str):
    """Text in which the reader of the file is to replace variables."""

    __slots__ = ()


def _users(value: Any) -> Any:
    """The data without texts that are meant to have variables."""
    if isinstance(value, dict):
        return {key: _users(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_users(item) for item in value]
    return "" if isinstance(value, Replaced) else value


class _Container:
    """One image. `folder` is where its file goes, relative to the output folder."""

    def __init__(self, subject: Subject, name: str, folder: str) -> None:
        self.subject = subject
        self.name = name
        self.image = subject.images[name]
        self.resolved = subject.resolved.images[name]
        self.folder = posixpath.join(subject.output, folder)
        same = [other for other, image in subject.images.items() if image["same_as"] == name]
        self.leaves = [leaf for leaf in subject.leaves if leaf["image"] in (name, *same)]

    def data(self) -> Data:
        title = self.subject.plan["title"] or self.subject.plan["name"]
        made: Data = {"name": f"{title}: {self.name}"}
        if self.image["dockerfile"]:
            made["initializeCommand"] = self.parents()
            made["build"] = {key: value for key, value in self.build().items() if value}
        else:
            made["image"] = self.image["reference"]
        local, inside = self.workspace()
        if inside:
            made["workspaceMount"] = _mount(_here(local), inside, read_only=False)
            made["workspaceFolder"] = inside
        environment = dict(self.alike("env") or {}) if self.leaves else {}
        mounts = [*self.local_files(inside), *self.mounts(environment)]
        user = self.alike("user") or ""
        worker = user or (self.image["user"] or "root")
        numeric = worker[:1].isdigit()
        made |= {
            "containerEnv": environment,
            "mounts": mounts,
            "containerUser": user,
            "remoteUser": "" if numeric or worker == "root" else worker,
            "init": True,
            "hostRequirements": self.requirements(),
            "runArgs": list(self.arguments()),
            "forwardPorts": [
                int(text(port)) for port in items(self.resolved.node.get("expose")) if text(port).isdigit()
            ],
        }
        if numeric:
            made["updateRemoteUserUID"] = False  # it would look for the user's name
        return {key: value for key, value in made.items() if value or key == "updateRemoteUserUID"}

    # Building

    def build(self) -> Data:
        dockerfile = posixpath.join(self.subject.output, self.image["dockerfile"])
        return {
            "context": posixpath.relpath(self.image["context"], self.folder),
            "dockerfile": posixpath.relpath(dockerfile, self.folder),
            "cacheFrom": self.image["build"]["cache_from"],
            "options": list(self.options(self.image)),
        }

    def options(self, image: Data) -> Iterator[str]:
        """Options of `docker build`."""
        build = image["build"]
        yield from (self.secret(secret["id"]) for secret in image["secrets"])
        yield from (f"--ssh={agent}" for agent in image["ssh"])
        if len(image["platforms"]) == 1:
            yield f"--platform={image['platforms'][0]}"
        for key, option in (("network", "network"), ("shm_size", "shm-size")):
            if build[key]:
                yield f"--{option}={build[key]}"
        yield from (f"--cache-to={place}" for place in build["cache_to"])
        yield from ("--no-cache" for _ in range(build["no_cache"]))
        if build["pull"] and not image["after"]:
            yield "--pull"
        for option, value in build["options"].items():
            for one in value if isinstance(value, list) else [value]:
                yield (
                    f"--{option}"
                    if one is True
                    else f"--{option}={str(one).lower() if one is False else one}"
                )

    def secret(self, name: str) -> str:
        source = self.subject.plan["secrets"][name]
        where = f"env={source['env']}" if "env" in source else f"src={_here(source['file'])}"
        return Replaced("--secret=" + _csv(f"id={name}", where))

    def parents(self) -> str:
        """A command of the host that builds what the image extends, first things first."""
        commands: list[str] = []
        waiting = list(self.image["after"])
        while waiting:
            name = waiting.pop()
            image = self.subject.images[name]
            words = ["docker", "buildx", "build", "--load", "-t", image["reference"], "-f"]
            words.append(posixpath.join(self.subject.output, image["dockerfile"]))
            words += [*(f"--cache-from={source}" for source in image["build"]["cache_from"])]
            words += self.options(image)
            commands.insert(0, shlex.join([*words, image["context"]]))
            waiting += image["after"]
        return Replaced(" && ".join(commands))

    # Files

    def workspace(self) -> tuple[str, str]:
        """The local folder to be opened, and where it is in the container; nothing where the image has no such copy."""
        project, entries = self.subject.resolved.project, self.image["path_map"]
        folders = {local: inside for local, inside in entries.items() if project.exists(local, "dir")}
        if self.image["builder"] and not folders:
            return self.image["builder"]["path"], "/pfs/source"
        found = [entry for entry in folders.items() if entry[1] == self.image["workdir"]]
        found += [entry for entry in folders.items() if entry[0] == "."]
        found += list(folders.items()) if len(folders) == 1 else []
        return found[0] if found else ("", "")

    def local_files(self, inside: str) -> Iterator[str]:
        """The other local files in the place of their copies. What lies in the opened folder is there already."""
        entries = dict(self.image["path_map"])
        if self.image["builder"]:
            entries[self.image["builder"]["path"]] = "/pfs/source"
        for local, target in entries.items():
            if not inside or not f"{target}/".startswith(f"{inside.rstrip('/')}/"):
                yield _mount(_here(local), target, read_only=False)
        installed = any(
            layer.key == "npm_packages" and plain(layer.node) is True
            for layer in (*self.resolved.layers.fixed, *self.resolved.layers.explicit)
        )
        if inside and installed and inside == self.image["workdir"]:
            yield _csv(
                "type=volume", f"target={inside}/node_modules"
            )  # else they were hidden; it begins as a copy

    # What all steps have alike

    def alike(self, key: str) -> Any:
        """The value that a setting has at every step of the image, of `env` the variables; None when there is none."""
        values = [leaf[key] for leaf in self.leaves]
        if key == "env" and values:
            return {
                name: value
                for name, value in values[0].items()
                if all(other.get(name) == value for other in values)
            }
        return values[0] if values and all(value == values[0] for value in values) else None

    def mounts(self, environment: Data) -> Iterator[str]:
        for mount in self.alike("mounts") or ():
            yield _mount(_here(mount["src"]), mount["dst"], mount["read_only"])
        for use in self.alike("secrets") or ():
            source = self.subject.plan["secrets"][use["name"]]
            if use["env"] and "env" in source:
                environment[use["env"]] = Replaced(f"${{localEnv:{source['env']}}}")
            elif use["target"] and "file" in source:
                yield _mount(_here(source["file"]), use["target"], read_only=True)
        if self.alike("requires_docker"):
            yield _mount(SOCKET, SOCKET, read_only=False)

    def requirements(self) -> Data:
        cpus = [leaf["cpu"] for leaf in self.leaves if leaf["cpu"]]
        memory = [leaf["mem"] for leaf in self.leaves if leaf["mem"]]
        made: Data = {"cpus": -int(-max(cpus, default=0) // 1), "memory": str(max(memory, default="") or "")}
        made["gpu"] = any(leaf["gpu"] for leaf in self.leaves)
        return {key: value for key, value in made.items() if value}

    def arguments(self) -> Iterator[str]:
        """Arguments of `docker run`."""
        for key, option in (("network", "network"), ("shm_size", "shm-size")):
            if value := self.alike(key):
                yield f"--{option}={value}"
        words = iter(self.alike("docker_run_args") or ())
        for word in words:
            if found := re.fullmatch(r"(-v|--volume)=?(.*)", word, re.DOTALL):
                source = found[2] or next(words, "")
                yield (
                    Replaced(f"--volume={_here(source)}") if source.startswith("./") else f"--volume={source}"
                )
            else:
                yield word


def _here(path: str) -> str:
    """A local path, relative to the project or in the home folder, as the file's reader finds it."""
    if path.startswith("~/"):
        return f"${{localEnv:HOME}}{path[1:]}"
    return path if path.startswith("/") else HERE if path == "." else f"{HERE}/{path.removeprefix('./')}"


def _mount(source: str, target: str, read_only: bool) -> str:
    fields = ["type=bind", f"source={source}", f"target={target}", *(["readonly"] if read_only else [])]
    return _csv(*fields)


def _csv(*fields: str) -> Replaced:
    """Fields of Docker's `--mount` and `--secret`."""
    return Replaced(
        ",".join(
            '"' + field.replace('"', '""') + '"' if re.search('[,"\n\r]', field) else field
            for field in fields
        )
    )


TARGET = Target("devcontainer", ("image",), SUPPORT, emit)
