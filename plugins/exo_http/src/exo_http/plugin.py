"""What `exo_http` offers: the HTTP server as a service, hooks by which other plugins add to it, and `exo key`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from exo_core import hookimpl

if TYPE_CHECKING:
    import pluggy

    from exo_core.node_handle import Service
    from exo_core.registers import Register

HELP = "API keys: make, list and revoke them. They hold on every node of the cluster."


class KeyGroup(click.Group):
    """`exo key`, whose subcommands are imported when it is used: `exo --help` imports entry modules only."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All of them."""
        return self._real().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One of them."""
        return self._real().get_command(ctx, cmd_name)

    def _real(self) -> click.Group:
        from exo_http.key_commands import command

        return command


@hookimpl
def exo_add_hookspecs(plugin_manager: pluggy.PluginManager) -> None:
    """Declare `exo_http_routes` and `exo_http_entrances`."""
    from exo_http import hookspecs

    plugin_manager.add_hookspecs(hookspecs)


@hookimpl
def exo_register_commands(group: click.Group) -> None:
    """`exo key`."""
    group.add_command(KeyGroup("key", help=HELP))


@hookimpl
def exo_register_services(register: Register[type[Service]]) -> None:
    """Offer the server; it is imported when a node starts its services."""
    register("http", "exo_http.service:HttpService")
