"""This machine's interfaces as they are now. Read only: nothing of a person's network is ever changed."""

from __future__ import annotations

import ipaddress
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from exo_core.network_interfaces.hardware_ports import parse_hardware_ports
from exo_core.network_interfaces.kinds import (
    BEST_FIRST,
    InterfaceKind,
    KernelFacts,
    kind_by_hardware_port,
    kind_by_kernel,
    kind_by_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

LINUX_FOLDER: Final = Path("/sys/class/net")
DEEPEST_STACK: Final = 4
"""A bond in a bridge in a VLAN is enough."""
PATIENCE_S: Final = 2.0

InterfaceAddress = ipaddress.IPv4Interface | ipaddress.IPv6Interface


@dataclass(frozen=True, kw_only=True)
class NetworkInterface:
    """One that is up. `mbit_per_s` 0: unknown. Addresses come with their networks, IPv4 first."""

    name: str
    kind: InterfaceKind
    mbit_per_s: int
    addresses: tuple[InterfaceAddress, ...]


def network_interfaces() -> Sequence[NetworkInterface]:
    """Those that are up, best first. Takes about a millisecond; on macOS tens of them when one came or went."""
    import psutil

    states = {name: state for name, state in psutil.net_if_stats().items() if state.isup}
    addresses = psutil.net_if_addrs()
    kinds = interface_kinds(frozenset(states))
    found = [
        NetworkInterface(
            name=name,
            kind=kinds[name],
            mbit_per_s=max(0, state.speed),
            addresses=tuple(_addresses(addresses.get(name, ()))),
        )
        for name, state in states.items()
    ]
    return best_first(found)


def best_first(interfaces: Iterable[NetworkInterface]) -> Sequence[NetworkInterface]:
    """By kind, then by speed, then by name."""
    return sorted(interfaces, key=lambda item: (BEST_FIRST.index(item.kind), -item.mbit_per_s, item.name))


def interface_kinds(names: frozenset[str], *, folder: Path = LINUX_FOLDER) -> Mapping[str, InterfaceKind]:
    """The kind of each, by the kernel on Linux, by its hardware ports on macOS, else by its name."""
    if folder.is_dir():
        return {name: _kernel_kind(name, folder, DEEPEST_STACK) for name in names}
    ports = _hardware_ports(names) if sys.platform == "darwin" else dict[str, str]()
    return {name: kind_by_hardware_port(ports[name], name) if name in ports else kind_by_name(name) for name in names}


def _kernel_kind(name: str, folder: Path, depth: int) -> InterfaceKind:
    own = folder / name
    if not depth or not own.is_dir():
        return kind_by_name(name)
    return kind_by_kernel(kernel_facts(own), lambda below: _kernel_kind(below, folder, depth - 1))


def kernel_facts(own: Path) -> KernelFacts:
    """What the kernel's folder of an interface says; what cannot be read is left at its default."""
    kind = _word(own / "type")
    device_types = [
        line.partition("=")[2] for line in _word(own / "uevent").splitlines() if line.startswith("DEVTYPE=")
    ]
    driver = own / "device" / "driver"
    return KernelFacts(
        type=int(kind) if kind.isdecimal() else KernelFacts.type,
        driver=driver.resolve().name if driver.exists() else "",
        device_type=next(iter(device_types), ""),
        wireless=(own / "wireless").exists() or (own / "phy80211").exists(),
        tunnel=(own / "tun_flags").exists(),
        device=(own / "device").exists(),
        stands_on=tuple(sorted(below.name.removeprefix("lower_") for below in own.glob("lower_*"))),
    )


def _word(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:  # it went away this moment, or this kernel has no such file
        return ""


@lru_cache(maxsize=1)
def _hardware_ports(names: frozenset[str]) -> Mapping[str, str]:
    """Asked again only when an interface came or went (`names`); nothing when the system does not tell."""
    del names
    command = ["/usr/sbin/networksetup", "-listallhardwareports"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return {}
    return parse_hardware_ports(told.stdout)


class _Entry(Protocol):
    """What psutil says of one address."""

    @property
    def address(self) -> str: ...
    @property
    def netmask(self) -> str | None: ...


def _addresses(entries: Iterable[_Entry]) -> Iterator[InterfaceAddress]:
    parsed = [address for entry in entries if (address := _address(entry.address, entry.netmask)) is not None]
    yield from sorted(parsed, key=lambda address: address.version)


def _address(address: str, netmask: str | None) -> InterfaceAddress | None:
    """None for what is no IP address: hardware addresses stand in the same list."""
    try:
        plain = ipaddress.ip_address(address)
        bits = plain.max_prefixlen if not netmask else int(ipaddress.ip_address(netmask)).bit_count()
        return ipaddress.ip_interface(f"{address}/{bits}")
    except ValueError:
        return None
