"""Whatever is done to sequences that decode together, each goes on as if it were computed alone.

Two stages of one model do the same operations; the second gets every row in a forward of its own, so that nothing of it
lies in slabs. The tokens are given, not drawn, so that the two never part at a near tie.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import cast

import mlx.core as mx
import pytest

from exo_backend_mlx.evaluation import evaluate
from exo_backend_mlx.layer_caches.kinds import layer_cache
from exo_backend_mlx.loading import load_stage
from exo_backend_mlx.mlx_lm_facade import models as mlx_lm
from exo_backend_mlx.model_config import read_config
from exo_backend_mlx.slabs import Slab
from exo_core.requests import Sampling
from exo_engine.stage import TailOutput
from exo_engine.steps import Drawn, Open, Row, Start

ModelFolder = Callable[..., Path]
SAMPLING = Sampling(temperature=0, logprobs=5)


class Both:
    """The stage under test, and the one that computes row by row."""

    def __init__(self, folder: Path, layers: int) -> None:
        self.together = load_stage(folder, 0, layers)
        self._alone = load_stage(folder, 0, layers)
        self.in_slabs = 0

    def open(self, sequence: int, length: int, start: Start | None = None) -> None:
        """A sequence whose prompt is `length` tokens; all but the last are computed, from a snapshot's end on."""
        prompt = tuple(token(sequence, position) for position in range(length))
        for stage in (self.together, self._alone):
            stage.open(Open(sequence=sequence, choice=0, sampling=SAMPLING, prompt_ids=prompt, start=start))
        begin = start.length if start else 0
        if begin < length - 1:
            row = Row(sequence=sequence, position=begin, count=length - 1 - begin)
            for stage in (self.together, self._alone):
                stage.forward([row], prompt[begin:-1])

    def decode(self, sequences: Sequence[int]) -> None:
        """One token of each, and the same of both stages."""
        held = self.together.lengths()
        rows = [Row(sequence=one, position=held[one], count=1, output="token") for one in sequences]
        tokens = [token(row.sequence, row.position) for row in rows]
        found = drawn(self.together.forward(rows, tokens))
        expected = [drawn(self._alone.forward([row], [given]))[0] for row, given in zip(rows, tokens, strict=True)]
        for one, other in zip(found, expected, strict=True):
            assert one.sequence == other.sequence
            assert dict(one.top).get(other.token_id) == pytest.approx(other.logprob, abs=1e-4)
        assert self.together.lengths() == self._alone.lengths()
        self.in_slabs = max(self.in_slabs, slots_in_use(self))

    def trim(self, sequence: int, length: int) -> None:
        self.together.trim(sequence, length)
        self._alone.trim(sequence, length)

    def snapshot(self, sequence: int, snapshot: int) -> None:
        self.together.snapshot(sequence, snapshot)
        self._alone.snapshot(sequence, snapshot)

    def close(self, sequence: int, keep: int | None = None) -> None:
        self.together.close(sequence, keep)
        self._alone.close(sequence, keep)


def token(sequence: int, position: int) -> int:
    """The same for all sequences at first, so that snapshots are prefixes of others."""
    return (position * 11) % 380 if position < 200 else (sequence * 53 + position * 7) % 380


def drawn(output: object) -> Sequence[Drawn]:
    assert isinstance(output, TailOutput)
    return output.drawn


def slots_in_use(both: Both) -> int:
    opened = both.together._open.values()  # pyright: ignore[reportPrivateUsage] — nothing else tells where a row lies
    return sum(sequence.caches.slot is not None for sequence in opened)


def test_sequences_outgrow_their_slabs_leave_and_enter_others(model_folder: ModelFolder) -> None:
    both = Both(model_folder(architecture="llama", layers=2), 2)
    for sequence in range(8):
        both.open(sequence, 246 + sequence)
    for _ in range(14):
        both.decode(range(8))
    assert both.in_slabs == 8
    for sequence in range(5):
        both.close(sequence)
    for sequence in range(10, 16):
        both.open(sequence, 20 * sequence)
    both.decode([15, 7, 12, 11, 6, 14, 5, 13, 10])
    both.decode([5, 6])
    both.decode([7])
    assert sorted(both.together.lengths()) == [5, 6, 7, 10, 11, 12, 13, 14, 15]


def test_who_joins_one_by_one_is_taken_in_once_there_are_a_quarter_as_many(model_folder: ModelFolder) -> None:
    both = Both(model_folder(architecture="llama", layers=2), 2)
    lying: list[int] = []
    for sequence in range(12):
        both.open(sequence, 30 + 3 * sequence)
        both.decode(range(sequence + 1))
        lying.append(slots_in_use(both))
    assert lying == [0, 0, 0, 0, 0, 6, 6, 8, 8, 10, 10, 10]
    assert slabs_in_use(both) == 1
    both.close(3)
    both.close(9)
    both.decode([11, 0, 10, 8, 7, 6, 5, 4, 2, 1])
    assert slots_in_use(both) == 10, "two of them are where others were"


def slabs_in_use(both: Both) -> int:
    opened = both.together._open.values()  # pyright: ignore[reportPrivateUsage] — as above
    return len({id(sequence.caches.slot.slab) for sequence in opened if sequence.caches.slot is not None})


def test_sequences_of_one_length_outgrow_their_slab_together(model_folder: ModelFolder) -> None:
    both = Both(model_folder(architecture="lfm2", layers=4), 4)
    for sequence in range(7):
        both.open(sequence, 254)
    both.decode(range(7))
    residence = both.together._open[0].caches.slot  # pyright: ignore[reportPrivateUsage] — nothing else tells where a row lies
    for _ in range(5):
        both.decode(range(7))
    assert residence is not None
    assert residence.slab.capacity == 512
    assert slots_in_use(both) == 7


def test_windows_that_are_longer_than_a_slab_lie_in_it_until_they_are_full(model_folder: ModelFolder) -> None:
    """Two of three layers see 300 tokens: a slab of 256 holds them, at 300 each layer's own cache turns round."""
    folder = model_folder(architecture="gemma3_text", layers=3, overrides={"sliding_window": 300})
    both = Both(folder, 3)
    for sequence in range(6):
        both.open(sequence, 200 + sequence)
    both.decode(range(6))
    assert both.in_slabs == 6
    for sequence in range(6):
        both.close(sequence)
        both.open(10 + sequence, 290 + sequence)
    for _ in range(14):
        both.decode(range(10, 16))


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_done_to_sequences_each_goes_on_as_alone(seed: int, model_folder: ModelFolder) -> None:
    random = Random(seed)
    both = Both(model_folder(architecture=("llama", "lfm2")[seed % 2], layers=2 + seed % 2 * 2), 2 + seed % 2 * 2)
    for sequence in range(9):
        both.open(sequence, random.choice((2, 90, 250)))
    numbers, snapshots = iter(range(100, 10_000)), dict[int, int]()
    for _ in range(40):
        lengths = dict(both.together.lengths())
        one = random.choice(sorted(lengths))
        match random.randrange(7):
            case 0 if seed % 2 == 0:
                both.trim(one, max(1, lengths[one] - random.randrange(4)))
            case 1 if lengths[one] <= 200:
                snapshot = next(numbers)
                both.snapshot(one, snapshot)
                snapshots[snapshot] = lengths[one]
            case 2 if len(lengths) > 3:
                snapshot = next(numbers)
                both.close(one, snapshot)
                if lengths[one] <= 200:
                    snapshots[snapshot] = lengths[one]
            case 3 if snapshots:
                snapshot = random.choice(sorted(snapshots))
                start = Start(snapshot=snapshot, length=snapshots[snapshot], take=random.random() < 0.5)
                both.open(next(numbers), start.length + random.randrange(1, 30), start)
                if start.take:
                    del snapshots[snapshot]
            case 4:
                both.open(next(numbers), random.randrange(2, 60))
            case _:
                pass
        going = sorted(both.together.lengths())
        both.decode(random.sample(going, random.randrange(1, len(going) + 1)))
        both.decode(going)
    assert both.in_slabs >= 6


def test_a_slab_is_written_in_place(model_folder: ModelFolder) -> None:
    """Else every step would copy everybody's caches: a write takes a small part of the slab's own memory."""
    model = mlx_lm.build_model(read_config(model_folder(architecture="llama", layers=2)))
    members = [[layer_cache(cache) for cache in mlx_lm.make_caches(model)] for _ in range(8)]
    for caches in members:
        for cache in caches:
            keys = mx.zeros((1, 2, 200, 512))
            cache.own.update_and_fetch(keys, keys)
    slab = Slab(members, 256)
    size = sum(array.nbytes for layer in slab.layers if layer for array in layer)
    mx.clear_cache()
    mx.reset_peak_memory()
    before = mx.get_active_memory()
    new = mx.ones((8, 2, 512))
    for layer in range(len(slab.layers)):
        slab.write(layer, mx.arange(8), mx.array([200] * 8), new, new)
    evaluate(slab.layers)
    assert mx.get_peak_memory() - before < size / 4
    assert cell(slab, 200) == 1
    assert cell(slab, 199) == 0


def test_all_memory_is_free_again_when_the_last_sequence_left(model_folder: ModelFolder) -> None:
    both = Both(model_folder(architecture="llama", layers=2), 2)
    before = mx.get_active_memory()
    for sequence in range(8):
        both.open(sequence, 100)
    both.decode(range(8))
    assert mx.get_active_memory() > before + 8 * 256 * 2 * 2 * 128
    for sequence in range(8):
        both.close(sequence)
    assert mx.get_active_memory() <= before
    assert mx.get_cache_memory() == 0


def test_who_left_a_slab_that_lives_on_is_not_remembered(model_folder: ModelFolder) -> None:
    stage = load_stage(model_folder(architecture="llama", layers=2), 0, 2)
    for sequence in range(8):
        stage.open(Open(sequence=sequence, choice=0, sampling=SAMPLING, prompt_ids=(1,) * 100))
        stage.forward([Row(sequence=sequence, position=0, count=99)], [1] * 99)
    stage.forward([Row(sequence=one, position=99, count=1, output="token") for one in range(8)], [1] * 8)
    before = mx.get_active_memory()
    stage.close(3, 90)
    assert mx.get_active_memory() > before
    stage.evict(90)
    assert mx.get_active_memory() <= before


def test_a_kept_state_does_not_keep_those_of_the_rows_beside_it(model_folder: ModelFolder) -> None:
    stage = load_stage(model_folder(architecture="mamba2", layers=4), 0, 4)
    before = mx.get_active_memory()
    for sequence in range(16):
        stage.open(Open(sequence=sequence, choice=0, sampling=SAMPLING, prompt_ids=(1, 2)))
    for position in range(2):
        rows = [Row(sequence=one, position=position, count=1, output="token") for one in range(16)]
        stage.forward(rows, [1] * 16)
    everyone = mx.get_active_memory() - before
    stage.snapshot(3, 90)
    stage.close(4, 91)
    for sequence in range(16):
        stage.close(sequence, None)
    assert everyone > 16 * 4 * 1000
    assert mx.get_active_memory() - before < everyone / 4


def cell(slab: Slab, position: int) -> float:
    layer = slab.layers[0]
    assert layer is not None
    return cast("float", layer[0][3, 1, position, 7].item())
