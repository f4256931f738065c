"""A plugin for tests of real nodes: the backend `watched_mlx`, which is `mlx` and remarks on what its caches hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exo_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from exo_core.backends import BackendFactory
    from exo_core.registers import Register

NAME = "watched_mlx"


@hookimpl
def exo_register_backends(register: Register[BackendFactory]) -> None:
    """Offer it."""
    register(NAME, "exo_backend_mlx.testing.watched_backend:WatchedBackend")
