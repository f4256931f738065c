"""This node as the election must see it: who are members, whom to talk to, whether it may lead."""

from __future__ import annotations

from typing import Literal

from exo_core.control_plane.extent import Extent
from exo_core.control_plane.ledger import Ledger
from exo_core.election.messages import LogMark, StateMark
from exo_core.election.standing import Standing
from exo_core.identifiers import NodeId
from exo_core.state.apply import reducer_fingerprint

REDUCERS = reducer_fingerprint()


def standing_of(
    *,
    me: NodeId,
    ledger: Ledger,
    extent: Extent,
    reachable: frozenset[NodeId],
    founds: bool,
    consistency: Literal["availability", "majority"],
    priority: int,
    healthy: bool,
    leads: bool,
) -> Standing:
    """`founds`: this node may found the cluster and has not yet. `healthy`: nothing keeps it from leading.

    A master whose own leaving is in the log goes on until that is safe: nobody else might know of it. In
    `availability` whoever has the log may lead, although it does not say yet that this node is a member: all those may
    be lost that could say so.
    """
    state = ledger.state
    is_leaving = leads and me in state.left and extent.safe < ledger.members_changed_at
    is_heir = state.created and state.consistency == "availability" and me not in state.left
    members = frozenset({me}) if founds else frozenset(state.members)
    return Standing(
        members=members,
        peers=(members | reachable) - {me} - frozenset(state.left),
        consistency=state.consistency if state.created else consistency,
        priority=priority,
        mark=LogMark(
            length=ledger.length,
            chain=ledger.chain,
            last_epoch=ledger.last_epoch,
            settled=extent.settled,
            safe=extent.safe,
            everywhere=extent.everywhere,
            state=_state_mark(ledger),
        ),
        reducers=REDUCERS,
        may_lead=healthy and (me in members or is_leaving or is_heir),
        is_whole=ledger.damage is None,
        left=frozenset(state.left),
    )


def _state_mark(ledger: Ledger) -> StateMark | None:
    """The newest point at which this node can tell its state; None before there is one."""
    index = ledger.newest_point()
    chain, summed = ledger.chain_at(index), ledger.hash_at(index)
    return StateMark(index=index, chain=chain, hash=summed) if index and chain is not None and summed else None
