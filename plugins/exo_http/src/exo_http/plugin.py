"""What `exo_http` offers: the HTTP server as a service, and a hook by which other plugins mount routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exo_core import hookimpl

if TYPE_CHECKING:
    import pluggy

    from exo_core.node_handle import Service
    from exo_core.registers import Register


@hookimpl
def exo_add_hookspecs(plugin_manager: pluggy.PluginManager) -> None:
    """Declare `exo_http_routes`."""
    from exo_http import hookspecs

    plugin_manager.add_hookspecs(hookspecs)


@hookimpl
def exo_register_services(register: Register[type[Service]]) -> None:
    """Offer the server; it is imported when a node starts its services."""
    register("http", "exo_http.service:HttpService")
