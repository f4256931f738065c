"""What macOS says of its ports: `networksetup -listallhardwareports`, read."""

from __future__ import annotations

from collections.abc import Mapping


def parse_hardware_ports(output: str) -> Mapping[str, str]:
    """Port by device (`en0` → `Wi-Fi`). Lines that say something else are passed over."""
    ports: dict[str, str] = {}
    port = ""
    for line in output.splitlines():
        word, colon, value = line.partition(":")
        if not colon:
            continue
        if word.strip() == "Hardware Port":
            port = value.strip()
        elif word.strip() == "Device" and port and value.strip():
            ports[value.strip()] = port
            port = ""
    return ports
