"""What of a pipeline holds for processes: for each key of an image and of a node whether it is exact, only nearly
so (a warning says how), or refused (an error says why). A test holds the table against the schema."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

from imgc.records import dataclass
from imgc_engine.failures import Refusal
from imgc_engine.plan import Node, Place, Plan
from imgc_engine.secrets import SecretMissing, Secrets

Level = Literal["exact", "nearly", "refused"]


@dataclass(frozen=True, slots=True)
class Support:
    """`text` says how it is nearly so, or why it is refused."""

    level: Level
    text: str = ""


EXACT = Support("exact")
"""Also of keys that say nothing about how a step runs: names, tags, how an image is built or pushed."""


def _nearly(text: str) -> Support:
    return Support("nearly", text)


def _refused(text: str) -> Support:
    return Support("refused", text)


_ONLY_PIP = "only pip_packages and requirements become a virtual environment"
_NOT_HERE = "would have to change this machine"

IMAGE: Mapping[str, Support] = {
    "base": EXACT,  # see _base
    "python_version": EXACT,
    "extends": EXACT,
    "base_facts": EXACT,
    "ref": EXACT,  # as base
    "dockerfile": _refused(f"A Dockerfile is nothing for a process: {_ONLY_PIP}."),
    "uv_script": _refused(f"uv_script is not supported: {_ONLY_PIP}."),
    "builder": _refused("Build pipelines need containers."),
    "skip_build": EXACT,
    "extendable": EXACT,
    "env": EXACT,
    "runtime_env": EXACT,
    "system_packages": _refused(f"System packages {_NOT_HERE}."),
    "apt_packages": _refused(f"System packages {_NOT_HERE}."),
    "install_docker": _refused(f"The Docker client {_NOT_HERE}."),
    "replicate_local_environment": _refused(f"replicate_local_environment is not supported: {_ONLY_PIP}."),
    "uv_project": _refused(f"uv_project is not supported: {_ONLY_PIP}."),
    "poetry_project": _refused(f"poetry_project is not supported: {_ONLY_PIP}."),
    "requirements": EXACT,
    "pip_packages": EXACT,
    "conda": _refused(f"conda is not supported: {_ONLY_PIP}."),
    "npm_packages": _refused(f"npm_packages is not supported: {_ONLY_PIP}."),
    "bundles": EXACT,
    "install_stack": EXACT,
    "pip": EXACT,
    "copy_dir": EXACT,
    "copy": _nearly("Owners and modes of copied files are not changed (chown)."),
    "code_bundle": EXACT,
    "auto_workdir": EXACT,
    "dockerignore": EXACT,
    "path_map": EXACT,
    "copy_repo": _refused("Code from a repository needs an image; copy_dir has the files of this folder."),
    "copy_url": _refused("Code from elsewhere needs an image; copy_dir has the files of this folder."),
    "copy_branch": _refused("Code from elsewhere needs an image; copy_dir has the files of this folder."),
    "source_files": EXACT,
    "local_project_install": _refused(f"An install of the project needs an image: {_ONLY_PIP}."),
    "commands": _refused(f"Commands of an image {_NOT_HERE}."),
    "layers": EXACT,  # by what is in it
    "user": _nearly("Steps run as you."),
    "workdir": EXACT,
    "shell": _nearly("The shell is the one of this machine."),
    "secrets": EXACT,  # of builds: installs get those that their index needs
    "ssh": EXACT,
    "entrypoint": EXACT,
    "cmd": EXACT,
    "labels": EXACT,
    "expose": EXACT,
    "healthcheck": EXACT,
    "stop_signal": EXACT,
    "name": EXACT,
    "registry": EXACT,
    "repository": EXACT,
    "tag": EXACT,
    "registry_secret": EXACT,
    "platforms": EXACT,
    "build": EXACT,
    "reuse": EXACT,
}

NODE: Mapping[str, Support] = {
    "run": EXACT,
    "call": EXACT,
    "serial": EXACT,
    "parallel": EXACT,
    "lazy": _refused("`lazy` needs containers."),
    "image": EXACT,
    "env": EXACT,
    "secrets": EXACT,  # see _secrets
    "workdir": EXACT,
    "user": _refused("A process runs as you, and not as somebody else."),
    "cpu": _nearly("CPUs are counted when steps start, and not limited."),
    "mem": _nearly("Memory is counted when steps start, and not limited; `retry: on: [oom]` never happens."),
    "gpu": _nearly("A step sees all GPUs of this machine."),
    "shm_size": _nearly("/dev/shm is as large as this machine has it."),
    "network": _refused("A process is in the network of this machine."),
    "mounts": _refused("A process sees the files of this machine where they are: nothing can be mounted."),
    "requires_docker": _refused("requires_docker needs a container."),
    "docker_run_args": _refused("docker_run_args need a container."),
    "max_time": EXACT,
    "retry": EXACT,
    "skip": EXACT,
    "max_concurrent": EXACT,
    "container_reuse": EXACT,
    "stop_on_error": EXACT,
    "suppress_errors": EXACT,
    "accept_return_code": EXACT,
    "stdin": EXACT,
    "matrix": EXACT,
    "when": EXACT,
    "needs": EXACT,
    "input": _refused("`input` needs containers."),
    "outputs": _refused("`outputs` need containers."),
    "doc": EXACT,
    "title": EXACT,
    "tags": EXACT,
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """All that cannot be honoured, and all that is only nearly so, each at its place."""

    refusals: tuple[Refusal, ...]
    warnings: tuple[Refusal, ...]


def judge(leaves: Iterable[Node], plan: Plan, recipes: Mapping[str, Any], secrets: Secrets) -> Judgement:
    """`recipes` are those of `imgc.plan.environments`."""
    leaves = list(leaves)
    found = list(_of_images(leaves, plan, recipes))
    found += [one for leaf in leaves for one in _of_node(leaf, secrets)]
    refusals = dict.fromkeys(
        Refusal(place, support.text) for place, support in found if support.level == "refused"
    )
    warnings = dict.fromkeys(
        Refusal(place, support.text) for place, support in found if support.level == "nearly"
    )
    return Judgement(tuple(refusals), tuple(warnings))


def chain(name: str, recipes: Mapping[str, Any]) -> list[str]:
    """The image and those that it extends, the first of them first."""
    names = [name]
    while parent := recipes[names[-1]]["parent"]:
        names.append(parent)
    return names[::-1]


def _of_images(
    leaves: Iterable[Node], plan: Plan, recipes: Mapping[str, Any]
) -> Iterator[tuple[Place, Support]]:
    used = [name for name in plan.images if any(leaf.image == name for leaf in leaves)]
    for name in dict.fromkeys(part for image in used for part in chain(image, recipes)):
        recipe = recipes[name]
        places = {key: Place(**place) for key, place in recipe["keys"].items()}
        yield from ((place, IMAGE[key]) for key, place in places.items())
        for source in plan.images[name].sources if name in plan.images else ():
            if source.source_files == "download":
                yield (
                    source.place,
                    _refused(
                        "Code of a commit is put into containers; leave source_files out to have copy_dir's files."
                    ),
                )
        if (
            not recipe["python"]
            and not recipe["parent"]
            and IMAGE["dockerfile"] not in map(IMAGE.get, places)
        ):
            place = places.get("base") or places.get("ref") or plan.images[name].source
            yield (
                place,
                _refused(
                    f"The base {recipe['base']} is not known to be Python, and what else it has is not on this "
                    'machine. If it is: `base_facts: {python: "3.12"}`.'
                ),
            )


def _of_node(node: Node, secrets: Secrets) -> Iterator[tuple[Place, Support]]:
    if node.image is None:
        yield node.source, _refused(f"{node.path!r} has no image to run in.")
    if node.kind == "lazy":
        yield node.source, NODE["lazy"]
    wanted: dict[str, Callable[[], bool]] = {
        "network": lambda: node.network not in (None, "host", "default", "bridge"),
        "requires_docker": lambda: node.requires_docker,
        "gpu": lambda: node.gpu > 0,
        "mounts": lambda: bool(node.mounts),
        "docker_run_args": lambda: bool(node.docker_run_args),
        "outputs": lambda: bool(node.outputs),
    }
    for key, place in node.places.items():
        if key in NODE and wanted.get(key, lambda: True)():
            yield place, NODE[key]
    for use in node.secrets:
        if use.env is None or use.target is not None:
            text = f"The secret {use.name!r} cannot be a file at a fixed place here: `{{secret: {use.name}, env: NAME}}`."
            yield node.place("secrets"), _refused(text)
            continue
        try:
            secrets.text(use.name)
        except SecretMissing as error:
            yield node.place("secrets"), _refused(str(error))
