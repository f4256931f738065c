"""The entry point: names and where to find them. What they need is imported when one of them is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exo_core import hookimpl

if TYPE_CHECKING:
    from exo_core.backends import BackendFactory
    from exo_core.registers import Register
    from exo_core.sources import SourceFactory
    from exo_core.transports import TransportFactory


@hookimpl
def exo_register_transports(register: Register[TransportFactory]) -> None:
    """Offer `pigeon`."""
    register("pigeon", "pigeon.transport:PigeonTransport")


@hookimpl
def exo_register_backends(register: Register[BackendFactory]) -> None:
    """Offer `parrot`."""
    register("parrot", "pigeon.parrot:ParrotBackend")


@hookimpl
def exo_register_sources(register: Register[SourceFactory]) -> None:
    """Offer `loft`."""
    register("loft", "pigeon.loft:LoftSource")
