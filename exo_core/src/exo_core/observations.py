"""What `exo_observe` is told, for metrics and traces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from exo_core.frozen import Frozen


class Observation(Frozen):
    """Something happened on this node.

    `subject` is the id of a request, peer, master or runner. Of a request: `seconds` since it came in, `count` of its
    tokens, `detail` the code of an error; of one that is replayed, the code of what ended the attempt before. Of a
    runner that failed, `detail` is why.
    """

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


Observe = Callable[[Observation], None]
"""Whom a part tells; `Plugins.observe` in a node."""
