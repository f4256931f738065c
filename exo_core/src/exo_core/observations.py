"""What `exo_observe` is told, for metrics and traces."""

from __future__ import annotations

from typing import Literal

from exo_core.frozen import Frozen


class Observation(Frozen):
    """Something happened on this node. `subject` is a request, a peer or a runner; `seconds` how long it took."""

    kind: Literal[
        "request_started",
        "request_first_token",
        "request_finished",
        "request_replayed",
        "link_up",
        "link_down",
        "master_changed",
        "runner_ready",
        "runner_failed",
    ]
    subject: str
    seconds: float | None = None
    count: int | None = None
    detail: str = ""
