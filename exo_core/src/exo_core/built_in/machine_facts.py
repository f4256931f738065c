"""Built-in plugin `machine`: what this machine is. Read only; a person's settings are never changed."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from exo_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from exo_core.frozen import JsonValue
    from exo_core.identifiers import NodeId


@hookimpl(trylast=True)
def exo_node_facts(node_id: NodeId) -> Mapping[str, JsonValue]:
    """System, chip, cores, memory, disk and network interfaces."""
    import psutil

    del node_id
    return {
        "machine": {
            "system": platform.system(),
            "release": platform.release(),
            "architecture": platform.machine(),
            "python": platform.python_version(),
            "chip": _chip(),
            "cores": psutil.cpu_count(logical=False) or psutil.cpu_count() or 1,
            "threads": psutil.cpu_count() or 1,
            "memory_bytes": psutil.virtual_memory().total,
            "disk_free_bytes": psutil.disk_usage(str(Path.home())).free,
            "interfaces": _interfaces(),
        }
    }


def _chip() -> str:
    """The processor's marketing name where the system tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith(("model name", "Model")):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # no /proc: macOS
    return platform.processor() or platform.machine()


def _interfaces() -> list[JsonValue]:
    """Interfaces that are up, best first: name, kind, addresses, speed in Mbit/s (0: unknown)."""
    from exo_core.network_interfaces.reading import network_interfaces

    return [
        {
            "name": interface.name,
            "kind": interface.kind,
            "mbit_per_s": interface.mbit_per_s,
            "addresses": [str(address.ip) for address in interface.addresses],
        }
        for interface in network_interfaces()
    ]
