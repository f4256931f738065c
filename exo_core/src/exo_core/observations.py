"""What `exo_observe` is told, for metrics and traces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from exo_core.frozen import Frozen

GAP_BOUNDS_S = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Upper bounds by which gaps between tokens are counted."""


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
    prompt_tokens: int = 0
    """Of a request that finished, as are all that follow."""
    cached_tokens: int = 0
    """Of the prompt's, those that were not computed again."""
    gap_counts: tuple[int, ...] = ()
    """How many gaps between two tokens of one choice lie below each of `GAP_BOUNDS_S`, the last for longer ones."""
    gap_seconds: float = 0.0
    """Their sum."""


Observe = Callable[[Observation], None]
"""Whom a part tells; `Plugins.observe` in a node."""
