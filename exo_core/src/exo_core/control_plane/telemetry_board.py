"""What every node measured last: sent to all peers once a second and when something changed, kept in memory only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import final

from exo_core.clock import Clock
from exo_core.control_plane.change_counter import ChangeCounter
from exo_core.control_plane.topics import TELEMETRY_TOPIC
from exo_core.identifiers import NodeId
from exo_core.messaging import Messenger
from exo_core.telemetry import NodeTelemetry, Telemetry

INTERVAL_S = 1.0
SHORTEST_S = 0.1
"""However often something changes, this is the shortest time between two messages."""


@final
class TelemetryBoard:
    """`measure(sequence)` reads this node; it is called on the event loop and must be quick."""

    def __init__(self, *, messenger: Messenger, clock: Clock, measure: Callable[[int], NodeTelemetry]) -> None:
        self._messenger = messenger
        self._clock = clock
        self._measure = measure
        self._sequence = 0
        self._newest: dict[NodeId, NodeTelemetry] = {}
        self._heard_at: dict[NodeId, float] = {}
        self._poked = asyncio.Event()
        self.changed = ChangeCounter()

    @property
    def telemetry(self) -> Telemetry:
        """The newest of every node."""
        now = self._clock.now()
        ages = {node_id: now - heard_at for node_id, heard_at in self._heard_at.items()}
        return Telemetry(nodes=dict(self._newest), last_seen_s={**ages, self._messenger.node_id: 0.0})

    @property
    def nodes(self) -> dict[NodeId, NodeTelemetry]:
        """The same without ages."""
        return self._newest

    def poke(self) -> None:
        """Something of this node changed: measure and send soon."""
        self._poked.set()

    def forget(self, node_id: NodeId) -> None:
        """That node left."""
        self._newest.pop(node_id, None)
        self._heard_at.pop(node_id, None)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Collect and send."""
        self._messenger.on_message(TELEMETRY_TOPIC, self._on_telemetry)
        self._publish()
        sender = asyncio.create_task(self._send_for_ever(), name="telemetry")
        greeter = asyncio.create_task(self._greet(), name="telemetry greetings")
        try:
            yield
        finally:
            for task in (sender, greeter):
                task.cancel()
            await asyncio.wait((sender, greeter))

    def _on_telemetry(self, sender: NodeId, told: NodeTelemetry) -> None:
        known = self._newest.get(sender)
        if told.node_id != sender or (known and known.boot == told.boot and known.sequence >= told.sequence):
            return
        self._newest[sender] = told
        self._heard_at[sender] = self._clock.now()
        self.changed.notify()

    async def _send_for_ever(self) -> None:
        while True:
            await self._clock.sleep(SHORTEST_S)
            try:
                async with asyncio.timeout(INTERVAL_S - SHORTEST_S):
                    await self._poked.wait()
            except TimeoutError:
                pass  # nothing changed for a while: the regular message
            self._publish()

    async def _greet(self) -> None:
        """A peer that was just reached learns of us at once."""
        async for change in self._messenger.peer_changes():
            if change.reachable:
                self._messenger.send(change.node_id, TELEMETRY_TOPIC, self._newest[self._messenger.node_id])

    def _publish(self) -> None:
        self._poked.clear()
        self._sequence += 1
        mine = self._newest[self._messenger.node_id] = self._measure(self._sequence)
        for peer in self._messenger.reachable:
            self._messenger.send(peer, TELEMETRY_TOPIC, mine)
        self.changed.notify()
