"""The token ids of a pass, of which some may be known to nobody yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import mlx.core as mx

from exo_backend_mlx.sequences import OpenSequence, TokenToCome
from exo_engine.steps import Row


def token_ids(rows: Sequence[Row], known: Sequence[int], sequences: Sequence[OpenSequence]) -> mx.array:
    """(1, tokens) of all rows, from the ids of those that are not `drawn`, and each row's sequence.

    Raises `ValueError` if there are more or fewer ids, or nothing was drawn for a row that is.
    """
    count = sum(row.count for row in rows if not row.drawn)
    if len(known) != count:
        message = f"{len(known)} token ids were given for {count} tokens"
        raise ValueError(message)
    if all(not row.drawn for row in rows):
        return mx.array([list(known)], mx.int32)
    to_come = [_to_come(sequence) for row, sequence in zip(rows, sequences, strict=True) if row.drawn]
    if len(to_come) == len(rows) and _is_all_of_one(to_come):
        return mx.reshape(to_come[0].tokens, (1, -1))
    return _picked(rows, known, to_come)


def _to_come(sequence: OpenSequence) -> TokenToCome:
    if sequence.to_come is None:
        message = f"nothing was drawn for sequence {sequence.id}"
        raise ValueError(message)
    return sequence.to_come


def _is_all_of_one(to_come: Sequence[TokenToCome]) -> bool:
    """Whether they are what one step drew, in its order."""
    tokens = to_come[0].tokens
    in_order = [each.at for each in to_come] == list(range(tokens.size))
    return in_order and all(each.tokens is tokens for each in to_come)


def _picked(rows: Sequence[Row], known: Sequence[int], to_come: Sequence[TokenToCome]) -> mx.array:
    drawn = {id(each.tokens): each.tokens for each in to_come}
    starts: dict[int, int] = {}
    end = len(known)
    for name, tokens in drawn.items():
        starts[name] = end
        end += tokens.size
    pool = mx.concatenate([mx.array(list(known), mx.int32), *(tokens.astype(mx.int32) for tokens in drawn.values())])
    of_drawn = (starts[id(each.tokens)] + each.at for each in to_come)
    return pool[mx.array(list(_places(rows, of_drawn)))][None]


def _places(rows: Sequence[Row], of_drawn: Iterator[int]) -> Iterator[int]:
    known = 0
    for row in rows:
        if row.drawn:
            yield next(of_drawn)
        else:
            yield from range(known, known + row.count)
            known += row.count
