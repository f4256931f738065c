"""What keeps a node from leading although it is a member: its disk, its log, or its state cannot be relied on.

| trouble                            | seen when             | over when                                 |
|------------------------------------|-----------------------|-------------------------------------------|
| the disk takes no more             | a write is refused    | a write goes through (tried every second) |
| the log was damaged                | it was opened         | it holds all that the master's does, or   |
|                                    |                       | a person accepts just that loss           |
| the state differs from the others' | hashes are compared   | they agree again                          |
| two histories cannot become one    | each refuses a        | another leads, or this machine leaves     |
|                                    | snapshot              |                                           |

A node in trouble follows, keeps its runners and streams, and acknowledges nothing that is not on its disk. Where every
disk is damaged, or the only other one is gone, nobody leads: a machine cannot know whether a sound log will come back.
A person can, and says so by `exo accept-loss`. Where nothing at all is left of the log, its machine then founds the
cluster anew; until it has done so the log stays damaged, so that a restart in between asks the person again.
"""

from __future__ import annotations

from typing import Literal, final

from exo_core.control_plane.ledger import Ledger
from exo_core.identifiers import NodeId
from exo_core.state.events import ClusterCreated, NodeJoined, NodeStarted

RETRY_S = 1.0
WAY_OUT = "A machine with a sound log restores it. If no such machine will come back: exo accept-loss"

APART = (
    "this machine's log and the master's each hold events that the other lacks and that only a snapshot sums up: "
    "neither can take over the other's, so one must go. exo status shows how long they are; on the machine whose log "
    "is to be given up, here or there: exo leave, then exo join"
)


@final
class Trouble:
    """One node's. `cure` is how far it has come in mending a wrong state; `is_apart`: see `giving_way`.

    `founds_anew`: a person accepted that nothing is left of the log.
    """

    def __init__(self, ledger: Ledger, myself: NodeId) -> None:
        self._ledger = ledger
        self._me = myself
        self._full: str | None = None
        self._retry_at = 0.0
        self.is_apart = False
        self.founds_anew = False
        self.cure: Literal["none needed", "summed up again", "fetching"] = "none needed"

    @property
    def disk_is_full(self) -> bool:
        """Whether writes are refused at the moment."""
        return self._full is not None

    @property
    def description(self) -> str | None:
        """A sentence for people; None: there is no trouble."""
        if self._full is not None:
            return self._full
        if self.cure != "none needed":
            return "this node's state differs from the others'; it is being replaced"
        if self.is_apart:
            return APART
        if not self._waits_for_others:
            return self._ledger.damage
        return f"{self._ledger.damage}. {WAY_OUT}"

    @property
    def forbids_to_lead(self) -> bool:
        """Whether somebody else must lead. Who is alone with a damaged log has nobody to fetch it from."""
        if self._full is not None or self.cure != "none needed":
            return True
        return self._waits_for_others

    @property
    def _waits_for_others(self) -> bool:
        """Whether the log is damaged, and others may have it whole."""
        return self._ledger.damage is not None and not self.founds_anew and not is_alone(self._ledger, self._me)

    def accept_loss(self, damage: str) -> None:
        """A person who was told of that damage says that nothing which is not here will come back. Raises `LogFull`."""
        if damage != self._ledger.damage:
            return  # other things are lost than the person knows of
        if self._ledger.length:
            self._ledger.mended()
        else:
            self.founds_anew = True

    def refused(self, why: str, now: float) -> None:
        """A write failed for want of space."""
        self._full, self._retry_at = why, now + RETRY_S

    def may_retry(self, now: float) -> bool:
        """Whether it is time to try the disk again."""
        return self._full is not None and now >= self._retry_at

    def writes_again(self) -> None:
        """A write went through."""
        self._full = None


def is_alone(ledger: Ledger, myself: NodeId) -> bool:
    """Whether this log, or what was saved from it, speaks of no other node, and goes back to the founding.

    What a snapshot summed up that is lost may have spoken of others.
    """
    known, begins = {*ledger.state.members, *ledger.state.left}, ledger.state.created
    for origin, event in ledger.salvaged():
        known.add(origin.node_id)
        begins = begins or isinstance(event, ClusterCreated | NodeJoined)
        if isinstance(event, NodeJoined | NodeStarted):
            known.add(event.node_id)
    return begins and known <= {myself}
