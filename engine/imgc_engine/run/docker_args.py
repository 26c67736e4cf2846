"""`docker_run_args` as parts of the engine's own container description. What is not known here is refused."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from imgc.records import dataclass, field

Put = Callable[["Extra", str, Path], None]


@dataclass(slots=True)
class Extra:
    """Additions to a container:

    its configuration, its host's part, and variables. `root`: what makes it root on the host, in words,
    when anything does.
    """

    config: dict[str, Any] = field(default_factory=dict)
    host: dict[str, Any] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    binds: list[str] = field(default_factory=list)
    root: list[str] = field(default_factory=list)


class NotExpressible(ValueError):
    """An argument that cannot be honoured. The text is a sentence."""


HAVE_KEYS = {
    "cpus": "cpu", "memory": "mem", "network": "network", "net": "network", "gpus": "gpu", "shm-size": "shm_size",
    "user": "user", "workdir": "workdir", "entrypoint": "run",
}  # fmt: skip
OURS = frozenset({
    "name", "rm", "detach", "interactive", "tty", "attach", "init", "cidfile", "log-driver", "log-opt", "restart",
    "sig-proxy", "detach-keys", "pull", "quiet", "health-cmd", "no-healthcheck", "platform",
})  # fmt: skip
SHORT = {
    "v": "volume", "e": "env", "p": "publish", "l": "label", "h": "hostname", "c": "cpu-shares",
    "u": "user", "w": "workdir", "m": "memory", "d": "detach", "i": "interactive", "t": "tty", "a": "attach",
    "q": "quiet", "P": "publish-all",
}  # fmt: skip
AS_ROOT = frozenset({"ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_RAWIO", "SYS_PTRACE", "DAC_READ_SEARCH"})


def parse(arguments: Sequence[str], project: Path) -> Extra:
    """All arguments together. Relative sources of `-v` start at the project. NotExpressible."""
    extra = Extra()
    words = iter(arguments)
    for word in words:
        name, value = _split(word)
        if name in HAVE_KEYS:
            raise NotExpressible(f"{word!r} has a key of its own: {HAVE_KEYS[name]}.")
        if name in OURS:
            raise NotExpressible(f"{word!r} is for imgc to decide: leave it out.")
        if name in SWITCHES:
            _switch(extra, name, value)
            continue
        put = VALUES.get(name)
        if put is None:
            raise NotExpressible(f"{word!r} is not known to imgc as an argument of `docker run`.")
        if value is None and (value := next(words, None)) is None:
            raise NotExpressible(f"{word!r} lacks its value.")
        try:
            put(extra, value, project)
        except (ValueError, IndexError):
            raise NotExpressible(f"The value {value!r} of {name!r} makes no sense.") from None
    return extra


def _split(word: str) -> tuple[str, str | None]:
    """Long name, and the value when it is in the same word."""
    if word.startswith("--"):
        name, equals, value = word[2:].partition("=")
        return name, value if equals else None
    if re.fullmatch(r"-[A-Za-z].*", word, re.DOTALL):
        return SHORT.get(word[1], word), word[2:].removeprefix("=") or None
    raise NotExpressible(f"{word!r} is no option of `docker run`.")


SWITCHES = {
    "privileged": "Privileged",
    "read-only": "ReadonlyRootfs",
    "oom-kill-disable": "OomKillDisable",
    "publish-all": "PublishAllPorts",
}


def _switch(extra: Extra, name: str, value: str | None) -> None:
    if value not in (None, "true", "false"):
        raise NotExpressible(f"--{name} is on or off, not {value!r}.")
    extra.host[SWITCHES[name]] = value != "false"
    if name == "privileged" and value != "false":
        extra.root.append("--privileged")


def _text(key: str) -> Put:
    return lambda extra, value, _project: extra.host.update({key: value})


def _mode(key: str) -> Put:
    def put(extra: Extra, value: str, _project: Path) -> None:
        extra.host[key] = value
        if value == "host" and key != "IpcMode":
            extra.root.append(f"{key.removesuffix('Mode').lower()} of the host")

    return put


def _number(key: str) -> Put:
    return lambda extra, value, _project: extra.host.update({key: int(value)})


def _size(key: str) -> Put:
    return lambda extra, value, _project: extra.host.update({key: size(value)})


def _list(key: str) -> Put:
    return lambda extra, value, _project: extra.host.setdefault(key, []).append(value)


def _pair(key: str) -> Put:
    def put(extra: Extra, value: str, _project: Path) -> None:
        name, _, rest = value.partition("=")
        extra.host.setdefault(key, {})[name] = rest

    return put


def _of_config(key: str) -> Put:
    return lambda extra, value, _project: extra.config.update({key: value})


def _capability(extra: Extra, value: str, _project: Path) -> None:
    extra.host.setdefault("CapAdd", []).append(value)
    if value.upper().removeprefix("CAP_") in AS_ROOT:
        extra.root.append(f"--cap-add {value}")


def _env(extra: Extra, value: str, _project: Path) -> None:
    name, equals, text = value.partition("=")
    if not equals:
        raise NotExpressible(f"'-e {name}' would take a value from the host: write it, or use secrets.")
    extra.env[name] = text


def _label(extra: Extra, value: str, _project: Path) -> None:
    name, _, text = value.partition("=")
    if name.startswith("imgc."):
        raise NotExpressible(f"The label {name!r} is imgc's own.")
    extra.labels[name] = text


def _volume(extra: Extra, value: str, project: Path) -> None:
    source, colon, rest = value.partition(":")
    if not colon:
        extra.config.setdefault("Volumes", {})[source] = {}
        return
    if source.startswith((".", "~")):
        source = str((project / Path(source).expanduser()).absolute())
    extra.binds.append(f"{source}:{rest}")


def _mount(extra: Extra, value: str, project: Path) -> None:
    fields = {name: text for name, _, text in (field.partition("=") for field in next(csv.reader([value])))}
    kind = fields.pop("type", "volume")
    source = fields.pop("source", fields.pop("src", ""))
    if kind == "bind":
        source = str((project / source).absolute())
    target = fields.pop("target", fields.pop("dst", fields.pop("destination", "")))
    read_only = fields.pop("readonly", fields.pop("ro", "false")) in ("", "true", "1")
    if fields or not target or kind not in ("bind", "volume", "tmpfs"):
        raise NotExpressible(
            f"imgc cannot express the mount {value!r}; it knows type, source, target, readonly."
        )
    made = {"Type": kind, "Source": source, "Target": target, "ReadOnly": read_only}
    extra.host.setdefault("Mounts", []).append(made)


def _publish(extra: Extra, value: str, _project: Path) -> None:
    ports, _, protocol = value.partition("/")
    *host, inner = ports.rsplit(":", 2)
    port = f"{int(inner)}/{protocol or 'tcp'}"
    extra.config.setdefault("ExposedPorts", {})[port] = {}
    binding = {"HostPort": host[-1] if host else "", "HostIp": host[0].strip("[]") if len(host) > 1 else ""}
    extra.host.setdefault("PortBindings", {}).setdefault(port, []).append(binding)


def _device(extra: Extra, value: str, _project: Path) -> None:
    source, _, rest = value.partition(":")
    target, _, rights = rest.partition(":")
    made = {"PathOnHost": source, "PathInContainer": target or source, "CgroupPermissions": rights or "rwm"}
    extra.host.setdefault("Devices", []).append(made)


def _ulimit(extra: Extra, value: str, _project: Path) -> None:
    name, _, limits = value.partition("=")
    soft, _, hard = limits.partition(":")
    made = {"Name": name, "Soft": int(soft), "Hard": int(hard or soft)}
    extra.host.setdefault("Ulimits", []).append(made)


def _tmpfs(extra: Extra, value: str, _project: Path) -> None:
    target, _, options = value.partition(":")
    extra.host.setdefault("Tmpfs", {})[target] = options


def _stop_timeout(extra: Extra, value: str, _project: Path) -> None:
    extra.config["StopTimeout"] = int(value)


VALUES: Mapping[str, Put] = {
    "volume": _volume, "mount": _mount, "tmpfs": _tmpfs, "device": _device,
    "env": _env, "label": _label, "publish": _publish, "ulimit": _ulimit, "cap-add": _capability,
    "cap-drop": _list("CapDrop"), "security-opt": _list("SecurityOpt"), "group-add": _list("GroupAdd"),
    "dns": _list("Dns"), "dns-search": _list("DnsSearch"), "dns-option": _list("DnsOptions"),
    "add-host": _list("ExtraHosts"), "sysctl": _pair("Sysctls"), "storage-opt": _pair("StorageOpt"),
    "ipc": _mode("IpcMode"), "pid": _mode("PidMode"), "uts": _mode("UTSMode"), "userns": _mode("UsernsMode"),
    "cgroupns": _text("CgroupnsMode"), "cgroup-parent": _text("CgroupParent"), "runtime": _text("Runtime"),
    "cpuset-cpus": _text("CpusetCpus"), "cpuset-mems": _text("CpusetMems"), "cpu-shares": _number("CpuShares"),
    "pids-limit": _number("PidsLimit"), "oom-score-adj": _number("OomScoreAdj"),
    "blkio-weight": _number("BlkioWeight"), "memory-reservation": _size("MemoryReservation"),
    "memory-swap": _size("MemorySwap"), "memory-swappiness": _number("MemorySwappiness"),
    "hostname": _of_config("Hostname"), "domainname": _of_config("Domainname"),
    "stop-signal": _of_config("StopSignal"), "stop-timeout": _stop_timeout,
}  # fmt: skip


def size(text: str) -> int:
    """Bytes of `512m`, `2g`, `-1`, as Docker reads them. ValueError."""
    found = re.fullmatch(r"(-?\d+(?:\.\d+)?) ?([bkmgt]?)i?b?", text.strip().lower())
    if found is None:
        raise ValueError(text)
    return int(float(found[1]) * 1024 ** "bkmgt".index(found[2] or "b"))


def absolute(arguments: Sequence[str], project: Path) -> list[str]:
    """The arguments as `docker run` takes them anywhere: without sources of mounts that are relative.

    NotExpressible, as `parse`.
    """
    parse(arguments, project)
    made, words = [], iter(arguments)
    for word in words:
        name, value = _split(word)
        if name not in ("volume", "mount"):
            made.append(word)
            if value is None and name in VALUES:
                made.append(next(words))
            continue
        value = next(words) if value is None else value
        extra = Extra()
        VALUES[name](extra, value, project)
        made.append(f"--{name}={_absolute(name, value, extra)}")
    return made


def _absolute(name: str, value: str, extra: Extra) -> str:
    if name == "volume":
        return extra.binds[0] if extra.binds else value
    mount = extra.host["Mounts"][0]
    fields = [f"type={mount['Type']}", f"source={mount['Source']}", f"target={mount['Target']}"]
    row = io.StringIO()
    csv.writer(row, lineterminator="").writerow([*fields, *(["readonly"] if mount["ReadOnly"] else [])])
    return row.getvalue()


def bind_sources(extra: Extra) -> Iterator[str]:
    """Paths of the host that the container gets."""
    yield from (bind.partition(":")[0] for bind in extra.binds if bind.startswith("/"))
    yield from (mount["Source"] for mount in extra.host.get("Mounts", ()) if mount["Type"] == "bind")
