"""The engine's bridge and its way out, made here and not by dockerd.

dockerd runs with `iptables: false`: the chains that it would write are one set per machine, which a second
engine would share and break. Three rules for one block of addresses do the same and can be taken away again.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .commands import HarnessError, locked, run, which

LOCK = Path("/run/imgc-test.lock")
RANGE = ipaddress.IPv4Network("10.77.0.0/16")
BLOCKS = list(RANGE.subnets(new_prefix=21))


@dataclass(frozen=True, slots=True)
class Network:
    bridge: str
    block: ipaddress.IPv4Network
    """All addresses of the engine: its bridge has the first /24, networks of the tests the upper half."""

    @property
    def gateway(self) -> ipaddress.IPv4Interface:
        return ipaddress.IPv4Interface(f"{self.block[1]}/24")

    @property
    def pool(self) -> ipaddress.IPv4Network:
        return list(self.block.subnets(prefixlen_diff=1))[1]

    def up(self) -> None:
        if not _exists(self.bridge):
            run(["ip", "link", "add", "name", self.bridge, "type", "bridge"])
        if f" {self.gateway} " not in run(["ip", "-oneline", "address", "show", "dev", self.bridge]):
            run(["ip", "address", "flush", "dev", self.bridge])
            run(["ip", "address", "add", str(self.gateway), "dev", self.bridge])
        run(["ip", "link", "set", self.bridge, "up"])
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        for table, chain, rule in self._rules():
            if not _accepts([_iptables(), "-w", "-t", table, "-C", chain, *rule]):
                run([_iptables(), "-w", "-t", table, "-I", chain, *rule])

    def down(self) -> None:
        for table, chain, rule in self._rules():
            while _accepts([_iptables(), "-w", "-t", table, "-D", chain, *rule]):
                pass
        run(["ip", "link", "delete", self.bridge])

    def _rules(self) -> Iterator[tuple[str, str, list[str]]]:
        block = str(self.block)
        yield "nat", "POSTROUTING", ["-s", block, "!", "-d", block, "-j", "MASQUERADE"]
        yield "filter", "FORWARD", ["-s", block, "-j", "ACCEPT"]
        yield "filter", "FORWARD", ["-d", block, "-j", "ACCEPT"]


def network_up(bridge: str) -> Network:
    """The bridge with a block of addresses that nothing else on the machine uses, made where missing."""
    with locked(LOCK):  # two engines that start at once must not choose the same block
        network = _network_of(bridge)
        network.up()
        return network


def network_down(bridge: str) -> None:
    if _exists(bridge):
        _network_of(bridge).down()


def _network_of(bridge: str) -> Network:
    """With the block that the bridge has; with a free one when it has none, or another took the same."""
    own: list[ipaddress.IPv4Interface] = []
    others: list[ipaddress.IPv4Network] = []
    for link in json.loads(run(["ip", "-json", "-4", "address"])):
        for address in link["addr_info"]:
            interface = ipaddress.IPv4Interface(f"{address['local']}/{address['prefixlen']}")
            if link["ifname"] == bridge:
                own.append(interface)
            else:
                others.append(interface.network)
    for block in BLOCKS:
        network = Network(bridge, block)
        if any(address in block for address in own):  # its engine's own networks are in the pool
            taken = [other for other in others if block.overlaps(other) and not other.subnet_of(network.pool)]
            if not taken:
                return network
    for block in BLOCKS:
        if not any(block.overlaps(other) for other in others):
            return Network(bridge, block)
    raise HarnessError(f"No addresses for {bridge}: other interfaces of this machine use all of {RANGE}.")


def _exists(link: str) -> bool:
    return Path("/sys/class/net", link).exists()


def outer_mtu() -> int:
    """The packet size on the way out: a container that sends larger ones may hang in a download."""
    routes = json.loads(run(["ip", "-json", "-4", "route", "show", "default"]))
    sizes = [int(Path("/sys/class/net", route["dev"], "mtu").read_text()) for route in routes]
    return min(sizes, default=1500)


@cache
def _iptables() -> str:
    """The first flavour that this kernel answers: nft or the older one."""
    for name in ("iptables", "iptables-nft", "iptables-legacy"):
        program = which(name)
        if program and _accepts([str(program), "-w", "-t", "nat", "-S"]):
            return str(program)
    raise HarnessError("No iptables works on this machine: containers would have no network.")


def _accepts(argv: list[str]) -> bool:
    try:
        run(argv)
    except HarnessError:
        return False
    return True
