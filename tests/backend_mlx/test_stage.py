"""What `exo_engine.stage.Stage` promises, kept by the stage of a real model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import mlx.core as mx
import pytest

from exo_backend_mlx.activations import from_activation, to_activation
from exo_backend_mlx.evaluation import evaluate
from exo_backend_mlx.loading import load_stage
from exo_backend_mlx.stage import MlxStage
from exo_backend_mlx.testing.step_by_hand import GREEDY, forward, run_stages
from exo_core.requests import Sampling
from exo_engine.stage import Activation
from exo_engine.steps import Drawn, Open, Row, Start

ModelFolder = Callable[..., Path]
PROMPT = (5, 6, 7, 8, 9)


def opened(stage: MlxStage, sequence: int = 1, sampling: Sampling = GREEDY, delivered: tuple[int, ...] = ()) -> None:
    stage.open(Open(sequence=sequence, choice=0, sampling=sampling, prompt_ids=PROMPT, delivered=delivered))


def row(position: int, count: int, *, sequence: int = 1, draw: bool = True) -> Row:
    return Row(sequence=sequence, position=position, count=count, output="token" if draw else "none")


def test_lengths_follow_the_rows(stage: MlxStage) -> None:
    opened(stage)
    assert stage.lengths() == {1: 0}
    assert forward([stage], [row(0, 4, draw=False)], PROMPT[:4]) == ()
    assert stage.lengths() == {1: 4}
    assert len(forward([stage], [row(4, 1)], PROMPT[4:])) == 1
    stage.close(1, None)
    assert stage.lengths() == {}


def test_trimming_and_going_on_gives_the_same_tokens(stage: MlxStage) -> None:
    expected = run_stages([stage], PROMPT, 8)
    opened(stage)
    first = forward([stage], [row(0, 5)], PROMPT)
    forward([stage], [row(5, 3)], [1, 2, 3])
    stage.trim(1, 5)
    assert stage.lengths() == {1: 5}
    assert [*first, *forward([stage], [row(5, 1)], [first[0].token_id])] == expected[:2]


def test_two_sequences_in_one_step_draw_what_each_draws_alone(stage: MlxStage) -> None:
    alone = [run_stages([stage], prompt, 1)[0] for prompt in (PROMPT, (30, 31))]
    opened(stage, 1)
    opened(stage, 2)
    rows = [row(0, 5), row(0, 2, sequence=2)]
    drawn = forward([stage], rows, [*PROMPT, 30, 31])
    assert [item.token_id for item in drawn] == [item.token_id for item in alone]
    assert [item.sequence for item in drawn] == [1, 2]


def test_rows_of_several_sequences_cross_a_cut_together(folder: Path, stage: MlxStage) -> None:
    halves = [load_stage(folder, 0, 1), load_stage(folder, 1, 2)]
    rows = [row(0, 5), row(0, 3, sequence=2, draw=False)]
    for part in (stage, *halves):
        opened(part, 1)
        opened(part, 2)
    assert forward(halves, rows, [*PROMPT, 1, 2, 3]) == forward([stage], rows, [*PROMPT, 1, 2, 3])


@pytest.mark.parametrize("take", [False, True])
def test_a_sequence_begins_with_a_snapshot_of_another(stage: MlxStage, take: bool) -> None:
    expected = run_stages([stage], PROMPT, 2)
    opened(stage)
    first = forward([stage], [row(0, 5)], PROMPT)
    stage.snapshot(1, 9)
    forward([stage], [row(5, 1)], [first[0].token_id + 1])
    start = Start(snapshot=9, length=5, take=take)
    stage.open(Open(sequence=2, choice=0, sampling=GREEDY, prompt_ids=PROMPT, start=start))
    assert stage.lengths() == {1: 6, 2: 5}
    (second,) = forward([stage], [row(5, 1, sequence=2)], [first[0].token_id])
    assert second.token_id == expected[1].token_id
    if take:
        with pytest.raises(ValueError, match="no snapshot 9"):
            stage.open(Open(sequence=3, choice=0, sampling=GREEDY, prompt_ids=PROMPT, start=start))
    else:
        stage.open(Open(sequence=3, choice=0, sampling=GREEDY, prompt_ids=PROMPT, start=start))
        stage.evict(9)


def test_what_a_closed_sequence_held_is_taken_up_shortened(stage: MlxStage) -> None:
    expected = run_stages([stage], PROMPT, 1)
    opened(stage)
    forward([stage], [row(0, 5)], PROMPT)
    stage.close(1, 9)
    assert stage.lengths() == {}
    start = Start(snapshot=9, length=4, take=True)
    stage.open(Open(sequence=2, choice=0, sampling=GREEDY, prompt_ids=PROMPT, start=start))
    (drawn,) = forward([stage], [row(4, 1, sequence=2)], PROMPT[4:])
    assert drawn.token_id == expected[0].token_id


def test_delivered_tokens_count_for_the_index_and_the_penalties(stage: MlxStage) -> None:
    """A replay that prefills prompt and delivered tokens goes on as the uninterrupted answer did."""
    sampling = Sampling(temperature=1.0, seed=4, frequency_penalty=0.5, repetition_penalty=1.2)
    whole = [drawn.token_id for drawn in run_stages([stage], PROMPT, 12, sampling=sampling)]
    delivered = tuple(whole[:6])
    opened(stage, sampling=sampling, delivered=delivered)
    again = [forward([stage], [row(0, 11)], [*PROMPT, *delivered])[0].token_id]
    for position in range(11, 16):
        again.append(forward([stage], [row(position, 1)], again[-1:])[0].token_id)
    assert again == whole[6:]


def test_logprobs_come_in_falling_order_and_only_when_asked(stage: MlxStage) -> None:
    (drawn,) = run_stages([stage], PROMPT, 1, sampling=Sampling(temperature=0, logprobs=5))
    assert drawn.top[0] == (drawn.token_id, drawn.logprob)
    assert [value for _, value in drawn.top] == sorted((value for _, value in drawn.top), reverse=True)
    assert len(drawn.top) == 5
    (plain,) = run_stages([stage], PROMPT, 1, sampling=Sampling(temperature=0))
    assert plain == Drawn(sequence=1, token_id=drawn.token_id)


@pytest.mark.parametrize(
    ("wrong", "inputs", "words"),
    [
        (row(3, 1), [1], "holds 0 tokens, not 3"),
        (row(0, 2), [1], "1 token ids were given for 2"),
        (row(0, 1, sequence=7), [1], "sequence 7 is not open"),
        (row(0, 1), Activation("F32", (1, 64), bytes(256)), "first stage takes token ids"),
    ],
)
def test_rows_that_do_not_fit_are_refused(
    stage: MlxStage, wrong: Row, inputs: list[int] | Activation, words: str
) -> None:
    opened(stage)
    with pytest.raises(ValueError, match=words):
        stage.forward([wrong], inputs)
    assert stage.lengths() == {1: 0}


@pytest.mark.parametrize(
    "received",
    [
        Activation("F32", (2, 64), bytes(512)),
        Activation("F32", (1, 32), bytes(128)),
        Activation("F32", (1, 64), bytes(255)),
        Activation("F32", (1, 64), bytes(252)),
        Activation("I32", (1, 64), bytes(256)),
        [1],
    ],
)
def test_hidden_states_that_were_not_announced_are_refused(folder: Path, received: Activation | list[int]) -> None:
    tail = load_stage(folder, 1, 2)
    opened(tail)
    with pytest.raises(ValueError, match=r"received|token ids|size"):
        tail.forward([row(0, 1)], received)
    assert tail.lengths() == {1: 0}


def test_sequences_that_do_not_fit_are_refused(stage: MlxStage) -> None:
    opened(stage)
    with pytest.raises(ValueError, match="open already"):
        opened(stage)
    with pytest.raises(ValueError, match="cannot be cut to 3"):
        stage.trim(1, 3)
    stage.close(99, None)


def test_a_full_window_cannot_be_trimmed(model_folder: ModelFolder) -> None:
    stage = load_stage(model_folder(architecture="gemma3_text", layers=3), 0, 3)
    opened(stage)
    forward([stage], [row(0, 20, draw=False)], list(range(20)))
    with pytest.raises(ValueError, match="cannot be cut at length 19"):
        stage.trim(1, 19)
    assert not stage.report().trimmable
    assert stage.lengths() == {1: 20}


def test_only_the_stages_own_weights_are_read(model_folder: ModelFolder) -> None:
    folder = model_folder(architecture="llama", layers=8, hidden=256)
    total = (folder / "model.safetensors").stat().st_size
    before = mx.get_active_memory()
    middle = load_stage(folder, 3, 4)
    assert not middle.is_first
    assert not middle.is_last
    assert mx.get_active_memory() - before < total / 6


def test_half_precision_travels_as_it_is(model_folder: ModelFolder) -> None:
    """Hidden states of bfloat16 and float16 go through bytes and back unchanged."""
    for kind in (mx.bfloat16, mx.float16, mx.float32):
        hidden = mx.random.normal((1, 3, 8)).astype(kind)
        evaluate(hidden)
        activation = to_activation(hidden)
        assert activation.shape == (3, 8)
        back = from_activation(activation, tokens=3, hidden_size=8)
        assert back.dtype == kind
        assert mx.array_equal(back, hidden).item()
        assert (
            to_activation(mx.swapaxes(hidden, 1, 2)).data
            == to_activation(mx.contiguous(mx.swapaxes(hidden, 1, 2))).data
        )
