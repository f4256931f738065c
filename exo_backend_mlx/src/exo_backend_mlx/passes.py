"""How the rows of one forward are divided into passes through the layers: alone, or one token of each of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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


Pass = Sequence[Member]
"""Rows that go through the layers at once; several only if each has one token and a sequence of its own."""


def divide(members: Sequence[Member], *, together: bool) -> list[Pass]:
    """Rows that decode go together if they may (and no sequence has two), every other row alone."""
    decoding = [member for member in members if _decodes(member)]
    distinct = len({member.row.sequence for member in members}) == len(members)
    if not together or not distinct or len(decoding) < 2:
        return [[member] for member in members]
    alone = [[member] for member in members if not _decodes(member)]
    return [decoding, *alone]


def _decodes(member: Member) -> bool:
    return member.row.count == 1 and member.row.output == "token"


def inputs_of(members: Pass, received: mx.array) -> mx.array:
    """A pass's part, (rows, tokens, …), of what a forward received, (1, all tokens, …)."""
    if len(members) == 1:
        first, count = members[0].at, members[0].row.count
        return received if count == received.shape[1] else received[:, first : first + count]
    columns = mx.swapaxes(received, 0, 1)
    whole = len(members) == received.shape[1]
    return columns if whole else columns[mx.array([member.at for member in members])]


def outputs_of(passes: Sequence[Pass], states: Sequence[mx.array]) -> mx.array:
    """What the passes gave, each (rows, tokens, hidden size), as (1, all tokens, hidden size) in the rows' order."""
    flat = [mx.reshape(state, (1, -1, state.shape[-1])) for state in states]
    if len(flat) == 1:
        return flat[0]
    order = [token for members in passes for member in members for token in _tokens(member)]
    return mx.concatenate(flat, axis=1)[:, mx.argsort(mx.array(order))]


def _tokens(member: Member) -> range:
    return range(member.at, member.at + member.row.count)
