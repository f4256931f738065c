"""By which addresses can others reach this machine, and which of them is best?"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping, Sequence

import psutil

MAXIMUM_PER_INTERFACE = 2
"""Of one interface and one kind of address: machines collect many temporary IPv6 addresses."""

_RANKS = (
    (("thunderbolt", "bridge"), 0),  # macOS names its Thunderbolt bridge bridge0
    (("en", "eth", "em", "ib", "bond"), 1),
    (("wl", "wifi", "ww"), 2),
    (("utun", "tun", "tap", "wg", "tailscale", "zt", "ppp"), 3),
    (("docker", "br-", "veth", "virbr", "vmnet", "vbox", "cni", "podman", "lxc", "lxd", "awdl", "llw"), 5),
    (("lo",), 9),
)
_UNKNOWN_RANK = 4


def rank(interface: str) -> int:
    """Lower is better, by the interface's name: Thunderbolt, Ethernet, Wi-Fi, tunnels, unknown, virtual, loopback."""
    fitting = [(len(start), value) for starts, value in _RANKS for start in starts if interface.startswith(start)]
    return max(fitting)[1] if fitting else _UNKNOWN_RANK


def own_addresses(family: socket.AddressFamily) -> Sequence[str]:
    """The usable addresses of that family (AF_INET or AF_INET6), best first, loopback last."""
    states = psutil.net_if_stats()
    by_interface = {
        name: [entry.address for entry in entries if entry.family == family]
        for name, entries in psutil.net_if_addrs().items()
        if name not in states or states[name].isup
    }
    return ordered(by_interface)


def ordered(by_interface: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """The addresses of these interfaces that make sense on another machine, best first."""
    names = sorted(by_interface, key=lambda name: (rank(name), name))
    return [
        address
        for name in names
        for address in [item for item in by_interface[name] if _is_usable(item)][:MAXIMUM_PER_INTERFACE]
    ]


def _is_usable(address: str) -> bool:
    """Link-local IPv6 needs a zone, which has another name on every machine. Link-local IPv4 is fine (Thunderbolt)."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return not (parsed.is_multicast or parsed.is_unspecified or (parsed.version == 6 and parsed.is_link_local))
