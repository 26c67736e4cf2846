"""`docker_run_args` as keys of a Compose service."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Sequence

from imgc.targets.subject import Data

Put = Callable[[Data, str, str], None]
"""Of a service, a value, and the folder that relative paths start from."""

SHORT = {"v": "volume", "e": "env", "p": "publish", "l": "label", "h": "hostname", "c": "cpu-shares"}


def put(service: Data, arguments: Sequence[str], folder: str) -> Iterator[str]:
    """Adds the arguments to a service, and gives those for which a Compose file has nothing, or imgc knows nothing."""
    words = iter(arguments)
    for word in words:
        name, equals, value = _long(word).partition("=")
        if name in SWITCHES:
            service[SWITCHES[name]] = value != "false"
            continue
        setter = VALUES.get(name)
        taken = value if equals else next(words, None)
        if setter is None or taken is None:
            yield word
            continue
        try:
            setter(service, taken, folder)
        except ValueError:
            yield f"{word} {taken}"


def _long(word: str) -> str:
    """`-eA=1` and `-e` as `env=A=1` and `env`."""
    if word.startswith("--"):
        return word[2:]
    name, value = SHORT.get(word[1:2], word[1:2]), word[2:].removeprefix("=")
    return f"{name}={value}" if value else name


def volume(source: str, target: str, read_only: bool, folder: str) -> Data:
    """A bind mount that fails where its source is missing, as `imgc run` does."""
    at = source if source.startswith(("/", "~")) else relative(posixpath.join(folder, source))
    made: Data = {"type": "bind", "source": at, "target": target}
    return {**made, **({"read_only": True} if read_only else {}), "bind": {"create_host_path": False}}


def relative(path: str) -> str:
    """As Compose knows it for a path: it begins with a dot."""
    path = posixpath.normpath(path)
    return path if path.startswith("/") or path == "." or path.split("/")[0] == ".." else f"./{path}"


def _text(key: str) -> Put:
    return lambda service, value, _: service.update({key: value})


def _number(key: str) -> Put:
    return lambda service, value, _: service.update({key: int(value)})


def _item(key: str) -> Put:
    return lambda service, value, _: service.setdefault(key, []).append(value)


def _pair(key: str) -> Put:
    def set_pair(service: Data, value: str, _: str) -> None:
        name, equals, text = value.partition("=")
        if not equals:
            raise ValueError("a value of this machine, which is not in the file")
        service.setdefault(key, {})[name] = text

    return set_pair


def _volume(service: Data, value: str, folder: str) -> None:
    source, colon, rest = value.partition(":")
    if not colon:
        service.setdefault("volumes", []).append(source)
        return
    target, _, options = rest.partition(":")
    if not source.startswith((".", "/", "~")) or options not in ("", "ro", "rw"):
        raise ValueError("a volume of the engine's, or options of SELinux and the like")
    service.setdefault("volumes", []).append(volume(source, target, options == "ro", folder))


def _ulimit(service: Data, value: str, _: str) -> None:
    name, _, limits = value.partition("=")
    soft, colon, hard = limits.partition(":")
    made = {"soft": int(soft), "hard": int(hard)} if colon else int(soft)
    service.setdefault("ulimits", {})[name] = made


SWITCHES = {"privileged": "privileged", "read-only": "read_only", "oom-kill-disable": "oom_kill_disable"}

VALUES: dict[str, Put] = {
    "env": _pair("environment"), "label": _pair("labels"), "sysctl": _pair("sysctls"), "storage-opt": _pair("storage_opt"),
    "volume": _volume, "ulimit": _ulimit, "tmpfs": _item("tmpfs"), "device": _item("devices"), "publish": _item("ports"),
    "cap-add": _item("cap_add"), "cap-drop": _item("cap_drop"), "security-opt": _item("security_opt"),
    "group-add": _item("group_add"), "dns": _item("dns"), "dns-search": _item("dns_search"),
    "dns-option": _item("dns_opt"), "add-host": _item("extra_hosts"),
    "ipc": _text("ipc"), "pid": _text("pid"), "uts": _text("uts"), "userns": _text("userns_mode"),
    "cgroupns": _text("cgroup"), "cgroup-parent": _text("cgroup_parent"), "runtime": _text("runtime"),
    "cpuset-cpus": _text("cpuset"), "cpu-shares": _number("cpu_shares"), "pids-limit": _number("pids_limit"),
    "oom-score-adj": _number("oom_score_adj"), "memory-reservation": _text("mem_reservation"),
    "memory-swap": _text("memswap_limit"), "memory-swappiness": _number("mem_swappiness"),
    "hostname": _text("hostname"), "domainname": _text("domainname"), "stop-signal": _text("stop_signal"),
}  # fmt: skip
