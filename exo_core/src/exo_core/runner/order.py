"""What a node asks of a runner: which shard, of which files, over which transports, with how much of the machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from exo_core.placement import ShardAssignment
from exo_core.runner.messages import Components
from exo_core.runner.patience import Patience


@dataclass(frozen=True, kw_only=True)
class RunnerOrder:
    """`listen` is `host:port` or `host:a-b` for links between stages, None the transport's default.

    `threads` is what a CPU backend may use (cores divided by the runners of this machine); None leaves it alone.
    `components` comes from `exo_core.runner.components.chosen_components`.
    """

    assignment: ShardAssignment
    components: Components
    folder: Path
    log: Path
    listen: str | None = None
    threads: int | None = None
    patience: Patience = field(default_factory=Patience)
