"""The side channel by which two parties arrange a link of their own: nodes and runners, over the cluster's links.

A node's transports get a `Signaller` each; what is meant for one of its runners goes down that runner's pipe, and
what a runner sends comes up it. Everything is best effort.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Annotated, final

from pydantic import Field, TypeAdapter

from exo_core.frozen import Frozen
from exo_core.identifiers import NodeId, RunnerId
from exo_core.identity.leaf import RUNNER_PREFIX
from exo_core.messaging import Messenger, Topic
from exo_core.transports import Peer

logger = logging.getLogger(__name__)

LARGEST_SIGNAL_BYTES = 64 * 1024
MOST_WAITING = 256
"""Signals that a transport has not read; later ones are lost."""

ToRunner = Callable[[RunnerId, Peer, bytes], None]


class Signal(Frozen):
    """From one party to another. `transport` names the transport of a node that it is for; empty for a runner."""

    sender_role: str
    role: str
    transport: str
    message: Annotated[bytes, Field(max_length=LARGEST_SIGNAL_BYTES)]


SIGNAL_TOPIC: Topic[Signal] = Topic("signal", TypeAdapter(Signal))


@final
class NodeSignaller:
    """The `Signaller` of one transport of this node."""

    def __init__(self, send: Callable[[Peer, str, bytes], None], transport: str) -> None:
        self._send = send
        self._transport = transport
        self.arrived: asyncio.Queue[tuple[Peer, bytes]] = asyncio.Queue(MOST_WAITING)

    async def send(self, peer: Peer, message: bytes) -> None:
        """See `Signaller`."""
        self._send(peer, self._transport, message)

    async def receive(self) -> tuple[Peer, bytes]:
        """See `Signaller`."""
        return await self.arrived.get()


@final
class Switchboard:
    """Passes signals between this node's transports, its runners, and other nodes."""

    def __init__(self, to_runner: ToRunner) -> None:
        self._to_runner = to_runner
        self._signallers: dict[str, NodeSignaller] = {}
        self._messenger: Messenger | None = None

    def signaller(self, transport: str) -> NodeSignaller:
        """For the transport of that name. It works once `connect` was called."""
        return self._signallers.setdefault(transport, NodeSignaller(self._send_as_node, transport))

    def connect(self, messenger: Messenger) -> None:
        """The transports are built before the messenger that runs over them."""
        self._messenger = messenger
        messenger.on_message(SIGNAL_TOPIC, self._on_signal)

    def from_runner(self, runner_id: RunnerId, peer: Peer, message: bytes) -> None:
        """A runner of this node signals."""
        self._send(peer, Signal(sender_role=RUNNER_PREFIX + runner_id, role=peer.role, transport="", message=message))

    def _send_as_node(self, peer: Peer, transport: str, message: bytes) -> None:
        self._send(peer, Signal(sender_role="node", role=peer.role, transport=transport, message=message))

    def _send(self, peer: Peer, signal: Signal) -> None:
        if self._messenger is None or not self._messenger.send(peer.node_id, SIGNAL_TOPIC, signal):
            logger.debug("a signal for %s of %s is lost: it cannot be reached", peer.role, peer.node_id)

    def _on_signal(self, node_id: NodeId, signal: Signal) -> None:
        sender = Peer(node_id=node_id, role=signal.sender_role)
        if signal.role.startswith(RUNNER_PREFIX):
            self._to_runner(RunnerId(signal.role.removeprefix(RUNNER_PREFIX)), sender, signal.message)
            return
        signaller = self._signallers.get(signal.transport)
        if signaller is not None and not signaller.arrived.full():
            signaller.arrived.put_nowait((sender, signal.message))
