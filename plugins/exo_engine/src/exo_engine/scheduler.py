"""Which operations the next step has. Knows sequences; owns no tensors, no links, no requests.

On one stage a step is what decodes and with it, if there are prompts, a chunk of them: the weights are read once for
both. On several it is one micro-batch of decoding sequences or one chunk, and between two chunks every sequence that
can goes once. So a running stream waits for a chunk and not for a prompt. Prompts are computed first come, first
served, as many short ones in a chunk as it holds (more while most or all wait for their first token), and of a long one
a chunk on every stage. A sequence is opened when its turn to compute has come and the caches have room for what it
knows and some more; when they are full, the youngest goes back to the queue.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import final

from exo_engine.chunk_choice import ChunkSizes, choose_chunk_sizes
from exo_engine.decode_rotation import DecodeRotation
from exo_engine.micro_batches import MicroBatches
from exo_engine.open_sequences import OpenSequences
from exo_engine.plan import Plan, StepDraft
from exo_engine.row_limit import RowLimit
from exo_engine.sequence import SequenceState
from exo_engine.steps import Resized, RowOutput, StageReport
from exo_engine.steps_under_way import StepsUnderWay

HEADROOM = 256
"""Tokens beyond what it knows that a sequence has room for when it is opened, at most a chunk."""
MOST_OPEN = 256
"""Sequences at once."""


@final
class Scheduler:
    """For `context` and `unmeasured` see `OpenSequences`; `prefill_chunk`, `micro_batches` 0: measurements decide.

    `runs_ahead`: a stage that is the whole model feeds itself what it draws, so that a sequence can be in a step before
    the one before is answered. Who then has ended has one row too many there, of which nobody hears.
    """

    def __init__(
        self,
        *,
        stages: int,
        context: int,
        unmeasured: int = 0,
        prefill_chunk: int = 0,
        micro_batches: int = 0,
        runs_ahead: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.open = OpenSequences(context=context, unmeasured=unmeasured)
        self.waiting: deque[SequenceState] = deque()
        """Sequences that are on no stage, the next one first."""
        self.outputs: Sequence[RowOutput] = ()
        """What the last stage can give."""
        self._chunk = ChunkSizes.fixed(prefill_chunk)
        self._fixed_micro_batches = micro_batches
        self._runs_ahead = runs_ahead
        self._prefilling: deque[SequenceState] = deque()
        self._decoding = DecodeRotation()
        self._micro_batches = MicroBatches((), fixed=micro_batches)
        self._stages = stages
        self._steps = StepsUnderWay(stages=stages, clock=clock)
        self._begun: list[SequenceState] = []
        """Opened since the last step."""
        self._rows_since_chunk = 0
        self._decode_seconds = 0.0
        """What the last step without a chunk took on the slowest stage."""
        self.row_limit = RowLimit()
        self.outgrown: list[SequenceState] = []
        """Sequences that have no room any more even alone; to be taken away."""

    # what happens to sequences -------------------------------------------------------------------------------

    def add(self, sequence: SequenceState) -> None:
        """Queue a new sequence. On one stage there is nothing to round it on."""
        sequence.exact |= self._stages == 1
        self.waiting.append(sequence)

    def remove(self, sequence: SequenceState, *, keep: bool = True) -> None:
        """It is over, finished or not. If the stages know it, the next step closes it; `keep` its caches for others."""
        if sequence.id is None:
            if sequence in self.waiting:
                self.waiting.remove(sequence)
            return
        self._close(sequence, keep=keep and sequence.wants == "tokens")

    def start_over(self) -> None:
        """The stages are about to drop everything: what was open waits again, and a first, empty step is under way."""
        for sequence in reversed([*self.open.by_name.values()]):
            sequence.close()
            self.waiting.appendleft(sequence)
        self.open.begin(())
        self._prefilling.clear()
        self._decoding.clear()
        self._begun.clear()
        self._rows_since_chunk = 0
        self._steps.start_over()

    def begin(self, reports: Sequence[StageReport]) -> None:
        """The stages have dropped everything, and say this of themselves. The chunk is chosen the first time only."""
        self.open.begin(reports)
        if not self._chunk.usual:
            self._chunk = choose_chunk_sizes(reports)
        self._micro_batches = MicroBatches(reports, fixed=self._fixed_micro_batches)
        self.outputs = reports[-1].outputs if reports else ()

    def resize(self, resized: Sequence[Resized]) -> None:
        """Some stages' caches may take more or less. Those that have no room any more wait, but for one."""
        if not resized:
            return
        self.open.resize(resized)
        while self.open.is_overfull and (youngest := self.open.youngest()) is not None:
            self._send_back(youngest)

    def look_around(self) -> None:
        """A step soon, if only to hear what stages have to say."""
        self._steps.look_soon()

    def too_long(self) -> list[SequenceState]:
        """Those that were taken when the caches had more room, and have no room even alone with what is known now."""
        return [sequence for sequence in self.waiting if sequence.least > self.open.context]

    def failing_with(self, number: int) -> Sequence[Plan]:
        """The steps of which one has failed when that one's answer says so.

        A device that computes the next step meanwhile tells of a failure whenever it is waited for.
        """
        return [plan for plan in self.under_way if self._runs_ahead or plan.number == number]

    # steps ---------------------------------------------------------------------------------------------------

    @property
    def under_way(self) -> Sequence[Plan]:
        """Steps without an answer, the oldest first."""
        return self._steps.plans

    def settle(self, seconds: Sequence[float]) -> Plan:
        """The oldest step was answered; each stage took so long. What was drawn is to be added to the sequences."""
        plan, round_trip = self._steps.settle()
        self.row_limit.went_well(len(plan.rows))
        if plan.decoding and not plan.runs_ahead:
            pairs = zip(plan.decoded, plan.rows, strict=False)
            self._decoding.come_home(sequence for sequence, row in pairs if sequence.id == row.sequence)
        for sequence in plan.decoded:
            sequence.is_suspect = False
        if plan.kind == "decode":
            self._micro_batches.note(len(plan.rows), seconds, round_trip)
            self._decode_seconds = max(seconds, default=0.0)
        elif plan.kind == "chunk":
            self._note_chunk(plan, max(seconds, default=0.0))
        return plan

    def _note_chunk(self, plan: Plan, seconds: float) -> None:
        """What its prompts took, without the streams that went with them: these would wait as long without a prompt."""
        own = seconds - (self._decode_seconds if plan.decoding else 0.0)
        tokens = sum(row.count for row in plan.rows[plan.decoding :])
        for sequence in plan.sequences[plan.decoding :]:
            sequence.seconds_per_token = max(0.0, own) / tokens

    def next_plan(self) -> Plan | None:
        """The next step, now under way; None when there is nothing to do before an answer or a new sequence comes."""
        if self.open.may_exceed and self.open.holds_what_is_open and not self.too_long():
            self.open.bound()
        together = self._stages == 1 and not self._is_suspect_next
        plan = (self._next_together() if together else self._next_in_turn()) or self._housekeeping()
        if plan is not None and plan.kind == "chunk":
            self._rows_since_chunk = 0
        elif plan is not None and plan.kind == "decode":
            self._rows_since_chunk += len(plan.rows)
        return plan

    def _next_together(self) -> Plan | None:
        """What decodes, with a chunk. The chunk waits for those that are under way, or they would wait for two."""
        step = self._next_batch()
        if step.rows or not self._decoding.are_some_under_way:
            self._add_chunk(step)
        step = step if step.rows else self._next_batch()  # a prompt of one token decodes at once
        return self._issue(step) if step.rows else None

    def _next_in_turn(self) -> Plan | None:
        everybody_went = self._rows_since_chunk >= len(self._decoding)
        plan = self._next_chunk() if everybody_went else None
        return plan or self._next_decode() or self._next_chunk() or self._next_decode()

    def _next_decode(self) -> Plan | None:
        step = self._next_batch()
        return self._issue(step) if step.rows else None

    def _next_chunk(self) -> Plan | None:
        if not self._steps.admit_a_chunk:
            return None
        self._add_chunk(step := StepDraft())
        return self._issue(step) if step.rows else None

    def _next_batch(self) -> StepDraft:
        """A micro-batch; those of its sequences that the caches have no more room for are back in the queue."""
        step = StepDraft()
        batch = self._decoding.next_batch(self._wanted_batches(), self.row_limit.most)
        for sequence in batch:
            self._make_room_for(sequence)
        ready = [sequence for sequence in batch if sequence.id is not None]
        if batch and not ready:
            self._decoding.come_home(())
        for sequence in ready:
            step.add_decoding(sequence)
        step.runs_ahead = self._send_home_ahead(ready)
        return step

    def _send_home_ahead(self, batch: Sequence[SequenceState]) -> bool:
        """Let those that are being drawn for be in the next step already. All or none: a batch that parts is slow."""
        if not (self._runs_ahead and all(sequence.may_run_ahead for sequence in batch)):
            return False
        going_on = [sequence for sequence in batch if not sequence.ends_with_next]
        if going_on:
            self._decoding.come_home(going_on)
        return bool(going_on)

    def _add_chunk(self, step: StepDraft) -> None:
        """As much of the next prompts as may go; what they began in is kept before others begin with it."""
        is_idle = self._nobody_waits(step)
        left = self._chunk.idle if is_idle else self._chunk_while_some_wait
        closed = len(step.rows) == self.row_limit.most
        while left > 0 and not closed and (sequence := self._next_to_prefill(step)) is not None:
            computed = sequence.prefill_left
            if computed:
                most = self._chunk.usual if is_idle else self._chunk.of_one(sequence.seconds_per_token)
                step.add_chunk(sequence, min(left, most))
                left -= computed  # also what it has left: one long prompt after the other, not all at once
            closed = sequence.is_suspect or len(step.rows) == self.row_limit.most
            if not sequence.prefill_left:
                self._prefilling.remove(sequence)
                closed |= self._prefilled(sequence, computed=computed > 0)

    @property
    def _chunk_while_some_wait(self) -> int:
        is_crowded = len(self.waiting) + len(self._prefilling) > len(self._decoding)
        return self._chunk.crowded if is_crowded else self._chunk.usual

    def _nobody_waits(self, step: StepDraft) -> bool:
        """Whether no stream is held up by a longer step: none has a first token, or all go on in this one with it."""
        if self._stages > 1:
            return not any(sequence.has_drawn for sequence in self._decoding.members)
        return len(self._decoding) == step.decoding and all(
            row.position < len(sequence.prompt_ids) for row, sequence in zip(step.rows, step.sequences, strict=True)
        )

    def _housekeeping(self) -> Plan | None:
        if not (self.open.has_operations or self._steps.looks_due):
            return None
        return self._issue(StepDraft())

    def _issue(self, step: StepDraft) -> Plan:
        begun, self._begun = self._begun, []
        return self._steps.issue(
            step.kind,
            self.open.take_operations(),
            rows=step.rows,
            sequences=step.sequences,
            inputs=step.inputs,
            begun=begun,
            decoding=step.decoding,
            runs_ahead=step.runs_ahead,
        )

    def _wanted_batches(self) -> int:
        """While a prompt of several chunks is computed, these keep the stages busy: one micro-batch then."""
        if self._prefilling:
            return 1
        members = len(self._decoding)
        return max(self._micro_batches.wanted(members), -(-members // (self.row_limit.most or members or 1)))

    @property
    def _is_suspect_next(self) -> bool:
        """Whether the next prompt is to have steps of its own."""
        following = self._prefilling or self.waiting
        return bool(following) and following[0].is_suspect

    # opening, and going back to the queue --------------------------------------------------------------------

    def _next_to_prefill(self, step: StepDraft) -> SequenceState | None:
        """Whose prompt goes on, or who is opened, in a step that has some rows already."""
        if going_on := next((each for each in self._prefilling if each not in step.sequences), None):
            return None if step.rows and going_on.is_suspect else going_on
        if not self.waiting or len(self.open.by_name) >= MOST_OPEN or (step.rows and self.waiting[0].is_suspect):
            return None
        sequence = self.waiting[0]
        known = len(sequence.tokens)
        room = min(known + min(self._chunk.usual, HEADROOM), max(known, min(sequence.most, self.open.context)))
        if not self.open.try_open(sequence, room if sequence.wants == "tokens" else known):
            return None
        self.waiting.popleft()
        self._begun.append(sequence)
        self._prefilling.append(sequence)
        return sequence

    def _prefilled(self, sequence: SequenceState, *, computed: bool) -> bool:
        """Its prompt is in issued steps; whether what it then holds is kept first, for others to begin with."""
        if sequence.wants != "tokens":
            return False
        self._decoding.join(sequence)
        if not computed:
            return False
        others = sequence.has_siblings or self.open.keeps_whole_only
        wanted = others or (bool(self.waiting) and self.open.helps(sequence, self.waiting[0]))
        return wanted and self.open.keep_computed(sequence)

    def _make_room_for(self, sequence: SequenceState) -> None:
        """For one more token, at the cost of those opened last; it may be itself that has to wait."""
        while sequence.id is not None and not self.open.try_grow(sequence):
            self._send_back(self.open.youngest() or sequence)

    def _send_back(self, sequence: SequenceState) -> None:
        """To the queue, unless nobody has left it too little room."""
        self._close(sequence, keep=False)
        if self.open.by_name:
            self.waiting.appendleft(sequence)
        else:
            self.outgrown.append(sequence)

    def _close(self, sequence: SequenceState, *, keep: bool) -> None:
        self._decoding.leave(sequence)
        if sequence in self._prefilling:
            self._prefilling.remove(sequence)
        if sequence in self._begun:
            self._begun.remove(sequence)
        self.open.close(sequence, keep=keep)
