"""What a service may use, and what has no key but an argument of `docker run`."""

from __future__ import annotations

from imgc.document.nodes import Mapping, Scalar, Sequence
from imgc.importing.compose.images import size
from imgc.importing.compose.values import ComposeFields
from imgc.importing.draft import Block, Given, like

_LISTS = {
    "cap_add": "--cap-add", "cap_drop": "--cap-drop", "devices": "--device", "dns": "--dns", "dns_opt": "--dns-option",
    "dns_search": "--dns-search", "security_opt": "--security-opt", "group_add": "--group-add", "tmpfs": "--tmpfs",
    "ports": "--publish",
}  # fmt: skip
_PAIRS = {"labels": "--label", "sysctls": "--sysctl", "storage_opt": "--storage-opt"}
_TEXTS = {
    "hostname": "--hostname", "domainname": "--domainname", "ipc": "--ipc", "pid": "--pid", "uts": "--uts", "userns_mode": "--userns",
    "cgroup": "--cgroupns", "cgroup_parent": "--cgroup-parent", "runtime": "--runtime", "cpuset": "--cpuset-cpus",
    "cpu_shares": "--cpu-shares", "pids_limit": "--pids-limit", "oom_score_adj": "--oom-score-adj", "stop_signal": "--stop-signal",
    "mem_reservation": "--memory-reservation", "memswap_limit": "--memory-swap", "mem_swappiness": "--memory-swappiness",
}  # fmt: skip
_SWITCHES = {
    "privileged": "--privileged",
    "read_only": "--read-only",
    "oom_kill_disable": "--oom-kill-disable",
}


def run_arguments(fields: ComposeFields) -> list[str]:
    """What has no key, but an argument of `docker run`."""
    found: list[str] = []
    for key, option in _LISTS.items():
        found += [like(f"{option}={text}", text) for text in fields.texts(key) or ()]
    for key, option in _PAIRS.items():
        found += [like(f"{option}={name}={value or ''}", value) for name, value in fields.pairs(key) or ()]
    for name, value in fields.pairs("extra_hosts") or ():
        found.append(like(f"--add-host={name}" + (f":{value}" if value is not None else ""), value))
    for key, option in _TEXTS.items():
        if (text := fields.text(key)) is not None:
            found.append(like(f"{option}={text}", text))
    found += [option for key, option in _SWITCHES.items() if fields.flag(key)]
    return found


def resources(fields: ComposeFields, block: Block) -> None:
    """`deploy.resources`, and the older keys for the same."""
    _limits(fields, {"cpus": "cpu", "mem_limit": "mem"}, block)
    if (gpus := fields.text("gpus")) is not None:
        block.set("gpu", 1, fields.at("gpus"), note=f"gpus: {gpus}")
    deploy = fields.inner("deploy")
    inner = deploy.inner("resources") if deploy is not None else None
    limits = inner.inner("limits") if inner is not None else None
    if limits is not None:
        _limits(limits, {"cpus": "cpu", "memory": "mem"}, block)
    reservations = inner.inner("reservations") if inner is not None else None
    if reservations is not None:
        _gpus(reservations, block)
    for part in (limits, reservations, inner, deploy):
        if part is not None:
            part.done()


def _limits(fields: ComposeFields, keys: dict[str, str], block: Block) -> None:
    for key, ours in keys.items():
        if (text := fields.text(key)) is not None:
            block.set(ours, like(size(text), text) if ours == "mem" else _cpus(text), fields.at(key))


def _cpus(text: str) -> Given:
    try:
        number = float(text)
        return int(number) if number.is_integer() else number
    except (ValueError, OverflowError):
        return text


def _gpus(reservations: ComposeFields, block: Block) -> None:
    """`capabilities: [gpu]` of one device is a number of GPUs."""
    listed = reservations.peek("devices")
    items = listed.items if isinstance(listed, Sequence) else ()
    if len(items) != 1 or not isinstance(items[0], Mapping):
        return
    device = items[0]
    named, count = device.get("capabilities"), device.get("count")
    names = [item.text for item in named if isinstance(item, Scalar)] if isinstance(named, Sequence) else []
    if names == ["gpu"] and isinstance(count, Scalar) and isinstance(count.value, int):
        reservations.node("devices")
        block.set("gpu", count.value, reservations.at("devices"))
