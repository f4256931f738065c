"""Rows of several sequences in one pass give what each sequence gives alone, for every architecture that says so.

Sequences join and leave between steps, their prompts in the steps of those that decode, so that each is computed beside
others of every length. Rounding may differ, since other shapes are multiplied; greedy tokens may differ from the first
step on whose two best lie within 1e-4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from exo_backend_mlx.architectures import ARCHITECTURES
from exo_backend_mlx.loading import load_stage
from exo_backend_mlx.stage import MlxStage
from exo_backend_mlx.testing.step_by_hand import GREEDY, forward, run_stages
from exo_engine.steps import Drawn, Open, Row

ModelFolder = Callable[..., Path]
NEAR_TIE = 1e-4
LAYERS = 4
AMPLIFIED = {"qwen3_next": 2e-3}
"""Recurrent states are divided by their norms, which lie near zero in a random model: rounding grows."""
TOKENS = 24
JOINS = {
    1: (0, 20), 2: (0, 3), 3: (4, 37), 4: (9, 1), 5: (9, 14), 6: (10, 245), 7: (10, 2), 8: (10, 9), 9: (10, 30),
    10: (26, 12), 11: (30, 33),
}  # fmt: skip
"""Sequence to the step at which it joins and the length of its prompt; each leaves after `TOKENS` tokens."""


@pytest.mark.parametrize("architecture", sorted(name for name, known in ARCHITECTURES.items() if known.rows))
def test_rows_together_give_what_each_gives_alone(architecture: str, model_folder: ModelFolder) -> None:
    stage = load_stage(model_folder(architecture=architecture, layers=LAYERS), 0, LAYERS)
    alone = {sequence: run_stages([stage], prompt(sequence), TOKENS) for sequence in JOINS}
    assert len({drawn.token_id for answer in alone.values() for drawn in answer}) > 5, "little text proves little"
    together = run_together([stage])
    for sequence, expected in alone.items():
        check_same(together[sequence], expected, AMPLIFIED.get(architecture, NEAR_TIE))
    assert not stage.lengths()


@pytest.mark.parametrize("architecture", ["gemma3_text", "qwen3_moe"])
def test_rows_cross_cuts_together(architecture: str, model_folder: ModelFolder) -> None:
    folder = model_folder(architecture=architecture, layers=LAYERS)
    stages = [load_stage(folder, 0, 1), load_stage(folder, 1, 3), load_stage(folder, 3, LAYERS)]
    assert run_together(stages) == run_together([load_stage(folder, 0, LAYERS)])


@pytest.mark.parametrize("architecture", ["phi", "stablelm"])
def test_models_that_widen_keys_before_attention_widen_those_of_rows(
    architecture: str, model_folder: ModelFolder
) -> None:
    """Stored in half precision, which rounds by more than a hundredth."""
    folder = model_folder(architecture=architecture, layers=LAYERS, stored="bfloat16")
    stage = load_stage(folder, 0, LAYERS)
    together = run_together([stage])
    for sequence in JOINS:
        (alone,) = run_stages([stage], prompt(sequence), 1)
        assert together[sequence][0].top[0][1] == pytest.approx(alone.top[0][1], abs=0.1)


def prompt(sequence: int) -> tuple[int, ...]:
    return tuple((sequence * 53 + index * 11) % 380 for index in range(JOINS[sequence][1]))


def run_together(stages: list[MlxStage]) -> Mapping[int, list[Drawn]]:
    answers: dict[int, list[Drawn]] = {}
    step = 0
    while not answers or any(len(answer) < TOKENS for answer in answers.values()):
        joining = [sequence for sequence, (at, _) in JOINS.items() if at == step]
        proceed(stages, answers, joining)
        answers |= {sequence: [] for sequence in joining}
        step += 1
    return answers


def proceed(stages: list[MlxStage], answers: Mapping[int, list[Drawn]], joining: Sequence[int]) -> None:
    """One token of every sequence that is not finished, in falling order of their numbers, and then who joins."""
    rows, ids = decoding_rows(stages, answers)
    for sequence in joining:
        known = prompt(sequence)
        for stage in stages:
            stage.open(Open(sequence=sequence, choice=0, sampling=GREEDY, prompt_ids=known))
        if len(known) > 1:
            rows.append(Row(sequence=sequence, position=0, count=len(known) - 1))
            ids += known[:-1]
    for drawn in forward(stages, rows, ids) if rows else ():
        answers[drawn.sequence].append(drawn)
        if len(answers[drawn.sequence]) == TOKENS:
            for stage in stages:
                stage.close(drawn.sequence, None)


def decoding_rows(stages: list[MlxStage], answers: Mapping[int, list[Drawn]]) -> tuple[list[Row], list[int]]:
    going = sorted((sequence for sequence, answer in answers.items() if len(answer) < TOKENS), reverse=True)
    held = stages[0].lengths()
    rows = [Row(sequence=sequence, position=held[sequence], count=1, output="token") for sequence in going]
    return rows, [answers[one][-1].token_id if answers[one] else prompt(one)[-1] for one in going]


def check_same(found: list[Drawn], expected: list[Drawn], rounding: float) -> None:
    """Equal logprobs but for rounding, until greedy tokens part at a near tie."""
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        likely = dict(other.top)
        for token_id, value in one.top[:10]:
            assert value == pytest.approx(likely[token_id], abs=rounding, rel=rounding)
        if one.token_id != other.token_id:
            assert other.top[0][1] - other.top[1][1] < rounding
            return
