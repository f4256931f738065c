"""Does the log amount to the same here as elsewhere? Hashes of the state, compared at equal points of equal logs.

| of the peers that can be compared                         | this node                                     |
|-----------------------------------------------------------|-----------------------------------------------|
| all have its hash, or none can be compared                | is right                                      |
| more have another hash than have its own, itself counted  | is wrong                                      |
| as many have another hash, the master among them          | is wrong (a tie goes to the master)           |
| otherwise                                                 | is right; the others will find out            |

Comparable are nodes whose reducers have the same fingerprint and whose log has the same chain at that point. A node
that is wrong does not lead, sums up its log again, and if that does not help takes over a peer's snapshot. A node that
is right by this count, and of which others differ, sums up its log again, too: the count may err where few live.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import final

from exo_core.election.messages import Heartbeat, StateMark
from exo_core.identifiers import NodeId


@final
class Agreement:
    """What peers said of their states. `ours(index, chain)` is this node's hash there, None when not comparable."""

    def __init__(self, reducers: str, ours: Callable[[StateMark], bytes | None]) -> None:
        self._reducers = reducers
        self._ours = ours
        self._marks: dict[NodeId, StateMark] = {}

    def take(self, sender: NodeId, beat: Heartbeat) -> None:
        """Remember what a heartbeat says of its sender's state."""
        if beat.mark.state is not None and beat.reducers == self._reducers:
            self._marks[sender] = beat.mark.state
        else:
            self._marks.pop(sender, None)

    def forget(self) -> None:
        """This node's own state was replaced: judge anew by what is said from now on."""
        self._marks.clear()

    def is_disputed(self, live: Collection[NodeId]) -> bool:
        """Whether a live peer has another state."""
        return not all(self._compared(live).values())

    def dissenters(self, live: Collection[NodeId], master_id: NodeId | None) -> tuple[NodeId, ...]:
        """The peers by which this node is shown to be wrong; none: it is right, as far as can be seen."""
        verdicts = self._compared(live)
        differ = tuple(peer for peer, same in verdicts.items() if not same)
        agree = len(verdicts) - len(differ) + 1
        outvoted = len(differ) > agree or (len(differ) == agree and master_id in differ)
        return differ if outvoted else ()

    def confirmed(self, live: Collection[NodeId]) -> bool:
        """Whether a live peer has the same state."""
        return any(self._compared(live).values())

    def _compared(self, live: Collection[NodeId]) -> dict[NodeId, bool]:
        """Whether each comparable live peer has our hash."""
        verdicts: dict[NodeId, bool] = {}
        for peer in sorted(self._marks.keys() & set(live)):
            ours = self._ours(self._marks[peer])
            if ours is not None:
                verdicts[peer] = ours == self._marks[peer].hash
        return verdicts
