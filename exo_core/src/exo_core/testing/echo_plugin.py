"""The plugin that offers the echo backend. No distribution installs it; a test registers it as a built-in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exo_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from exo_core.backends import BackendFactory
    from exo_core.registers import Register


@hookimpl
def exo_register_backends(register: Register[BackendFactory]) -> None:
    """Offer `echo`."""
    register("echo", "exo_core.testing.echo_backend:EchoBackend")
