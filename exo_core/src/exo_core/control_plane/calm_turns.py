"""Will a turn hardly write? Then a driver may spare itself a thread."""

from __future__ import annotations

from collections.abc import Iterable

from exo_core.control_plane.inputs import Input, Received, Tick
from exo_core.control_plane.messages import Replicate, Replicated
from exo_core.control_plane.participant import Participant
from exo_core.election.messages import Heartbeat


def is_calm(participant: Participant, inputs: Iterable[Input]) -> bool:
    """Whether handling these brings nothing new, in a settled role, with nothing due.

    A write that comes all the same (a new epoch) is a single small one.
    """
    settled_in = participant.election.role in ("following", "leading") and participant.trouble is None
    return (
        settled_in
        and not (participant.unsaved or participant.may_compact)
        and all(_is_calm(participant, item) for item in inputs)
    )


def _is_calm(participant: Participant, item: Input) -> bool:
    """Whether it brings nothing that must be written."""
    if not isinstance(item, Received):
        return isinstance(item, Tick)
    message, ledger = item.message, participant.ledger
    if isinstance(message, Replicate):
        return not message.entries and message.length >= ledger.length
    if isinstance(message, Replicated):
        return ledger.is_recent(message.length)  # what that follower lacks is not read from the disk
    return isinstance(message, Heartbeat)
