"""Counting what a node is observed to do."""

from __future__ import annotations

from collections import Counter
from typing import final

from exo_core import hookimpl
from exo_core.observations import GAP_BOUNDS_S, Observation
from exo_metrics.histogram import Histogram

FIRST_TOKEN_BOUNDS_S = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2.5, 5, 10, 20, 60)
REQUEST_BOUNDS_S = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640)


@final
class Tally:
    """An observer, registered with the plugins of one node. Everything happens on that node's event loop."""

    def __init__(self) -> None:
        self.open: dict[str, bool] = {}
        """Requests that are not over, by id, and whether their first token came."""
        self.finished: Counter[str] = Counter()
        """By the code of their error; empty for those that were answered."""
        self.replayed: Counter[str] = Counter()
        self.events: Counter[str] = Counter()
        """By kind: links, masters, runners."""
        self.elections = 0
        """After which there was a master."""
        self.tokens: Counter[str] = Counter({"prompt": 0, "cached": 0, "generated": 0})
        self.first_token = Histogram(FIRST_TOKEN_BOUNDS_S)
        self.request = Histogram(REQUEST_BOUNDS_S)
        self.gap = Histogram(GAP_BOUNDS_S)

    @property
    def waiting(self) -> int:
        """Requests without a first token: queued, waiting for a load, or in prefill."""
        return sum(not began for began in self.open.values())

    @hookimpl
    def exo_observe(self, observation: Observation) -> None:
        """Count it."""
        match observation.kind:
            case "request_started":
                self.open[observation.subject] = False
            case "request_first_token":
                self.open[observation.subject] = True
                self.first_token.add(observation.seconds or 0.0)
            case "request_replayed":
                self.replayed[observation.detail] += 1
            case "request_finished":
                self._finish(observation)
            case kind:
                self.events[kind] += 1
                self.elections += kind == "master_changed" and bool(observation.subject)

    def _finish(self, observation: Observation) -> None:
        self.open.pop(observation.subject, None)
        self.finished[observation.detail] += 1
        self.request.add(observation.seconds or 0.0)
        self.gap.add_counts(observation.gap_counts, observation.gap_seconds)
        self.tokens["generated"] += observation.count or 0
        self.tokens["prompt"] += observation.prompt_tokens
        self.tokens["cached"] += observation.cached_tokens
