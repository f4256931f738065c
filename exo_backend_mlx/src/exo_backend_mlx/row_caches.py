"""Caches of several sequences, seen by mlx-lm's models as one: a pass over a token of each, or over some.

Each sequence keeps caches of its own, of mlx-lm's kinds, or a slot in a slab; something stands in front of them for one
pass (`row_views.py`). So linear layers compute all rows at once, attention looks at each row's own keys and values, and
nobody's caches are copied when another sequence joins, leaves or is forked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from exo_backend_mlx.layer_caches.kinds import layer_cache
from exo_backend_mlx.mlx_lm_facade.models import Cache
from exo_backend_mlx.pass_layout import PassLayout
from exo_backend_mlx.sequence_caches import SequenceCaches


def caches_of_rows(sequences: Sequence[SequenceCaches], counts: Sequence[int], *, padded: bool = False) -> list[Cache]:
    """One cache per layer for a pass over `counts` tokens of each sequence; what its layers share, these share.

    `padded`: keys and values are given in one array, for architectures that compute attention themselves. Those have
    no slabs, and one token of each sequence.
    """
    layout = None if padded else PassLayout(sequences, counts)
    made: dict[int, object] = {}
    own = zip(*(caches.own for caches in sequences), strict=True)
    for at, (kind, rows) in enumerate(zip(sequences[0].layers, own, strict=True)):
        made[id(rows[0])] = kind.as_one(rows, layout, at)
    for rows in zip(*(caches.all for caches in sequences), strict=True):  # of other stages' layers
        if id(rows[0]) not in made:
            made[id(rows[0])] = layer_cache(rows[0]).as_one(rows, layout, 0)
    return [cast("Cache", made[id(cache)]) for cache in sequences[0].all]
