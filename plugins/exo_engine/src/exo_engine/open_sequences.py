"""Which sequences are open on the stages, and which operations it takes to open, keep and close them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import final

from exo_engine.cache_budget import CacheBudget
from exo_engine.cache_space import CacheSpace
from exo_engine.prefix_index import Kept, PrefixIndex, common_length
from exo_engine.sequence import SequenceState
from exo_engine.steps import Close, Evict, Limit, Operation, Resized, SequenceId, Snapshot, StageReport, Trim

WORTH_KEEPING = 64
"""Tokens that the next in the queue saves by them, for which a running sequence's caches are kept."""
GROWTH = 64
"""Tokens for which a sequence gets room when what it reserved is used up."""


@final
class OpenSequences:
    """The head's record of what every stage holds. Names are never used twice."""

    def __init__(self, *, context: int, unmeasured: int) -> None:
        """`context` is the model's; `unmeasured` is the longest sequence where no stage knows its limit (0: that)."""
        self._model_context = context
        self._unmeasured = min(context, unmeasured or context)
        self._names = map(SequenceId, count(1))
        self._snapshot_names = count(1)
        self._operations: list[Operation] = []
        """For the next step, ahead of its forward."""
        self._after_forward: list[Operation] = []
        """For the step after that."""
        self._open: dict[SequenceId, SequenceState] = {}
        """In the order in which they were opened."""
        self.begin(())

    def begin(self, reports: Sequence[StageReport]) -> None:
        """The stages are empty, and this is what they have room for."""
        self._reports = list(reports)
        budget = self._budget()
        kept = (
            self._unmeasured if budget.longest is None else None
        )  # who knows no limit keeps no more than one sequence
        index = PrefixIndex(trimmable=all(report.trimmable for report in reports), most_tokens=kept)
        self._space = CacheSpace(budget, index, growth=GROWTH)
        self._operations.clear()
        self._after_forward.clear()
        self._open.clear()
        self._unsaid: dict[int, Limit] = {}
        """Limits that do not hold yet, by stage."""

    def resize(self, resized: Iterable[Resized]) -> None:
        """Stages have other limits from now on; snapshots that have no room any more are evicted."""
        for each in resized:
            told = self._reports[each.stage]
            self._reports[each.stage] = told.model_copy(update={"cache_bytes": each.cache_bytes})
            self._unsaid[each.stage] = Limit(stage=each.stage, cache_bytes=each.cache_bytes)
        self._evict(self._space.change(self._budget(), self._open.values()))

    @property
    def may_exceed(self) -> bool:
        """Whether one that is alone may still take more than the stages' last limits, and they were not told so."""
        return bool(self._unsaid)

    def bound(self) -> None:
        """Tell the stages that from here on their limits hold; nothing that is open exceeds them."""
        self._operations.extend(self._unsaid.values())
        self._unsaid.clear()
        self._space.bound()

    @property
    def holds_what_is_open(self) -> bool:
        """Whether nothing that is open exceeds a limit."""
        return self._space.holds_what_is_open

    @property
    def is_overfull(self) -> bool:
        """Whether several are open that have no room together any more."""
        return self._space.is_overfull

    @property
    def by_name(self) -> Mapping[SequenceId, SequenceState]:
        """All of them, the longest open first."""
        return self._open

    def named(self, name: int) -> SequenceState | None:
        """The open sequence of that name; None when it is closed."""
        return self._open.get(SequenceId(name))

    def youngest(self) -> SequenceState | None:
        """Of those that generate, the one that was opened last."""
        return next((each for each in reversed(list(self._open.values())) if each.wants == "tokens"), None)

    def try_open(self, sequence: SequenceState, tokens: int) -> bool:
        """Open it with room for so many tokens; False, with nothing changed, if there is none.

        Those that are open must be able to grow beside it, or it would soon be closed again.
        """
        beginning = self._space.begin(sequence, tokens)
        if beginning is None:
            return False
        self._evict(beginning.evicted)
        name = next(self._names)
        self._operations.append(sequence.open(name, beginning.start))
        self._open[name] = sequence
        return True

    def try_grow(self, sequence: SequenceState) -> bool:
        """Make sure that it can hold one more token; False if there is no room."""
        if sequence.scheduled < sequence.reserved:
            return True
        wanted = max(sequence.scheduled + 1, min(sequence.reserved + GROWTH, sequence.most, self.context))
        evicted = self._space.grow(sequence, wanted)
        if evicted is None:
            return False
        self._evict(evicted)
        return True

    def helps(self, sequence: SequenceState, other: SequenceState) -> bool:
        """Whether `other` could begin with much more of what a sequence computed than with what is kept already."""
        shared = common_length(sequence.tokens[: sequence.scheduled], other.tokens[:-1])
        if shared < WORTH_KEEPING or other.wants != "tokens" or (other.exact and not sequence.exact):
            return False
        match = self._space.index.find(other.tokens, exact=other.exact)
        return shared >= WORTH_KEEPING + (match.length if match else 0)

    def keep_computed(self, sequence: SequenceState) -> bool:
        """After the next step's forward, keep what it then holds for others that begin alike; False: of no use."""
        name = next(self._snapshot_names)
        evicted = self._space.keep(name, sequence)
        if evicted is None:
            return False
        self._after_forward.extend(Evict(snapshot=kept.snapshot) for kept in evicted)
        self._after_forward.append(Snapshot(sequence=_name(sequence), snapshot=name))
        return True

    def close(self, sequence: SequenceState, *, keep: bool) -> None:
        """It is over, or goes back to the queue. `keep`: for others that begin as it does."""
        name = _name(sequence)
        self._space.release(sequence)
        snapshot = next(self._snapshot_names)
        evicted = self._space.keep(snapshot, sequence) if keep and self._can_be_cut_to_known(sequence) else None
        if evicted is not None and sequence.is_ahead:
            self._operations.append(Trim(sequence=name, length=len(sequence.tokens)))
        self._operations.append(Close(sequence=name, keep=None if evicted is None else snapshot))
        self._evict(evicted or ())
        del self._open[name]
        sequence.close()

    def take_operations(self) -> list[Operation]:
        """Everything that goes ahead of the next step's forward."""
        taken, self._operations = self._operations, self._after_forward
        self._after_forward = []
        return taken

    @property
    def has_operations(self) -> bool:
        """Whether there is anything to tell the stages."""
        return bool(self._operations)

    @property
    def kept(self) -> Mapping[int, int]:
        """Tokens of each snapshot that the stages have, or will have after what is still to be told."""
        return self._space.index.lengths

    @property
    def keeps_whole_only(self) -> bool:
        """Whether caches cannot be trimmed, so that only what was kept at its very length is of use."""
        return not self._space.index.trimmable

    def _budget(self) -> CacheBudget:
        budget = CacheBudget(self._reports)
        self.context = self._unmeasured if budget.longest is None else min(self._model_context, budget.longest)
        return budget

    def _can_be_cut_to_known(self, sequence: SequenceState) -> bool:
        """Whether what a step ahead was fed, and nobody will hear of, can be taken back."""
        return not (sequence.is_ahead and self.keeps_whole_only)

    def _evict(self, kept: Iterable[Kept]) -> None:
        self._operations.extend(Evict(snapshot=each.snapshot) for each in kept)


def _name(sequence: SequenceState) -> SequenceId:
    assert sequence.id is not None  # noqa: S101  # the scheduler's mistake
    return sequence.id
