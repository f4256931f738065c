"""What became of all streams that crossed a fault, for a verdict over many of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from exo_core.testing.reliability.recorded_stream import RecordedStream, Token
from exo_core.testing.reliability.sameness import first_difference, sameness

LONGEST_TO_ERROR_S = 60.0
NEEDED = 0.99
DISTURBED_S = 1.0


@dataclass(kw_only=True)
class Tally:
    """Counts streams. `pauses`: per stream, the longest time between two tokens after the first fault, in seconds."""

    streams: int = 0
    complete: int = 0
    near_ties: int = 0
    errors: list[str] = field(default_factory=list[str])
    pauses: list[float] = field(default_factory=list[float])

    def add(self, stream: RecordedStream, reference: Sequence[Token], faults: Sequence[float], what: str) -> None:
        """Judge a stream that ended. Raises `AssertionError` for what may never happen.

        That is: a token that is lost, doubled or wrong; a stream that crossed none of the faults; an end without a
        word, or one that came later than a minute after the last fault.
        """
        where = f"{what}: {stream.prompt!r} at {stream.gateway}"
        self.streams += 1
        same = sameness(stream.tokens, reference, is_complete=stream.is_complete)
        assert same != "different", f"{where}: {_comparison(stream.tokens, reference)}"
        self.near_ties += same == "near tie"
        self.pauses.append(_longest_pause(stream.tokens, min(faults)))
        if stream.is_complete:
            self.complete += 1
            assert any(map(stream.was_crossed_by, faults)), f"{where}: no fault fell into the stream"
            return
        assert stream.was_told, f"{where}: {stream.error}"
        seconds = stream.ended_at - max(faults)
        self.errors.append(f"{where}: {stream.error} ({seconds:.1f} s after the fault, {len(stream.tokens)} tokens)")
        assert seconds <= LONGEST_TO_ERROR_S, self.errors[-1]

    def check(self) -> None:
        """Raises `AssertionError` when too few came to their end, or too many met a near tie."""
        assert self.complete >= NEEDED * self.streams, f"{self}\n" + "\n".join(self.errors)
        assert self.near_ties <= max(1.0, (1 - NEEDED) * self.streams), str(self)

    def __str__(self) -> str:
        return (
            f"{self.streams} streams crossed a fault: {self.complete} complete, {len(self.errors)} with an error, "
            f"0 tokens lost or doubled, {self.near_ties} met a near tie; "
            f"{sum(pause >= DISTURBED_S for pause in self.pauses)} paused for {DISTURBED_S:.0f} s or more, "
            f"the longest for {max(self.pauses, default=0.0):.1f} s"
        )


def _longest_pause(tokens: Sequence[Token], since: float) -> float:
    arrivals = [since, *(token.arrived_at for token in tokens if token.arrived_at > since)]
    return max((later - earlier for earlier, later in pairwise(arrivals)), default=0.0)


def _comparison(tokens: Sequence[Token], reference: Sequence[Token]) -> str:
    at = first_difference(tokens, reference)
    if at is None:
        return f"{len(tokens)} tokens instead of {len(reference)}"
    got, wanted = (b"".join(token.content for token in these[at : at + 12]) for these in (tokens, reference))
    return f"token {at} of {len(reference)}: {got!r} instead of {wanted!r} (margin {reference[at].margin:.5f})"
