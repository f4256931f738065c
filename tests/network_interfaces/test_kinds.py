"""Which kind an interface is, from recorded answers of systems, and which of two is better."""

from __future__ import annotations

import ipaddress
import sys
from pathlib import Path

import pytest

from exo_core.network_interfaces.hardware_ports import parse_hardware_ports
from exo_core.network_interfaces.kinds import (
    InterfaceKind,
    KernelFacts,
    kind_by_hardware_port,
    kind_by_kernel,
    kind_by_name,
)
from exo_core.network_interfaces.leading_to import by_way
from exo_core.network_interfaces.reading import NetworkInterface, best_first, interface_kinds, network_interfaces

MAC_STUDIO = """
Hardware Port: Ethernet
Device: en0
Ethernet Address: 5c:e9:1e:00:00:01

Hardware Port: Ethernet Adapter (en6)
Device: en6
Ethernet Address: 5c:e9:1e:00:00:02

Hardware Port: Thunderbolt Bridge
Device: bridge0
Ethernet Address: 36:a8:02:00:00:00

Hardware Port: Wi-Fi
Device: en1
Ethernet Address: 5c:e9:1e:00:00:03

Hardware Port: Thunderbolt 1
Device: en2
Ethernet Address: 36:a8:02:00:00:01

Hardware Port: Thunderbolt Ethernet Slot 1
Device: en8
Ethernet Address: 00:e0:4c:00:00:01

Hardware Port: USB 10/100/1000 LAN
Device: en9
Ethernet Address: 00:e0:4c:00:00:02

Hardware Port: iPhone USB
Device: en10
Ethernet Address: fe:e2:6c:00:00:01

VLAN Configurations
===================
"""


def test_the_ports_of_a_mac_are_told_apart() -> None:
    kinds = {device: kind_by_hardware_port(port, device) for device, port in parse_hardware_ports(MAC_STUDIO).items()}
    assert kinds == {
        "en0": "ethernet",
        "en6": "ethernet",
        "bridge0": "thunderbolt",
        "en1": "wifi",
        "en2": "thunderbolt",
        "en8": "ethernet",
        "en9": "ethernet",
        "en10": "other",
    }


@pytest.mark.parametrize("output", ["", "nonsense", "Device: en0", "Hardware Port: Wi-Fi\nDevice:\n", ":::\n"])
def test_what_names_no_port_is_passed_over(output: str) -> None:
    assert parse_hardware_ports(output) == {}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("thunderbolt0", "thunderbolt"),
        ("bridge0", "thunderbolt"),
        ("bridge100", "virtual"),
        ("en0", "ethernet"),
        ("enp3s0", "ethernet"),
        ("wlan0", "wifi"),
        ("wwan0", "other"),
        ("utun3", "tunnel"),
        ("wg0", "tunnel"),
        ("docker0", "virtual"),
        ("br-1a2b", "virtual"),
        ("lo", "loopback"),
        ("lo0", "loopback"),
        ("xyz", "other"),
    ],
)
def test_names_say_what_the_system_does_not(name: str, kind: InterfaceKind) -> None:
    assert kind_by_name(name) == kind


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        (KernelFacts(type=772), "loopback"),
        (KernelFacts(driver="thunderbolt-net", device=True), "thunderbolt"),
        (KernelFacts(driver="thunderbolt_net", device=True), "thunderbolt"),
        (KernelFacts(driver="e1000e", device=True), "ethernet"),
        (KernelFacts(driver="iwlwifi", device=True, wireless=True), "wifi"),
        (KernelFacts(driver="cdc_mbim", device=True, device_type="wwan"), "other"),
        (KernelFacts(type=65534, device_type="wireguard"), "tunnel"),
        (KernelFacts(tunnel=True), "tunnel"),
        (KernelFacts(), "virtual"),
        (KernelFacts(device_type="bridge", stands_on=("veth1", "veth2")), "virtual"),
        (KernelFacts(device_type="bridge", stands_on=("eth0", "veth1")), "ethernet"),
        (KernelFacts(device_type="bond", stands_on=("wlan0",)), "wifi"),
    ],
)
def test_the_kernel_knows_and_a_bridge_is_as_good_as_its_best_port(facts: KernelFacts, kind: InterfaceKind) -> None:
    assert kind_by_kernel(facts, kind_by_name) == kind


def test_the_folders_of_the_kernel_are_read(tmp_path: Path) -> None:
    driver = tmp_path / "drivers" / "thunderbolt-net"
    driver.mkdir(parents=True)
    net = tmp_path / "net"
    for name, kind, uevent in [("lo", "772", ""), ("tb-x", "1", ""), ("w", "1", "DEVTYPE=wlan\n"), ("vmbr0", "1", "")]:
        (net / name).mkdir(parents=True)
        (net / name / "type").write_text(kind + "\n")
        (net / name / "uevent").write_text(f"INTERFACE={name}\n{uevent}")
    (net / "tb-x" / "device").mkdir()
    (net / "tb-x" / "device" / "driver").symlink_to(driver)
    (net / "vmbr0" / "lower_tb-x").symlink_to(net / "tb-x")
    assert interface_kinds(frozenset({"lo", "tb-x", "w", "vmbr0", "en5"}), folder=net) == {
        "lo": "loopback",
        "tb-x": "thunderbolt",
        "w": "wifi",
        "vmbr0": "thunderbolt",
        "en5": "ethernet",  # it came this moment: its name must do
    }


def of(name: str, kind: InterfaceKind, *addresses: str, speed: int = 0) -> NetworkInterface:
    return NetworkInterface(
        name=name, kind=kind, mbit_per_s=speed, addresses=tuple(ipaddress.ip_interface(item) for item in addresses)
    )


def test_better_kinds_come_first_then_faster_ones_then_names() -> None:
    shuffled = [
        of("lo", "loopback"),
        of("docker0", "virtual", speed=10_000),
        of("utun3", "tunnel"),
        of("wwan0", "other"),
        of("wlan0", "wifi", speed=2_400),
        of("eth1", "ethernet", speed=1_000),
        of("eth0", "ethernet", speed=1_000),
        of("eth2", "ethernet", speed=10_000),
        of("thunderbolt0", "thunderbolt"),
    ]
    order = ["thunderbolt0", "eth2", "eth0", "eth1", "wlan0", "wwan0", "utun3", "docker0", "lo"]
    assert [interface.name for interface in best_first(shuffled)] == order


def test_of_a_peers_addresses_the_one_on_our_best_network_comes_first() -> None:
    ours = [
        of("thunderbolt0", "thunderbolt", "169.254.7.7/16"),
        of("wlan0", "wifi", "192.168.1.5/24", "2001:db8:1::5/64", "fe80::5/64"),
        of("lo", "loopback", "127.0.0.1/8"),
    ]
    theirs = ["127.0.0.1", "fe80::9%3", "10.9.9.9", "192.168.1.9", "2001:db8:1::9", "169.254.1.1", "nonsense"]
    assert by_way(theirs, ours) == [
        "169.254.1.1",
        "192.168.1.9",
        "2001:db8:1::9",
        "fe80::9%3",
        "10.9.9.9",
        "127.0.0.1",
    ]


def test_this_machine_ends_with_its_loopback() -> None:
    interfaces = network_interfaces()
    assert interfaces[-1].kind == "loopback"
    assert any(address.ip == ipaddress.ip_address("127.0.0.1") for address in interfaces[-1].addresses)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's folders are Linux's")
def test_linux_judges_loopback_by_its_type() -> None:
    assert interface_kinds(frozenset({"lo"})) == {"lo": "loopback"}
