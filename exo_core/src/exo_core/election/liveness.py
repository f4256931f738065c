"""Who is alive, judged by when each was last heard, directly or through others.

A node is dead when it was silent for 1.25 s times this node's own health factor: whoever notices that its own loop
lags stretches its patience (up to four times) before it accuses others. A closed connection is a suspicion at once:
the node is dead after a quarter of a second unless it is heard again after the close, here or clearly by others.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import final

from exo_core.election.messages import Heard
from exo_core.identifiers import NodeId

SILENCE_S = 1.25
PROBE_S = 0.25
HEARSAY_S = 0.1
"""What others heard is younger than it says by its way here: so much later than a close must it be to disprove it."""
LAG_S = 0.2
LARGEST_FACTOR = 4.0
_RECOVERY_S = 10.0


@final
class Liveness:
    """When each peer was last heard, by this node's monotonic time."""

    def __init__(self, now: float) -> None:
        self._heard_at: dict[NodeId, float] = {}
        self._excused_to: dict[NodeId, float] = {}
        self._closed_at: dict[NodeId, float] = {}
        self._gone: set[NodeId] = set()
        self._factor = 1.0
        self._last_tick = now

    @property
    def factor(self) -> float:
        """How much this node distrusts its own judgement, 1 to 4."""
        return self._factor

    def heard(self, node_id: NodeId, now: float, age: float = 0.0) -> None:
        """A message of that node arrived here (or, `age` seconds ago, at somebody who told us)."""
        if age == 0.0:
            self._gone.discard(node_id)
            self._closed_at.pop(node_id, None)
        elif node_id in self._gone:
            return
        self._heard_at[node_id] = max(self._heard_at.get(node_id, float("-inf")), now - age)

    def closed(self, node_id: NodeId, now: float) -> None:
        """The last way to that node broke."""
        self._closed_at[node_id] = now

    def gone(self, node_id: NodeId) -> None:
        """It said farewell: only a message of its own brings it back."""
        self._gone.add(node_id)

    def tick(self, now: float, interval: float) -> None:
        """Called about every `interval` seconds; calls that come late mean that this node lags."""
        lag = now - self._last_tick - interval
        if lag > LAG_S:
            self._excuse(lag, now)
            self._factor = min(LARGEST_FACTOR, self._factor + lag / LAG_S * 0.5)
        else:
            self._factor = max(1.0, self._factor - (now - self._last_tick) * (LARGEST_FACTOR - 1) / _RECOVERY_S)
        self._last_tick = now

    def _excuse(self, lag: float, now: float) -> None:
        """While this node itself did not run (a laptop that slept), it could not hear anybody: that is no silence.

        It is an excuse before this node only; others are never told that somebody was heard who was not.
        """
        for node_id, heard_at in self._heard_at.items():
            self._excused_to[node_id] = min(now, max(heard_at, self._excused_to.get(node_id, heard_at)) + lag)

    def is_live(self, node_id: NodeId, now: float) -> bool:
        """Whether that peer counts as alive."""
        heard_at = self._heard_at.get(node_id)
        if heard_at is None or node_id in self._gone:
            return False
        closed_at = self._closed_at.get(node_id)
        if closed_at is not None and heard_at <= closed_at + HEARSAY_S and now - closed_at >= PROBE_S:
            return False
        return now - max(heard_at, self._excused_to.get(node_id, heard_at)) < SILENCE_S * self._factor

    def silence(self, node_id: NodeId, now: float) -> float | None:
        """Seconds since that peer was heard; None: never."""
        heard_at = self._heard_at.get(node_id)
        return None if heard_at is None else now - heard_at

    def silent_for(
        self, candidates: Iterable[NodeId], seconds: float, now: float, *, since: float
    ) -> frozenset[NodeId]:
        """Those that were not heard for so long; who was never heard counts as heard at `since`."""
        return frozenset(node_id for node_id in candidates if now - self._heard_at.get(node_id, since) >= seconds)

    def live(self, candidates: Iterable[NodeId], now: float) -> frozenset[NodeId]:
        """Those of the candidates that are alive."""
        return frozenset(node_id for node_id in candidates if self.is_live(node_id, now))

    def report(self, now: float) -> tuple[Heard, ...]:
        """What to tell others: everybody alive here, with the age of the last sign of life."""
        return tuple(
            Heard(node_id=node_id, age_ms=int((now - heard_at) * 1000))
            for node_id, heard_at in sorted(self._heard_at.items())
            if self.is_live(node_id, now) and now - heard_at < SILENCE_S * self._factor
        )

    def learn(self, told: Iterable[Heard], now: float, myself: NodeId) -> None:
        """Take over what another heard. An age only grows on its way, so stale news never keeps anybody alive."""
        for item in told:
            if item.node_id != myself:
                self.heard(item.node_id, now, max(0.001, item.age_ms / 1000))
