"""Is a recorded answer the undisturbed one, token for token? Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from exo_core.testing.reliability.recorded_stream import Token

NEAR_TIE_NATS = 1e-4
"""Two tokens so close may change places when rounding differs, as it does when a prompt is prefilled again."""

Sameness = Literal["same", "near tie", "different"]


def first_difference(answer: Sequence[Token], reference: Sequence[Token]) -> int | None:
    """Where they part; None when one begins with the other."""
    pairs = zip(answer, reference, strict=False)
    return next((at for at, (one, other) in enumerate(pairs) if one.content != other.content), None)


def sameness(answer: Sequence[Token], reference: Sequence[Token], *, is_complete: bool) -> Sameness:
    """An answer that broke off must be a beginning; after a near tie of the reference no more can be said than length.

    A lost or doubled token is a difference: all that follow stand elsewhere.
    """
    if len(answer) > len(reference) or (is_complete and len(answer) != len(reference)):
        return "different"
    at = first_difference(answer, reference)
    if at is None:
        return "same"
    return "near tie" if reference[at].margin <= NEAR_TIE_NATS else "different"
