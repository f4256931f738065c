"""What `exo_web_client` offers: an entrance for browsers, their page at a rendezvous, and `exo web-client`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from exo_core import hookimpl

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractAsyncContextManager

    from starlette.routing import BaseRoute

    from exo_http.door import Door


@click.command("web-client")
def web_client() -> None:
    """Print the page by which a browser asks this cluster from anywhere: exo web-client > exo.html

    Opened as a file, it is the one that came with this exo, whoever runs the rendezvous. It needs an API key
    (exo key create), and nodes that know the rendezvous (EXO_WEBRTC_RENDEZVOUS).
    """
    from exo_web_client.page import document

    click.echo(document().html, nl=False)


@hookimpl
def exo_register_commands(group: click.Group) -> None:
    """Add it to `exo`."""
    group.add_command(web_client)


@hookimpl(optionalhook=True)
def exo_http_entrances(door: Door) -> Sequence[AbstractAsyncContextManager[None]]:
    """Browsers come in over WebRTC."""
    from exo_web_client.entrance import browsers_entrance

    return [browsers_entrance(door)]


@hookimpl(optionalhook=True)
def exo_rendezvous_routes() -> Sequence[BaseRoute]:
    """The page, where nodes and browsers meet."""
    from exo_web_client.page import page_route

    return [page_route()]
