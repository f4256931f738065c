"""This node's own measurements, put together for the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from exo_core import __version__
from exo_core.identifiers import BootId, Epoch, NodeId
from exo_core.node.measuring import MachineMeasure
from exo_core.node_handle import LogView
from exo_core.placement import LinkMeasure
from exo_core.router.router import LiveLink
from exo_core.telemetry import DownloadTelemetry, NodeTelemetry, RunnerTelemetry
from exo_core.transports import Ticket

HASH_DIGITS = 16
LONGEST_TROUBLE = 600


@dataclass(frozen=True, kw_only=True)
class TelemetrySource:
    """Asked every second, and at once on a change."""

    node_id: NodeId
    boot: BootId
    name: str
    worker: bool
    measure_machine: Callable[[], MachineMeasure]
    not_to_be_had: Callable[[], int]
    """Bytes that caches were lent beyond what placements reserve and do not give back."""
    log: Callable[[], LogView]
    epoch: Callable[[], Epoch]
    master: Callable[[], NodeId | None]
    draining: Callable[[], bool]
    trouble: Callable[[], str | None]
    runners: Callable[[], tuple[RunnerTelemetry, ...]]
    downloads: Callable[[], tuple[DownloadTelemetry, ...]]
    links: Callable[[], Sequence[LiveLink]]
    tickets_of: Callable[[NodeId], Sequence[Ticket]]

    def measure(self, sequence: int) -> NodeTelemetry:
        """Everything, now. `sequence` grows with each."""
        runners, links, log = self.runners(), self.links(), self.log()
        machine = self.measure_machine()
        return NodeTelemetry(
            node_id=self.node_id,
            boot=self.boot,
            sequence=sequence,
            version=__version__,
            name=self.name,
            memory_total=machine.memory_total,
            memory_free=machine.memory_free,
            memory_for_models=max(0, machine.memory_for_models - self.not_to_be_had()) if self.worker else 0,
            load=machine.load,
            log_length=log.length,
            settled=log.settled,
            log_hash=log.hash[:HASH_DIGITS],
            term=self.epoch().term,
            leads=self.master() == self.node_id,
            draining=self.draining(),
            trouble=(self.trouble() or "")[:LONGEST_TROUBLE],
            runners=runners,
            downloads=self.downloads(),
            links=tuple(_measure(self.node_id, link) for link in links),
            addresses={link.peer: link.address for link in links},
            peers={
                node_id: tuple(self.tickets_of(node_id)) for node_id in (self.node_id, *(link.peer for link in links))
            },
        )


def _measure(node_id: NodeId, link: LiveLink) -> LinkMeasure:
    return LinkMeasure(
        a=node_id,
        b=link.peer,
        transport=link.transport,
        round_trip_ms=link.round_trip_ms,
        bytes_per_s=link.bytes_per_s,
    )
