"""What exo finds under the entry point `webrtc`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exo_core.hookspecs import hookimpl

if TYPE_CHECKING:  # this module is imported by every command
    from exo_core.registers import Register
    from exo_core.transports import TransportFactory


@hookimpl
def exo_register_transports(register: Register[TransportFactory]) -> None:
    """Offer `webrtc`."""
    register("webrtc", "exo_transport_webrtc.transport:WebrtcTransport")
