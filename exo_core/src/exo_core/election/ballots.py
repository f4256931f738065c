"""Which candidates deserve a node's word, as far as the ballot itself tells."""

from __future__ import annotations

from exo_core.election.messages import Ballot
from exo_core.election.standing import Standing
from exo_core.identifiers import Epoch, NodeId


def refusal(ballot: Ballot, sender: NodeId, standing: Standing, epoch: Epoch, candidate: NodeId | None) -> str:
    """Why not; empty: nothing speaks against it. `candidate` is this node's id while it stands itself."""
    if standing.consistency == "majority" and not standing.is_whole:
        return "part of my log is lost: I cannot say whether yours is behind what it was"
    if ballot.epoch <= epoch:
        return "that epoch is over"
    if candidate is not None and (standing.priority, candidate) > (ballot.priority, sender):
        return "I am asking myself, and rank higher"
    mine = (standing.mark.last_epoch, standing.mark.length)
    if standing.consistency == "majority" and (ballot.mark.last_epoch, ballot.mark.length) < mine:
        return "your log is behind mine"
    return ""
