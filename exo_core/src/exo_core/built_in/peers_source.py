"""Built-in plugin `peers`: models that other members of the cluster have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exo_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from exo_core.registers import Register
    from exo_core.sources import SourceFactory


@hookimpl
def exo_register_sources(register: Register[SourceFactory]) -> None:
    """Offer the source `peers`."""
    register("peers", "exo_core.model_sharing.peers_source:PeersSource")
