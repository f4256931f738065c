"""Which tokens a choice has had, and how often: counted once, then each drawn token is added.

Penalties ask for it at every token, and a history may be long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class TokenCounts:
    """Different tokens, each with how often it was generated (0: it is in the prompt only). Valid until the next."""

    token_ids: NDArray[np.int32]
    times: NDArray[np.float32]


@final
class TokenHistory:
    """`generated` came after `prompt_ids`."""

    def __init__(self, prompt_ids: Sequence[int], generated: Sequence[int] = ()) -> None:
        self._prompt_ids = prompt_ids
        self._generated = list(generated)
        self._counting: _Counting | None = None

    def note(self, index: int, token_id: int) -> None:
        """The token at `index` of the reply was drawn; whatever was drawn from there on before is forgotten."""
        self._generated[index:] = [token_id]
        if self._counting is not None and index < self._counting.generated:
            self._counting = None

    def before(self, index: int, vocabulary: int) -> TokenCounts:
        """What came before the reply's token `index`, but ids of `vocabulary` and above."""
        index = min(max(index, 0), len(self._generated))
        if self._counting is None or index < self._counting.generated:
            self._counting = _Counting(self._prompt_ids, self._generated[:index], vocabulary)
        for token_id in self._generated[self._counting.generated : index]:
            self._counting.add(token_id)
        return self._counting.counts


@final
class _Counting:
    """Of prompt and the first `generated` tokens of the reply."""

    def __init__(self, prompt_ids: Sequence[int], reply: Sequence[int], vocabulary: int) -> None:
        self.generated = len(reply)
        self._vocabulary = vocabulary
        times = np.bincount(np.array(reply, np.int64), minlength=vocabulary)[:vocabulary]
        there = np.bincount(np.array(prompt_ids, np.int64), minlength=vocabulary)[:vocabulary] + times
        found = np.flatnonzero(there)
        self._token_ids = found.astype(np.int32)
        self._times = times[found].astype(np.float32)
        self._places = {token_id: place for place, token_id in enumerate(found.tolist())}

    def add(self, token_id: int) -> None:
        self.generated += 1
        if token_id >= self._vocabulary:
            return
        place = self._places.setdefault(token_id, len(self._places))
        if place == len(self._token_ids):
            self._grow()
        self._token_ids[place] = token_id
        self._times[place] += 1

    @property
    def counts(self) -> TokenCounts:
        used = len(self._places)
        return TokenCounts(self._token_ids[:used], self._times[:used])

    def _grow(self) -> None:
        room = len(self._token_ids) + 64
        self._token_ids = np.concatenate([self._token_ids, np.zeros(room, np.int32)])
        self._times = np.concatenate([self._times, np.zeros(room, np.float32)])
