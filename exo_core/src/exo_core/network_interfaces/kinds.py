"""What kind of interface is this, and which of two is better? Pure: from what the system says, or from the name.

Thunderbolt, Ethernet, Wi-Fi, others (mobile, USB, Bluetooth), tunnels (VPNs), virtual ones (of containers and virtual
machines), loopback. Within a kind the faster one is better.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

InterfaceKind = Literal["thunderbolt", "ethernet", "wifi", "other", "tunnel", "virtual", "loopback"]

BEST_FIRST: Final[tuple[InterfaceKind, ...]] = (
    "thunderbolt",
    "ethernet",
    "wifi",
    "other",
    "tunnel",
    "virtual",
    "loopback",
)

_BEGINNINGS: Final[dict[InterfaceKind, str]] = {
    "thunderbolt": "thunderbolt tb bridge0",  # the last is macOS's bridge of its Thunderbolt ports
    "ethernet": "en eth em ib bond Ethernet",
    "wifi": "wl wifi Wi-Fi",
    "other": "ww usb bnep",
    "tunnel": "utun tun tap wg tailscale zt ppp ipsec",
    "virtual": "docker br veth virbr vmnet vmenet vEthernet vbox cni podman lxc lxd awdl llw",
    "loopback": "lo",
}

LOOPBACK_TYPE: Final = 772
TUNNEL_TYPES: Final = (512, 768, 769, 776, 778, 65534)
"""ARPHRD_PPP, TUNNEL, TUNNEL6, SIT, IPGRE and NONE of the Linux kernel (`/sys/class/net/NAME/type`)."""

_DEVICE_TYPES: Final[dict[str, InterfaceKind]] = {"wlan": "wifi", "wwan": "other", "bluetooth": "other"}
_TUNNEL_DEVICES: Final = ("wireguard", "gre", "ip6gre", "ppp")


def kind_by_name(name: str) -> InterfaceKind:
    """What people and systems mostly call so; `other` for what nobody does."""
    best: InterfaceKind = "other"
    longest = 0
    for kind, beginnings in _BEGINNINGS.items():
        for beginning in beginnings.split():
            if name.startswith(beginning) and len(beginning) > longest:
                best, longest = kind, len(beginning)
    return best


@dataclass(frozen=True, kw_only=True)
class KernelFacts:
    """What Linux says of one interface. `stands_on`: the interfaces below a bridge, a bond or a VLAN."""

    type: int = 1
    driver: str = ""
    device_type: str = ""
    wireless: bool = False
    tunnel: bool = False
    device: bool = False
    stands_on: Sequence[str] = ()


def kind_by_kernel(facts: KernelFacts, kind_of: Callable[[str], InterfaceKind]) -> InterfaceKind:
    """Judge by these facts; `kind_of` is asked for what it stands on: a bridge is as good as its best port."""
    if facts.type == LOOPBACK_TYPE:
        return "loopback"
    if facts.tunnel or facts.type in TUNNEL_TYPES or facts.device_type in _TUNNEL_DEVICES:
        return "tunnel"
    if facts.driver.replace("_", "-") == "thunderbolt-net":
        return "thunderbolt"
    if facts.wireless:
        return "wifi"
    if facts.device_type in _DEVICE_TYPES:
        return _DEVICE_TYPES[facts.device_type]
    if facts.stands_on:
        below = [kind_of(name) for name in facts.stands_on]
        return next(kind for kind in BEST_FIRST if kind in below)
    return "ethernet" if facts.device else "virtual"


def kind_by_hardware_port(port: str, name: str) -> InterfaceKind:
    """Judge by what macOS calls a port: `Thunderbolt 1`, `Thunderbolt Bridge`, `Wi-Fi`, `Thunderbolt Ethernet Slot 1`.

    An Ethernet adapter that hangs on a Thunderbolt cable is Ethernet.
    """
    words = port.lower()
    if "wi-fi" in words or "airport" in words:
        return "wifi"
    if "thunderbolt" in words and "ethernet" not in words:
        return "thunderbolt"
    if "ethernet" in words or "lan" in words.split():
        return "ethernet"
    if "iphone" in words or "bluetooth" in words:
        return "other"
    return kind_by_name(name)
