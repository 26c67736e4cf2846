"""A leaf as a pod's template, and leaves that share a container as a script in one."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from imgc.patterns import lazy
from imgc.targets.flow import Flow
from imgc.targets.shell import needs_shell, wrapped
from imgc.targets.subject import Data, Subject, is_group
from imgc.targets.target import Say, refused

SECRETS = "/run/secrets"
BRACE = "IMGC_BRACE"
_SECOND_BRACE = lazy(r"(?<=\{)\{")
_NUMERIC = lazy(r"(\d+)(?::(\d+))?\Z")
_ALONE = {"attempts": 1, "backoff": 0, "on": ["error"], "mem_factor": 1}


class Containers:
    """Templates for pods. `secret` and `claim` are the names of the Secret and the PersistentVolumeClaim."""

    def __init__(self, subject: Subject, flow: Flow, secret: str, claim: str) -> None:
        self._subject, self._flow, self._secret, self._claim = subject, flow, secret, claim

    def leaf(self, node: Data) -> Data:
        """What a pod for the leaf is, without a name."""
        plain = {**node, "retry": _ALONE, "max_time": None, "suppress_errors": False}
        command = (
            wrapped(plain, {}) if node["stdin"] is not None or node["accept_return_code"] else node["command"]
        )
        return {
            **self._head(node),
            **_deadline(node),
            **retry_of(node),
            **self._pod([node], command, node["env"], node["workdir"]),
        }

    def shared(self, group: Data) -> Data:
        """The same for a group whose leaves share a container."""
        leaves = [self._flow.nodes[path] for path in self._flow.leaves(group["path"])]
        script = "\n".join(
            [*self._script(group["path"], ""), f"exit $imgc_{self._number(group['path'])}", ""]
        )
        return {
            **self._head(group),
            **retry_of(group),
            **self._pod(leaves, ["/bin/sh", "-c", script], {}, None),
        }

    def _head(self, node: Data) -> Data:
        place = node["source"]
        source = f"{place['file']}:{place['line']}:{place['column']}"
        return {
            "metadata": {"annotations": {"imgc.dev/node": plain(node["path"] or node["name"]), "imgc.dev/source": plain(source)}}
        }  # fmt: skip

    def _pod(
        self, leaves: list[Data], command: list[str], env: Mapping[str, str], workdir: str | None
    ) -> Data:
        first = leaves[0]
        volumes, mounts = _by_pairs(self._volumes(leaves))
        texts = [literal(word) for word in command]
        variables: list[Data] = [{"name": name, "value": literal(value)} for name, value in env.items()]
        if any(BRACE in text for text in [*texts, *(one["value"] for one in variables)]):
            variables.insert(0, {"name": BRACE, "value": "{"})
        for name, secret in sorted(
            {(use["env"], use["name"]) for leaf in leaves for use in leaf["secrets"] if use["env"]}
        ):
            variables.append(
                {"name": name, "valueFrom": {"secretKeyRef": {"name": self._secret, "key": secret}}}
            )
        container = {
            "image": self._subject.images[first["image"]]["reference"],
            "imagePullPolicy": "IfNotPresent",
            "command": texts[:1],
            "args": texts[1:],
            "env": variables,
            "workingDir": workdir,
            "resources": _resources(leaves),
            "securityContext": _user(first["user"]),
            "volumeMounts": mounts,
        }
        return {
            "container": {key: value for key, value in container.items() if value},
            **({"volumes": volumes} if volumes else {}),
        }

    def _volumes(self, leaves: list[Data]) -> Iterator[tuple[Data, Data]]:
        """Volumes, each with its mount."""
        first = leaves[0]
        for number, mount in enumerate(first["mounts"]):
            name, source = f"mount-{number}", mount["src"]
            inside: Data = {"name": name, "mountPath": mount["dst"], "readOnly": mount["read_only"]}
            if source.startswith("/"):
                yield {"name": name, "hostPath": {"path": source}}, inside
            else:
                path = str(PurePosixPath(source))
                volume = {"name": name, "persistentVolumeClaim": {"claimName": self._claim}}
                yield volume, inside if path == "." else {**inside, "subPath": path}
        if first["shm_size"]:
            memory = {"medium": "Memory", "sizeLimit": str(first["shm_size"])}
            yield {"name": "shm", "emptyDir": memory}, {"name": "shm", "mountPath": "/dev/shm"}
        uses = [
            use
            for leaf in leaves
            for use in leaf["secrets"]
            if use["env"] is None or use["target"] is not None
        ]
        files = {str(PurePosixPath(SECRETS, use["target"] or use["name"])): use["name"] for use in uses}
        for target, secret in files.items():
            inside = {"name": "secrets", "mountPath": target, "subPath": secret, "readOnly": True}
            yield {"name": "secrets", "secret": {"secretName": self._secret}}, inside

    # Leaves in one container

    def _script(self, group: str, indent: str) -> Iterator[str]:
        """A serial group as shell: its variable is 0 as long as it is fine."""
        own = self._number(group)
        yield f"{indent}imgc_{own}=0"
        for path in self._flow.children[group]:
            node = self._flow.nodes[path]
            if not any(True for _ in self._flow.leaves(path)):
                continue
            test = {"on_failure": f"[ $imgc_{own} != 0 ]", "always": ""}.get(
                node["when"], f"[ $imgc_{own} = 0 ]" if self._flow.stops(path) else ""
            )
            inner = f"{indent}  " if test else indent
            yield f"{indent}# {plain(path)}"
            if test:
                yield f"{indent}if {test}; then"
            bad = ":" if node["suppress_errors"] else f"imgc_{own}=1"
            if is_group(node):
                yield from self._script(path, inner)
                yield f"{inner}[ $imgc_{self._number(path)} = 0 ] || {bad}"
            else:
                yield f"{inner}({' && '.join(self._steps(node))}) || {bad}"
            if test:
                yield f"{indent}fi"

    def _steps(self, leaf: Data) -> Iterator[str]:
        if leaf["workdir"]:
            yield f"cd {shlex.quote(leaf['workdir'])}"
        for name, value in leaf["env"].items():
            yield f"export {name}={shlex.quote(value)}"
        own = {**leaf, "suppress_errors": False}
        yield f"exec {shlex.join(wrapped(own, {}) if needs_shell(own) else leaf['command'])}"

    def _number(self, path: str) -> int:
        return self._flow.numbers[path]


def judge(subject: Subject, node: Data, say: Say) -> None:
    """What only a leaf's values tell."""
    if node["user"] and not _user(node["user"]):
        text = "Kubernetes takes a user by number: write UID or UID:GID."
        say(f"the user {node['user']!r}", refused(text), subject.node_span(node, "user"))
    if any(mount["src"].startswith("~") for mount in node["mounts"]):
        text = "the nodes of a cluster do not have your home folder."
        say("a mount of '~'", refused(text), subject.node_span(node, "mounts"))
    if node["retry"]["attempts"] > 1 and node["retry"]["mem_factor"] != 1 and node["mem"]:
        text = "the memory of a pod is the same for each attempt."
        say("retry.mem_factor", refused(text), subject.node_span(node, "retry"))
    for key, values in (
        ("workdir", [node["workdir"] or ""]),
        ("mounts", [m["dst"] + m["src"] for m in node["mounts"]]),
    ):
        if any("{{" in value for value in values):
            say(
                f"'{{{{' in {key}",
                refused("Argo takes it for one of its variables."),
                subject.node_span(node, key),
            )
    if any(source["source_files"] == "download" for source in subject.images[node["image"]]["sources"]):
        text = "'imgc run' fetches it when a container starts."
        say("source_files: download", refused(text), subject.image_span(node["image"], "source_files"))


def judge_shared(subject: Subject, flow: Flow, group: str, say: Say) -> None:
    """What leaves in one container cannot have."""
    users: set[object] = set()
    secrets: dict[str, str] = {}
    for path, node in flow.nodes.items():
        if node["skip"] or not (group in ("", path) or path.startswith(f"{group}/")):
            continue
        if node["kind"] == "parallel":
            text = "the leaves of a pod run one after the other."
            say("parallel leaves in one container", refused(text), subject.node_span(node, "parallel"))
        elif is_group(node):
            if path != group and node["retry"]["attempts"] > 1:
                text = "leaves that share a container are one script, and Argo tries it as a whole."
                say("retry of a group in it", refused(text), subject.node_span(node, "retry"))
        else:
            users.add(node["user"])
            clash = any(
                secrets.setdefault(use["env"], use["name"]) != use["name"]
                for use in node["secrets"]
                if use["env"]
            )
            if node["container"]["group"] != group:
                text = "a pod is for the leaves of one container, and this one lies between them."
                say("a container of its own here", refused(text), subject.node_span(node, "container_reuse"))
            elif len(users) > 1:
                text = "the leaves of a pod have one user."
                say("another user here", refused(text), subject.node_span(node, "user"))
            elif clash:
                text = "the leaves of a pod share its variables, and one of this name is another secret."
                say("this secret", refused(text), subject.node_span(node, "secrets"))


def literal(text: str) -> str:
    """A text of a command or a variable as it arrives: Kubernetes replaces $(NAME), Argo {{name}}."""
    return _SECOND_BRACE.sub(f"$({BRACE})", text.replace("$", "$$"))


def plain(text: str) -> str:
    """A text for people, in one line."""
    return re.sub(r"[\x00-\x1f\x7f]", "?", text.replace("{{", "{ {"))


def seconds(time: float) -> int:
    return math.ceil(time)


def _deadline(node: Data) -> Data:
    return {"activeDeadlineSeconds": str(seconds(node["max_time"]))} if node["max_time"] else {}


def retry_of(node: Data) -> Data:
    retry = node["retry"]
    if retry["attempts"] == 1:
        return {}
    strategy: Data = {"limit": str(retry["attempts"] - 1), "retryPolicy": "OnFailure"}
    if not is_group(node) and (expression := _WORTH_ANOTHER.get(" ".join(sorted(retry["on"])))):
        strategy["expression"] = expression
    if retry["backoff"]:
        whole = retry["backoff"] == round(retry["backoff"])
        pause = f"{round(retry['backoff'])}s" if whole else f"{round(retry['backoff'] * 1000)}ms"
        strategy["backoff"] = {"duration": pause, "factor": "2"}
    return {"retryStrategy": strategy}


_LATE, _KILLED = 'lastRetry.message contains "deadline"', "asInt(lastRetry.exitCode) == 137"
_WORTH_ANOTHER = {
    "": "false",
    "error": f"!({_LATE}) && !({_KILLED})",
    "oom": f"!({_LATE}) && {_KILLED}",
    "timeout": _LATE,
    "error oom": f"!({_LATE})",
    "error timeout": f"{_LATE} || !({_KILLED})",
    "oom timeout": f"{_LATE} || {_KILLED}",
}
"""Which failures are tried again -> the condition on the last attempt; for all of them there is none."""


def _resources(leaves: list[Data]) -> Data:
    found: dict[str, Any] = {}
    most = {key: max((leaf[key] or 0 for leaf in leaves), default=0) for key in ("cpu", "mem", "gpu")}
    if most["cpu"]:
        found["cpu"] = f"{math.ceil(most['cpu'] * 1000)}m"
    if most["mem"]:
        found["memory"] = str(most["mem"])
    if most["gpu"]:
        found["nvidia.com/gpu"] = str(most["gpu"])
    return {"requests": found, "limits": found} if found else {}


def _user(user: str | None) -> Data:
    if user == "root":
        return {"runAsUser": 0}
    match = _NUMERIC.match(user or "")
    if match is None:
        return {}
    return {"runAsUser": int(match[1]), **({"runAsGroup": int(match[2])} if match[2] else {})}


def _by_pairs(pairs: Iterable[tuple[Data, Data]]) -> tuple[list[Data], list[Data]]:
    """Volumes, each once, and mounts."""
    volumes: dict[str, Data] = {}
    mounts = []
    for volume, mount in pairs:
        volumes[volume["name"]] = volume
        mounts.append(mount)
    return list(volumes.values()), mounts
