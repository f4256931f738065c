"""The plugin's entry point: what it registers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exo_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from exo_core.backends import BackendFactory
    from exo_core.registers import Register


@hookimpl
def exo_register_backends(register: Register[BackendFactory]) -> None:
    """Offer the backend `mlx`."""
    register("mlx", "exo_backend_mlx.backend:MlxBackend")
