"""How the rows of one forward are divided into passes through the layers: alone, or several at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import mlx.core as mx

from exo_backend_mlx.sequences import OpenSequence
from exo_engine.steps import Row


@dataclass(frozen=True)
class Member:
    """One row of a forward: its place among the rows, its first token's place among all tokens, and its sequence."""

    place: int
    at: int
    row: Row
    sequence: OpenSequence

    @property
    def decodes(self) -> bool:
        """Whether it is one token that another is drawn after."""
        return self.row.count == 1 and self.row.output == "token"


Pass = Sequence[Member]
"""Rows that go through the layers at once, several only if each has a sequence of its own.

One row is (1, tokens) to the model; of several each token is a row, (tokens, 1).
"""


def divide(members: Sequence[Member], *, tokens_together: bool, chunks_together: bool) -> list[Pass]:
    """Rows go together if they may (and no sequence has two): those that decode, or with chunks all that compute alike.

    Every other row goes alone.
    """
    if not tokens_together or len({member.row.sequence for member in members}) < len(members):
        return [[member] for member in members]
    company = _company_of_chunks if chunks_together else _company_of_tokens
    groups = defaultdict[str | None, list[Member]](list)
    for member in members:
        groups[company(member)].append(member)
    alone = groups.pop(None, [])
    return [*groups.values(), *([member] for member in alone)]


def _company_of_tokens(member: Member) -> str | None:
    return "decoding" if member.decodes else None


def _company_of_chunks(member: Member) -> str | None:
    """Those whose states are added up need them all; scores are computed a few tokens at a time."""
    return {"none": "extended", "token": "extended", "sum": "added up", "scores": None}[member.row.output]


def inputs_of(members: Pass, received: mx.array) -> mx.array:
    """A pass's part, (rows, tokens, …), of what a forward received, (1, all tokens, …)."""
    if len(members) == 1:
        first, count = members[0].at, members[0].row.count
        return received if count == received.shape[1] else received[:, first : first + count]
    columns = mx.swapaxes(received, 0, 1)
    tokens = [token for member in members for token in _tokens(member)]
    return columns if len(tokens) == received.shape[1] else columns[mx.array(tokens)]


def places_of(members: Pass) -> Iterator[range]:
    """Of each row its tokens' places among all tokens of a pass."""
    ends = accumulate(member.row.count for member in members)
    return (range(end - member.row.count, end) for end, member in zip(ends, members, strict=True))


def outputs_of(passes: Sequence[Pass], states: Sequence[mx.array]) -> mx.array:
    """What the passes gave, each (rows, tokens, hidden size), as (1, all tokens, hidden size) in the rows' order."""
    flat = [mx.reshape(state, (1, -1, state.shape[-1])) for state in states]
    if len(flat) == 1:
        return flat[0]
    order = [token for members in passes for member in members for token in _tokens(member)]
    return mx.concatenate(flat, axis=1)[:, mx.argsort(mx.array(order))]


def _tokens(member: Member) -> range:
    return range(member.at, member.at + member.row.count)
