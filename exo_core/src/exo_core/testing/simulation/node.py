"""One machine: its disk and its clock outlive the processes that run on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import final

from exo_core.control_plane.inputs import Decided, Output
from exo_core.identifiers import BootId, Epoch, NodeId
from exo_core.testing.simulation.disk import VirtualDisk
from exo_core.testing.simulation.process import VirtualProcess

FIRST_BOOT = BootId(0)


@final
@dataclass
class VirtualNode:
    """`rate` is how fast its clock goes. A node that is `retired` left or was forgotten, and never starts again."""

    node_id: NodeId
    log: VirtualDisk
    creator: bool
    memory: int
    priority: int = 0
    rate: float = 1.0
    boot: BootId = FIRST_BOOT
    process: VirtualProcess | None = None
    retired: bool = False
    paused_until: float = 0.0
    turn_at: float | None = None
    epochs: list[Epoch] = field(default_factory=list[Epoch])
    acknowledged: dict[int, int] = field(default_factory=dict[int, int])
    decided: list[Decided] = field(default_factory=list[Decided])
    led: bool = False
    watch: Callable[[Output], None] | None = None

    def clock(self, now: float) -> float:
        """The time by its own clock."""
        return now * self.rate
