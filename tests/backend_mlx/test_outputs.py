"""What the last stage gives for a row besides the token that follows: sums, scores, and tokens that a mask allows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from exo_backend_mlx.loading import load_stage
from exo_backend_mlx.stage import MlxStage
from exo_backend_mlx.testing.step_by_hand import run_stages
from exo_core.requests import Sampling
from exo_engine.stage import Activation, TailOutput
from exo_engine.steps import Open, Row, RowOutput

ModelFolder = Callable[..., Path]
PROMPT = tuple((7 * index) % 380 for index in range(150))
"""Longer than what is scored at once."""
GREEDY = Sampling(temperature=0, logprobs=20)


def run(stages: Sequence[MlxStage], output: RowOutput, cuts: Sequence[int], sampling: Sampling = GREEDY) -> TailOutput:
    """The whole prompt in chunks between `cuts`; all that the last stage gave."""
    for stage in stages:
        stage.open(Open(sequence=1, choice=0, sampling=sampling, prompt_ids=PROMPT))
    gathered = TailOutput()
    for first, end in zip([0, *cuts], [*cuts, len(PROMPT)], strict=True):
        row = Row(sequence=1, position=first, count=end - first, output=output)
        carried: Sequence[int] | Activation | TailOutput = PROMPT[first:end]
        for stage in stages:
            carried = stage.forward([row], cast("Sequence[int] | Activation", carried))
        assert isinstance(carried, TailOutput)
        gathered = TailOutput(
            gathered.drawn + carried.drawn, gathered.sums + carried.sums, gathered.scored + carried.scored
        )
    return gathered


def total(output: TailOutput) -> NDArray[np.float32]:
    return np.sum([np.frombuffer(found.values, "<f4") for found in output.sums], axis=0)


def test_sums_of_chunks_add_up_to_the_whole_texts(folder: Path, stage: MlxStage) -> None:
    whole = run([stage], "sum", [])
    assert [found.count for found in whole.sums] == [150]
    assert total(whole).shape == (64,)
    chunks = run([load_stage(folder, 0, 1), load_stage(folder, 1, 2)], "sum", [60, 61])
    assert [found.count for found in chunks.sums] == [60, 1, 89]
    assert total(chunks) == pytest.approx(total(whole), abs=1e-3)
    states = total(whole) / 150
    assert np.abs(states).max() > 0.01


def test_a_text_is_scored_as_if_each_token_had_been_drawn(folder: Path, stage: MlxStage) -> None:
    whole = run([stage], "scores", [])
    (scored,) = whole.scored
    assert scored.position == 1
    assert [token.token_id for token in scored.tokens] == list(PROMPT[1:])
    for length in (1, 64, 65, 149):
        (drawn,) = run_stages([load_stage(folder, 0, 2)], PROMPT[:length], 1)
        assert scored.tokens[length - 1].top[0] == pytest.approx(drawn.top[0], abs=1e-4)
        assert len(scored.tokens[length - 1].top) == 20


def test_a_known_tokens_score_is_what_it_was_drawn_with(stage: MlxStage) -> None:
    drawn = run_stages([stage], PROMPT[:5], 12)
    text = PROMPT[:5] + tuple(token.token_id for token in drawn)
    stage.open(Open(sequence=1, choice=0, sampling=Sampling(temperature=0), prompt_ids=text))
    output = stage.forward([Row(sequence=1, position=0, count=len(text), output="scores")], text)
    assert isinstance(output, TailOutput)
    logprobs = [token.logprob for token in output.scored[0].tokens]
    assert logprobs[4:] == pytest.approx([token.logprob for token in drawn], abs=1e-4)


def test_scores_do_not_depend_on_chunks_and_come_alone_when_nothing_else_is_asked(stage: MlxStage) -> None:
    plain = Sampling(temperature=0)
    whole = [token for scored in run([stage], "scores", [], plain).scored for token in scored.tokens]
    stage.clear()
    chunks = run([stage], "scores", [70, 149], plain)
    assert [scored.position for scored in chunks.scored] == [1, 71, 150]
    assert [len(scored.tokens) for scored in chunks.scored] == [70, 79, 0]
    pieces = [token for scored in chunks.scored for token in scored.tokens]
    assert [token.logprob for token in pieces] == pytest.approx([token.logprob for token in whole], abs=1e-4)
    assert all(token.top == () for token in whole)


def bits(allowed: set[int]) -> bytes:
    return np.packbits([token in allowed for token in range(max(allowed) + 1)], bitorder="little").tobytes()


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_only_what_a_mask_allows_is_drawn(stage: MlxStage, temperature: float) -> None:
    """Two rows in one pass, one with a mask: it holds for that row alone, and ids beyond its end are forbidden."""
    free = [drawn.token_id for drawn in run_stages([stage], PROMPT[:5], 1, sampling=GREEDY)]
    allowed = {token for token in range(300) if token % 7 == 3} - set(free)
    for sequence in (1, 2):
        sampling = Sampling(temperature=0.0 if sequence == 2 else temperature, seed=sequence, logprobs=20)
        stage.open(Open(sequence=sequence, choice=0, sampling=sampling, prompt_ids=PROMPT[:5]))
        stage.forward([Row(sequence=sequence, position=0, count=4)], PROMPT[:4])
    rows = [
        Row(sequence=1, position=4, count=1, output="token", allowed=bits(allowed)),
        Row(sequence=2, position=4, count=1, output="token"),
    ]
    output = stage.forward(rows, [PROMPT[4]] * 2)
    assert isinstance(output, TailOutput)
    masked, plain = output.drawn
    assert masked.token_id in allowed
    assert {token for token, _ in masked.top} <= allowed
    assert math.isfinite(masked.logprob or math.inf)
    assert [plain.token_id] == free


def test_an_architecture_whose_final_states_are_unknown_says_so(model_folder: ModelFolder) -> None:
    stage = load_stage(model_folder(architecture="lfm2", layers=4), 0, 4)
    assert "sum" not in stage.report().outputs
    with pytest.raises(ValueError, match="final states are not known"):
        run([stage], "sum", [])
