"""What exo finds under the entry point `zeroconf`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exo_core import hookimpl

if TYPE_CHECKING:  # this module is imported by every command
    from exo_core.node_handle import Service
    from exo_core.registers import Register


@hookimpl
def exo_register_discoveries(register: Register[type[Service]]) -> None:
    """Offer it; the library is imported when a node has something to announce."""
    register("zeroconf", "exo_discovery_zeroconf.discovery:ZeroconfDiscovery")
