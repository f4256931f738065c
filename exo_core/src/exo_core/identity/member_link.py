"""A link on which one side was just admitted by the other, as a link between members.

Each side has proven its node's key under the join code's authority. One holds the cluster's secret, and the other got
it over this link: that is all that a link under the cluster's own authority would prove.
"""

from __future__ import annotations

from typing import final

from exo_core.transports import Buffer, Link, Peer


@final
class MemberLink:
    """A `Link` whose peer is a member's node."""

    def __init__(self, link: Link) -> None:
        """`link` is one between an inviter and a joiner, over which the secret went."""
        self._link = link

    @property
    def peer(self) -> Peer:
        return Peer(node_id=self._link.peer.node_id, role="node")

    @property
    def transport(self) -> str:
        return self._link.transport

    @property
    def address(self) -> str:
        return self._link.address

    async def send(self, *parts: Buffer) -> None:
        await self._link.send(*parts)

    async def receive(self) -> Buffer:
        return await self._link.receive()

    async def close(self) -> None:
        await self._link.close()

    def __repr__(self) -> str:
        return f"MemberLink({self._link!r})"
