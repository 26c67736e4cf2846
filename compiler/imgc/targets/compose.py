"""compose.yaml: `docker compose up` builds the images and runs the steps in their order.

A step is a service that ends, and starts when those it waits for have ended well. An image is a service of scale 0:
it only has the build. The last service waits for all steps, so that the command fails when one of them did.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from typing import Any

from imgc.targets import run_args
from imgc.targets.compose_build import build
from imgc.targets.edges import waits
from imgc.targets.names import Names
from imgc.targets.shell import needs_shell, wrapped
from imgc.targets.subject import Data, Subject
from imgc.targets.target import EXACT, Say, Target, approximated, refused
from imgc.targets.yaml import dump

FILE = "compose.yaml"
SOCKET = "/var/run/docker.sock"
MOST_WAITS = 100_000

_SHELL = "the image needs /bin/sh for it"
_OF_SHELL = ("retry", "max_time", "accept_return_code", "suppress_errors", "stdin")
_ENDS_WELL = "a service waits until another has ended well, and for nothing else."
_WHOLE = "Compose knows services, and no groups of them."
_DATA = "Compose has no data between steps; a folder in 'mounts' may do."

SUPPORT = {
    "extends": EXACT,
    "images of equal content": EXACT,
    "skip_build": EXACT,
    "platforms": EXACT,
    "build secrets": EXACT,
    "build secrets that are not required": approximated("Compose fails where the host has no value for one."),
    "ssh": EXACT,
    "build.network": EXACT,
    "build.no_cache": EXACT,
    "build.pull": EXACT,
    "build.shm_size": EXACT,
    "build.cache_from": EXACT,
    "build.cache_to": EXACT,
    "build.options": EXACT,  # see compose_build.OPTIONS
    "reuse: false": EXACT,
    "registry_secret": approximated("Compose logs in nowhere: it uses the logins of 'docker login'."),
    "code from elsewhere": approximated(
        "Compose fetches nothing: it takes the code that 'imgc lock' has fetched."
    ),
    "source_files: download": refused("Compose puts no code into a container that starts."),
    "builder": refused("Compose has no build step of code that stays outside of the image."),
    "serial": EXACT,
    "parallel": EXACT,
    "needs": EXACT,
    "when: on_failure": refused(_ENDS_WELL),
    "when: always": refused(_ENDS_WELL),
    "stop_on_error: false": refused(_ENDS_WELL),
    "suppress_errors": EXACT,  # by a shell around the command
    "suppress_errors of a group": refused(_WHOLE),
    "accept_return_code": EXACT,
    "max_concurrent": approximated("Compose starts everything that may start."),
    "retry": approximated(
        "a shell in the container tries again after any failure, with the files that the last attempt left and the "
        "same memory."
    ),
    "retry of a group": refused(_WHOLE),
    "max_time": approximated("'timeout' in the container ends the command, and the image must have it."),
    "max_time of a group": refused(_WHOLE),
    "container_reuse: new": refused("a service has a container of its own."),
    "container_reuse: pool": EXACT,  # a new container is always right
    "lazy": refused("a Compose file cannot grow; 'imgc plan' shows what would have to be written."),
    "call": EXACT,
    "build pipelines": refused("Compose has no build step of code that stays outside of the image."),
    "input": refused(_DATA),
    "outputs": refused(_DATA),
    "stdin": EXACT,
    "env": EXACT,
    "secrets as variables": EXACT,
    "secrets as files": approximated(
        "a file of the host keeps its owner and mode: a step with another user may not be able to read it."
    ),
    "workdir": EXACT,
    "user": EXACT,
    "cpu": EXACT,
    "mem": EXACT,
    "gpu": EXACT,
    "shm_size": EXACT,
    "network": EXACT,
    "mounts": EXACT,
    "requires_docker": approximated(f"{SOCKET} is mounted, and nobody is asked for leave."),
    "docker_run_args": EXACT,  # see run_args
}


def emit(subject: Subject, say: Say) -> dict[str, str]:
    return _Compose(subject, say).files()


class Interpolated(str):
    """Text in which Compose is to find variables; in all other text a dollar sign is one."""

    __slots__ = ()


class _Compose:
    def __init__(self, subject: Subject, say: Say) -> None:
        self.subject = subject
        self.say = say
        self.names = Names("[^a-zA-Z0-9._-]")
        self.networks: dict[str, Data] = {}
        self.secrets: dict[str, Data] = {}

    def files(self) -> dict[str, str]:
        leaves, before = self.subject.leaves, waits(self.subject)
        if sum(map(len, before.values())) > MOST_WAITS:
            many = refused(f"more than {MOST_WAITS:,} waits of one step for another are too many for a file.")
            self.say("this many steps", many, self.subject.resolved.nodes[""].span)
            return {}
        for leaf in leaves:
            self.name(leaf["path"])
        services = {self.image(name): self.image_service(name, image) for name, image in self.subject.built()}
        services |= {self.name(leaf["path"]): self.step(leaf, before[leaf["path"]]) for leaf in leaves}
        if runs := [leaf["image"] for leaf in leaves if self.has_shell(leaf["image"])]:
            services[self.names.of("all")] = self.all(runs[-1], leaves, before)
        elif leaves:
            silent = approximated("no image has a shell for a last step, so 'up' does not fail with a step.")
            self.say("that a run fails", silent, self.subject.resolved.nodes[""].span)
        document: Data = {
            "name": _project(self.subject.plan["name"]),
            "services": services,
            "networks": self.networks,
            "secrets": self.secrets,
        }
        written = {key: value for key, value in document.items() if value or key == "services"}
        return {FILE: dump(_literal(written))}

    def name(self, path: str) -> str:
        """The service of a leaf: `fan/test[py=3.12]` is `fan.test-py_3.12`."""
        plain = path or self.subject.plan["name"]
        return self.names.of(f"node {path}", plain.replace("/", ".").replace("[", "-").replace("]", ""))

    def image(self, name: str) -> str:
        same = self.subject.images[name]["same_as"]
        return self.names.of(f"image {same or name}", f"image.{same or name}")

    def reference(self, name: str) -> str:
        """Of images with equal content, all steps use the first: it is the one that has a service."""
        image = self.subject.images[name]
        reference: str = (
            self.subject.images[image["same_as"]]["reference"] if image["same_as"] else image["reference"]
        )
        return reference

    def image_service(self, name: str, image: Data) -> Data:
        service: Data = {"image": image["reference"], "scale": 0}
        if not image["reuse"]:
            service["pull_policy"] = "build"
        service["build"] = build(self.subject, name, image, self.image, self.say)
        for secret in image["secrets"]:
            self.secret(secret["id"])
        return service

    def step(self, leaf: Data, before: list[str]) -> Data:
        image = self.subject.images[leaf["image"]]
        service: Data = {"image": self.reference(leaf["image"])}
        waiting = {self.name(path): {"condition": "service_completed_successfully"} for path in before}
        if image["dockerfile"]:
            waiting = {self.image(leaf["image"]): {"condition": "service_started"}, **waiting}
        if waiting:
            service["depends_on"] = waiting
        service["init"] = True
        for key, name in (
            ("user", "user"),
            ("workdir", "working_dir"),
            ("cpu", "cpus"),
            ("shm_size", "shm_size"),
        ):
            if leaf[key]:
                service[name] = leaf[key]
        if leaf["mem"]:
            service |= {"mem_limit": leaf["mem"], "memswap_limit": leaf["mem"]}
        if leaf["gpu"]:
            device = {"count": leaf["gpu"], "capabilities": ["gpu"]}
            service["deploy"] = {"resources": {"reservations": {"devices": [device]}}}
        if leaf["network"]:
            service |= self.network(leaf["network"])
        environment = dict(leaf["env"])
        variables = self.use_secrets(leaf, service, environment)
        mounts = [
            run_args.volume(mount["src"], mount["dst"], mount["read_only"], self.subject.project)
            for mount in leaf["mounts"]
        ]
        if leaf["requires_docker"]:
            mounts.append({"type": "bind", "source": SOCKET, "target": SOCKET})
        service |= {"environment": environment, "volumes": mounts}
        for argument in run_args.put(service, leaf["docker_run_args"], self.subject.project):
            span = self.subject.node_span(leaf, "docker_run_args")
            self.say(
                f"'{argument}' of docker_run_args",
                refused("imgc knows nothing for it in a Compose file."),
                span,
            )
        command = self.command(leaf, variables)
        service |= {"entrypoint": command[:1], "command": command[1:]}
        return {key: value for key, value in service.items() if value not in ({}, []) or key == "command"}

    def command(self, leaf: Data, variables: Mapping[str, str]) -> list[str]:
        if not variables and not needs_shell(leaf):
            command: list[str] = leaf["command"]
            return command
        if not self.has_shell(leaf["image"]):
            used = next((key for key in _OF_SHELL if key in leaf["places"]), "secrets")
            self.say(used, refused(f"{_SHELL}, and it has none."), self.subject.node_span(leaf, used))
        return wrapped(leaf, variables)

    def use_secrets(self, leaf: Data, service: Data, environment: Data) -> dict[str, str]:
        """Puts secrets into a service; gives the variables that a shell has to read from a file."""
        variables: dict[str, str] = {}
        for use in leaf["secrets"]:
            source, name = self.subject.plan["secrets"][use["name"]], use["name"]
            if use["env"] and "env" in source:
                environment[use["env"]] = Interpolated(f"${{{source['env']}?the secret {name} is missing}}")
                continue
            target = use["target"] or f"/run/secrets/imgc.{use['env']}"
            service.setdefault("secrets", []).append({"source": self.secret(name), "target": target})
            if use["env"]:
                variables[use["env"]] = target
        return variables

    def secret(self, name: str) -> str:
        source = self.subject.plan["secrets"][name]
        if "env" in source:
            self.secrets[name] = {"environment": source["env"]}
        else:
            path = source["file"]
            far = path.startswith(("/", "~"))
            self.secrets[name] = {
                "file": path if far else run_args.relative(posixpath.join(self.subject.project, path))
            }
        return name

    def network(self, name: str) -> Data:
        if name in ("none", "host", "default", "bridge") or name.startswith("container:"):
            return {"network_mode": "bridge" if name == "default" else name}
        self.networks[name] = {"name": name, "external": True}
        return {"networks": [name]}

    def all(self, image: str, leaves: Sequence[Data], before: Mapping[str, list[str]]) -> Data:
        """What fails unless every step has ended well."""
        waited = {path for paths in before.values() for path in paths}
        last = [leaf["path"] for leaf in leaves if leaf["path"] not in waited]
        return {
            "image": self.reference(image),
            "depends_on": {self.name(path): {"condition": "service_completed_successfully"} for path in last},
            "network_mode": "none",
            "entrypoint": ["/bin/sh"],
            "command": ["-c", ":"],
        }

    def has_shell(self, image: str) -> bool:
        """Of an image of which nothing is known, as everywhere in imgc."""
        return self.subject.resolved.images[image].facts.shell is not False


def _project(name: str) -> str:
    """A project's name: small letters, digits, `-` and `_`."""
    made = Names("[^a-z0-9_-]").of(name.lower())
    return made.lstrip("_-") or "pipeline"


def _literal(value: Any) -> Any:
    if isinstance(value, Interpolated):
        return str(value)
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, dict):
        return {key: _literal(item) for key, item in value.items()}
    return [_literal(item) for item in value] if isinstance(value, list) else value


TARGET = Target("compose", ("image", "node"), SUPPORT, emit)
