"""Is what this node knows whole and right? If not, it is fetched from others; and others fetch from it.

Ties three parts: `Agreement` finds that the state here differs, `CatchingUp` fetches a snapshot, `SnapshotServer` gives
one. A state that differs is first summed up again from the log here, then replaced by a snapshot of those who differ.

A snapshot takes the place of what is here, so it is fetched only under a master, who brings what follows it. And in
`majority` it must reach as far as the one that is here: what that sums up is final, and this disk was counted for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import final

from exo_core.control_plane.agreement import Agreement
from exo_core.control_plane.catching_up import CatchingUp, SnapshotServer
from exo_core.control_plane.extent import Extent
from exo_core.control_plane.inputs import Differs, Outgoing
from exo_core.control_plane.ledger import Ledger
from exo_core.control_plane.messages import SNAPSHOT_PART_BYTES, FetchSnapshot, SnapshotPart
from exo_core.control_plane.standing_of import REDUCERS
from exo_core.control_plane.trouble import Trouble
from exo_core.election.messages import Heartbeat, StateMark
from exo_core.event_logs import Snapshot
from exo_core.identifiers import NodeId

UNOPPOSED_S = 2.0
"""Peers say four times a second what their states are."""


@final
class Wholeness:
    """One node's. What it yields is to be sent or told. A snapshot is given in parts of `part_bytes`."""

    def __init__(self, ledger: Ledger, trouble: Trouble, part_bytes: int = SNAPSHOT_PART_BYTES) -> None:
        self._ledger = ledger
        self._trouble = trouble
        self._agreement = Agreement(REDUCERS, self._ours)
        self._catching_up = CatchingUp()
        self._server = SnapshotServer(part_bytes)
        self._doubted_at = float("-inf")
        self._verified = 0

    @property
    def is_fetching(self) -> bool:
        """Whether a snapshot is on its way."""
        return self._catching_up.wanted

    def hear(self, sender: NodeId, beat: Heartbeat) -> None:
        """A peer's heartbeat says what its state is."""
        self._agreement.take(sender, beat)

    def tick(
        self, providers: Sequence[NodeId], master_id: NodeId | None, now: float, *, gives_way: bool = False
    ) -> Iterator[Outgoing | Differs]:
        """Compare, and ask for what is missing. `providers` are live members, the best first."""
        against = self._agreement.dissenters(providers, master_id)
        if against:
            self._doubted_at = now
            yield from self._mend(against)
        elif self._agreement.is_disputed(providers) and self._verified < self._ledger.newest_point():
            self._verify()
        elif self._trouble.cure != "none needed" and self._is_trusted(providers, now):
            self._trouble.cure = "none needed"
            self._catching_up.done()
        if not self._trouble.disk_is_full and (master_id is not None or gives_way):
            asked = self._catching_up.tick(against or providers, now)
            if asked is not None:
                yield Outgoing(*asked)

    def fetch(self, at_least: int) -> None:
        """The master holds entries after that one only, and this node's log does not lead there."""
        self._catching_up.want(at_least)

    def follows(self) -> None:
        """This node's log goes on from the master's entries: no snapshot is needed to get there."""
        if self._catching_up.wanted and self._trouble.cure != "fetching":
            self._catching_up.done()

    def leads(self) -> None:
        """A master fetches from nobody."""
        self._catching_up.done()

    def receive(self, sender: NodeId, part: SnapshotPart, now: float) -> tuple[Sequence[Outgoing], Snapshot | None]:
        """A part came: what to ask next, and the snapshot if it is whole."""
        asked, snapshot = self._catching_up.receive(sender, part, now)
        return ([Outgoing(*asked)] if asked is not None else []), snapshot

    def give_up(self) -> None:
        """What was to be fetched is not to be had."""
        self._catching_up.done()

    def refuse(self, provider: NodeId) -> None:
        """A snapshot from there would make this node forget: ask another."""
        self._catching_up.refuse(provider)

    def replaced(self) -> None:
        """A snapshot was installed here."""
        self._agreement.forget()

    def serve(self, sender: NodeId, asked: FetchSnapshot, extent: Extent) -> Iterator[Outgoing]:
        """Give a part of what is settled or final here; nothing while what is here is in doubt, or there is nothing.

        The snapshot of a damaged log is sound, and may be the last that sums up what was on a disk that is lost.
        """
        has_nothing = self._ledger.length == 0 or (self._ledger.damage is not None and self._ledger.first_index() == 1)
        if self._trouble.cure != "none needed" or has_nothing:
            return
        if asked.offset == 0:
            self._server.begin(self._ledger.summary(self._lasting(extent), extent.everywhere))
        part = self._server.part(asked.offset)
        if part is not None:
            yield Outgoing(sender, part)

    def _is_trusted(self, providers: Sequence[NodeId], now: float) -> bool:
        """Others have the same state, nobody is left to compare with, or nobody has said otherwise since it was mended.

        Without the last, who has the longest log of all would wait for ever: no other can compare with it.
        """
        unopposed = not self._catching_up.wanted and now - self._doubted_at >= UNOPPOSED_S
        return not providers or unopposed or self._agreement.confirmed(providers)

    def _verify(self) -> None:
        """What is right by count may be wrong by the log here; once for each point at which states are compared."""
        self._ledger.recompute()
        self._verified = self._ledger.newest_point()

    def _mend(self, against: Sequence[NodeId]) -> Iterator[Differs]:
        """First by what is here, then by what others have."""
        self._agreement.forget()
        if self._trouble.cure == "none needed":
            yield Differs(self._ledger.newest_point(), tuple(against), self._ledger.state)
            self._trouble.cure = "summed up again"
            self._ledger.recompute()
        elif not self._catching_up.wanted:
            self._trouble.cure = "fetching"
            self._catching_up.want(self._ledger.first_index() - 1 if self._is_majority else 0)

    @property
    def _is_majority(self) -> bool:
        return self._ledger.state.consistency == "majority"

    def _lasting(self, extent: Extent) -> int:
        """Up to where nothing is cut any more."""
        return extent.safe if self._is_majority else extent.settled

    def _ours(self, theirs: StateMark) -> bytes | None:
        if self._ledger.chain_at(theirs.index) != theirs.chain:
            return None
        return self._ledger.hash_at(theirs.index)
