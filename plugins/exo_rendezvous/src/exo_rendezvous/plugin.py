"""How is `exo rendezvous` typed, and what may plugins add to it?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from exo_core import hookimpl

if TYPE_CHECKING:
    import pluggy


@click.command("rendezvous")
@click.option("--host", default="0.0.0.0", show_default=True, metavar="HOST", help="Where it is reached.")  # noqa: S104
@click.option("--port", default=52417, show_default=True, type=click.IntRange(0, 65535), metavar="PORT")
@click.option("--certificate", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE")
@click.option("--key", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE")
def rendezvous(host: str, port: int, certificate: Path | None, key: Path | None) -> None:
    """A meeting place for machines behind NATs, for a machine that all of them reach.

    It passes on what it can neither read nor change, keeps nothing, and needs to know nobody. With --certificate and
    --key (PEM) it speaks https; without them it can stand behind a proxy that does.
    """
    from exo_rendezvous.pages import pages_of_plugins
    from exo_rendezvous.serving import serve

    if (certificate is None) != (key is None):
        message = "--certificate and --key belong together"
        raise click.UsageError(message)
    serve(host, port, pages_of_plugins(), certificate=certificate, key=key)


@hookimpl
def exo_add_hookspecs(plugin_manager: pluggy.PluginManager) -> None:
    """Declare `exo_rendezvous_routes`."""
    from exo_rendezvous import hookspecs

    plugin_manager.add_hookspecs(hookspecs)


@hookimpl
def exo_register_commands(group: click.Group) -> None:
    """Add it to `exo`."""
    group.add_command(rendezvous)
