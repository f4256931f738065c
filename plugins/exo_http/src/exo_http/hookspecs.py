"""The hooks of the front door, and only these."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exo_core import hookspec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractAsyncContextManager

    from starlette.routing import BaseRoute

    from exo_core.node_handle import NodeHandle
    from exo_http.door import Door


@hookspec
def exo_http_routes(node: NodeHandle) -> Sequence[BaseRoute]:
    """Routes to mount, asked once when the server starts. Every guard of the front door stands before them.

    Mark your implementation `@hookimpl(optionalhook=True)`, so that your plugin also loads where `exo_http` is blocked.
    Raise `exo_http.errors.ApiError` in a handler to answer with an error in OpenAI's shape. A plugin that raises here
    is reported and the others keep their routes. An `exo_http.operation.ApiRoute` is also described in `/openapi.json`
    and says which scope a key needs; for any other route that is `admin`. Of two routes for one path the one of the
    plugin whose name sorts first answers.
    """
    raise NotImplementedError  # a specification is never called


@hookspec
def exo_http_entrances(door: Door) -> Sequence[AbstractAsyncContextManager[None]]:
    """Other ways than HTTP by which clients come to the front door: asked once, when the server serves.

    Each is entered then and left before the server stops. Hand requests to `door.answer`: every guard stands before
    them, a key is always needed, and it opens no more than the scopes you let through. Entering may raise `UserError`
    for a setting that cannot be meant; whatever else fails is reported, and the door is open without that entrance.
    Mark your implementation `@hookimpl(optionalhook=True)`.
    """
    raise NotImplementedError  # a specification is never called
