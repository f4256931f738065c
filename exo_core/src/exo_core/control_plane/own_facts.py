"""What this node itself observed, on its way to its disk: into the log where it leads, else into its outbox."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from exo_core.control_plane.inputs import Offered
from exo_core.control_plane.ledger import Applied, Ledger
from exo_core.control_plane.waiting_answers import WaitingAnswers
from exo_core.identifiers import Epoch, Origin
from exo_core.state.events import Fact


@final
class OwnFacts:
    """Facts of a turn are written together. What a full disk refuses is kept, and tried again with the next."""

    def __init__(self, ledger: Ledger, waiting: WaitingAnswers, origin: Origin) -> None:
        self._ledger = ledger
        self._waiting = waiting
        self._origin = origin
        self._unsaved: list[Offered] = []

    def __bool__(self) -> bool:
        return bool(self._unsaved)

    @property
    def unsaved(self) -> tuple[Fact, ...]:
        """Those that are on no disk yet."""
        return tuple(item.fact for item in self._unsaved)

    def add(self, item: Offered) -> None:
        """One was observed."""
        self._unsaved.append(item)

    def save(self, reign: Epoch | None) -> Sequence[Applied]:
        """Write them, and all else that is staged; what entered the log. `reign` None: this node does not lead.

        A master puts its facts in the outbox, too, while older ones of its own wait there. Raises `LogFull`.
        """
        if self._unsaved and (reign is None or self._ledger.awaits_turn(self._origin)):
            ids = self._ledger.put_in_outbox(self._origin, self.unsaved)
            self._saved([event_id.seq for event_id in ids])
        seqs = [self._ledger.stage_fact(reign, self._origin, fact) for fact in self.unsaved if reign is not None]
        added = self._ledger.commit()
        self._saved(seqs)
        return added

    def _saved(self, seqs: Sequence[int]) -> None:
        for item, seq in zip(self._unsaved, seqs, strict=True):
            self._waiting.offered(seq, item.waiter)
        self._unsaved = []
