"""Which steps have no answer yet, and whether another chunk of prompts may follow them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import final

from exo_engine.plan import Plan, PlanKind
from exo_engine.sequence import SequenceState
from exo_engine.steps import Forward, Operation, Row

LOOK_AFTER = 1.0
"""Seconds after which an idle head hears what other stages have to say."""


@final
class StepsUnderWay:
    """In the order in which they are answered; numbered as the step stream numbers them."""

    def __init__(self, *, stages: int, clock: Callable[[], float]) -> None:
        self._stages = stages
        self._clock = clock
        self._plans: deque[Plan] = deque()
        self._number = 0
        self._issued_at = clock()
        self._looks_soon = False

    @property
    def plans(self) -> Sequence[Plan]:
        """The oldest first."""
        return self._plans

    def start_over(self) -> None:
        """Nothing that was under way will be answered; a generation's first, empty step is."""
        self._plans.clear()
        self._number = 0
        self.issue("announcement", [])

    def issue(
        self,
        kind: PlanKind,
        operations: list[Operation],
        *,
        rows: Sequence[Row] = (),
        sequences: Sequence[SequenceState] = (),
        inputs: Sequence[int] = (),
        begun: Sequence[SequenceState] = (),
        decoding: int = 0,
        runs_ahead: bool = False,
    ) -> Plan:
        """The next step; its rows follow its other operations."""
        self._number += 1
        self._issued_at, self._looks_soon = self._clock(), False
        exact = tuple(at for at, sequence in enumerate(sequences) if sequence.exact) if self._stages > 1 else ()
        plan = Plan(
            kind=kind,
            number=self._number,
            operations=(*operations, Forward(rows=tuple(rows), exact=exact)) if rows else tuple(operations),
            rows=tuple(rows),
            sequences=tuple(sequences),
            inputs=inputs,
            begun=tuple(begun),
            issued_at=self._issued_at,
            alone=not self._plans,
            decoding=decoding,
            runs_ahead=runs_ahead,
        )
        self._plans.append(plan)
        return plan

    def look_soon(self) -> None:
        """A step is wanted, whatever it does."""
        self._looks_soon = True

    @property
    def looks_due(self) -> bool:
        """Whether a step is due that does nothing: one was wanted, or other stages were not heard of for a while.

        They may need memory back, or have some to give, and only answer steps.
        """
        is_idle = self._stages > 1 and not self._plans
        return self._looks_soon or (is_idle and self._clock() - self._issued_at >= LOOK_AFTER)

    def settle(self) -> tuple[Plan, float | None]:
        """The oldest was answered: its plan, and how long it was under way if nothing else was."""
        plan = self._plans.popleft()
        return plan, self._clock() - plan.issued_at if plan.alone and not self._plans else None

    @property
    def admit_a_chunk(self) -> bool:
        """Whether the oldest micro-batch has no more chunks behind it than would keep the other stages busy.

        So that it is home, and goes again, before more chunks have begun.
        """
        behind: int | None = None
        for plan in self._plans:
            if plan.kind == "decode" and behind is None:
                behind = 0
            elif plan.kind == "chunk" and behind is not None:
                behind += 1
        return behind is None or behind < max(1, self._stages - 1)
