"""The open front door, as entrances see it: other ways than HTTP by which clients come to the same routes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as RequestScope

from exo_core.node_handle import NodeHandle
from exo_http.grants import MOST, Grant
from exo_http.key_ring import KeyRing
from exo_http.operation import Scope


@final
class Door:
    """Of one node, while it serves. Belongs to the node's event loop."""

    def __init__(self, node: NodeHandle, application: ASGIApp, keys: KeyRing) -> None:
        self.node = node
        self._application = application
        self._keys = keys

    @property
    def keys(self) -> Mapping[str, Grant]:
        """What each of the cluster's keys grants now, by its SHA-256 in hex, the oldest first.

        The key of `--api-key-file` is not among them.
        """
        return self._keys.of_cluster

    async def answer(self, scope: RequestScope, receive: Receive, send: Send, *, most: frozenset[Scope]) -> None:
        """Answer a request as if it had come by HTTP: every guard stands before it. An ASGI application.

        Unlike there it always needs a key, which opens no more than the scopes of `most`. Whoever calls it says in
        `scope` who the client is (None: not this machine), bounds what comes in, and cancels it when the client goes.
        Raises when an answer that had begun cannot be completed.
        """
        await self._application({**scope, MOST: most}, receive, send)
