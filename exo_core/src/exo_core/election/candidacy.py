"""One node's attempts to become master: when its turn comes, whom it asked, and what the answers amount to.

| state   | on                                             | availability         | majority                       |
|---------|------------------------------------------------|----------------------|--------------------------------|
| waiting | its turn has come (0.3 s times its rank)       | asks (pre-vote)      | asks (pre-vote)                |
| pre     | all live peers grant                           | wins                 | -                              |
| pre     | a majority of members grants                   | -                    | asks for real votes            |
| pre     | somebody refuses                               | waits, later again   | the round goes on              |
| pre     | somebody refuses and knows a higher epoch      | waits, later again   | waits, later again             |
| pre     | the round is over                              | wins (who is silent  | waits, later again             |
|         |                                                | does not count)      |                                |
| real    | a majority of members grants                   | -                    | wins                           |
| real    | the round is over                              | -                    | waits, later again             |
| any     | it grants another candidate its word           | waits, later again   | waits, later again             |
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, final

from exo_core.clock import Rng
from exo_core.election.messages import BallotAnswer
from exo_core.election.roster import Roster
from exo_core.election.standing import Standing
from exo_core.identifiers import Epoch, NodeId

RANK_DELAY_S = 0.3
ROUND_S = 0.3
JITTER_S = 0.02

Phase = Literal["pre", "real"]
Outcome = Literal["won", "vote", "later"]


@dataclass
class _Round:
    """Asking everybody once."""

    phase: Phase
    epoch: Epoch
    until: float
    granted: set[NodeId] = field(default_factory=set[NodeId])


@final
class Candidacy:
    """Times are this node's; `fresh_until` gives a master that is there time to be heard after a start."""

    def __init__(self, me: NodeId, roster: Roster, rng: Rng, fresh_until: float) -> None:
        self._me = me
        self._roster = roster
        self._rng = rng
        self._fresh_until = fresh_until
        self._round: _Round | None = None
        self._move_at: float | None = None

    @property
    def phase(self) -> Phase | None:
        """What is being asked; None: nothing."""
        return self._round.phase if self._round is not None else None

    @property
    def voted_epoch(self) -> Epoch | None:
        """The epoch that real votes are being given for."""
        return self._round.epoch if self._round is not None and self._round.phase == "real" else None

    def is_due(self, now: float, standing: Standing) -> bool:
        """Whether this node's turn to ask has come; the first call of an attempt sets the time."""
        if self._move_at is None:
            self._move_at = now + self._patience(now, standing)
        return now >= self._move_at

    def begin(self, phase: Phase, epoch: Epoch, now: float) -> None:
        """Everybody is being asked."""
        self._round = _Round(phase, epoch, now + ROUND_S * self._roster.liveness.factor)

    def answered(self, sender: NodeId, answer: BallotAnswer, now: float, standing: Standing) -> Outcome | None:
        """An answer came; what follows from all of them, if anything."""
        current = self._round
        if current is None or (answer.phase, answer.epoch) != (current.phase, current.epoch):
            return None
        if not answer.granted and (standing.consistency == "availability" or answer.highest > current.epoch):
            return "later"
        if answer.granted:
            current.granted.add(sender)
        return self.counted(now, standing)

    def counted(self, now: float, standing: Standing) -> Outcome | None:
        """What the answers that are in suffice for."""
        current = self._round
        if current is None:
            return None
        if standing.consistency == "availability":
            return "won" if self._roster.liveness.live(standing.peers, now) <= current.granted else None
        votes = (current.granted | {self._me}) & standing.members
        if 2 * len(votes) <= len(standing.members):
            return None
        return "vote" if current.phase == "pre" else "won"

    def timed_out(self, now: float, standing: Standing) -> Outcome | None:
        """What follows from the silence of the others."""
        if self._round is None or now < self._round.until:
            return None
        return "won" if standing.consistency == "availability" else "later"

    def postpone(self, now: float) -> None:
        """Not now: another round, a little later."""
        self._round = None
        self._move_at = now + ROUND_S * (1 + self._rng.random())

    def end(self) -> None:
        """There is a master, or there was one until now: the next attempt begins anew."""
        self._round = self._move_at = None

    def settled(self) -> None:
        """A master was found: when it is lost, nobody need be waited for."""
        self._fresh_until = float("-inf")

    def _patience(self, now: float, standing: Standing) -> float:
        others = standing.members - {self._me}
        if not others:
            return 0.0
        fresh = max(0.0, self._fresh_until - now)
        rank = self._roster.rank(standing.priority, others, now)
        return fresh + RANK_DELAY_S * rank + JITTER_S * self._rng.random()
