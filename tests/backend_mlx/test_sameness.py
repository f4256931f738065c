"""Greedy text does not depend on how it is computed: batched, split, from kept caches it is the whole model's, alone.

Equal token by token until a step whose two best scores lie within 1e-4 in the whole model computed one request at a
time; from there on another text is as good. Prompts of every kind are there: taken from a kept conversation, shared
with one, cut where that can be, and new.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from exo_backend_mlx.loading import load_stage
from exo_backend_mlx.stage import MlxStage
from exo_backend_mlx.testing.step_by_hand import forward, run_stages
from exo_core.requests import Sampling
from exo_engine.steps import Drawn, Open, Row, Start

ModelFolder = Callable[..., Path]
NEAR_TIE = 1e-4
LAYERS, TOKENS, CHUNK, KEPT = 4, 40, 13, 99
ALONE = Sampling(temperature=0, logprobs=2)
TOGETHER = Sampling(temperature=0)
BEGINNING = tuple((index * 29) % 380 for index in range(33))
PROMPTS: Mapping[int, tuple[int, ...]] = {
    1: (*BEGINNING, 7, 8, 9),
    2: (*BEGINNING, 100, 101),
    3: (*BEGINNING[:20], 5),
    4: tuple((index * 31) % 380 for index in range(3)),
    5: tuple((index * 37) % 380 for index in range(60)),
    6: (*BEGINNING, 300),
    7: (17,),
    8: (*BEGINNING, 9, 9, 9, 9),
}
"""1, 2, 6 and 8 begin with what was kept; 3 with a part of it."""


CUT = ("llama", "qwen3", "gemma3_text", "qwen3_moe", "gpt_oss")
WHOLE = ("lfm2", "qwen3_next")
"""With states that do not grow, in architectures that are not cut yet."""


@pytest.mark.parametrize("architecture", [*CUT, *WHOLE])
def test_greedy_text_is_that_of_the_whole_model_alone(architecture: str, model_folder: ModelFolder) -> None:
    folder = model_folder(architecture=architecture, layers=LAYERS)
    whole = load_stage(folder, 0, LAYERS)
    alone = {one: run_stages([whole], prompt, TOKENS, chunk=CHUNK, sampling=ALONE) for one, prompt in PROMPTS.items()}
    ranges = [(0, 1), (1, 3), (3, LAYERS)] if architecture in CUT else [(0, LAYERS)]
    stages = [load_stage(folder, start, end) for start, end in ranges]
    for one, text in together(stages).items():
        check_same(text, alone[one])


def together(stages: Sequence[MlxStage]) -> Mapping[int, list[int]]:
    """All prompts' answers, decoded beside each other."""
    keep_beginning(stages)
    for number, (one, prompt) in enumerate(PROMPTS.items()):
        start = start_for(stages, prompt, take=number == len(PROMPTS) - 1)
        for stage in stages:
            stage.open(Open(sequence=one, choice=0, sampling=TOGETHER, prompt_ids=prompt, start=start))
        prefill(stages, one, prompt, start.length if start else 0)
    texts: dict[int, list[int]] = {one: [] for one in PROMPTS}
    for _ in range(TOKENS):
        held = stages[0].lengths()
        rows = [Row(sequence=one, position=held[one], count=1, output="token") for one in PROMPTS]
        for drawn in forward(stages, rows, [(*PROMPTS[one], *texts[one])[-1] for one in PROMPTS]):
            texts[drawn.sequence].append(drawn.token_id)
    return texts


def keep_beginning(stages: Sequence[MlxStage]) -> None:
    for stage in stages:
        stage.open(Open(sequence=50, choice=0, sampling=TOGETHER, prompt_ids=BEGINNING))
    prefill(stages, 50, (*BEGINNING, 0), 0)
    for stage in stages:
        stage.close(50, KEPT)


def start_for(stages: Sequence[MlxStage], prompt: tuple[int, ...], *, take: bool) -> Start | None:
    """The longest beginning that the kept caches can give; all of them or nothing where they cannot be cut."""
    common = next((at for at, pair in enumerate(zip(BEGINNING, prompt, strict=False)) if pair[0] != pair[1]), None)
    length = min(len(BEGINNING), len(prompt)) - 1 if common is None else common
    if prompt[: len(BEGINNING)] == BEGINNING:
        return Start(snapshot=KEPT, length=len(BEGINNING), take=take)
    layers = [layer for stage in stages for layer in stage._snapshots[KEPT].layers]  # pyright: ignore[reportPrivateUsage] — windows that are full cannot, which the head learns from the report
    can_be_cut = all(layer.can_forget(1) for layer in layers)
    return Start(snapshot=KEPT, length=length, take=False) if length and can_be_cut else None


def prefill(stages: Sequence[MlxStage], sequence: int, prompt: Sequence[int], begin: int) -> None:
    for position in range(begin, len(prompt) - 1, CHUNK):
        part = prompt[position : min(position + CHUNK, len(prompt) - 1)]
        forward(stages, [Row(sequence=sequence, position=position, count=len(part))], part)


def check_same(text: Sequence[int], reference: Sequence[Drawn]) -> None:
    for token_id, drawn in zip(text, reference, strict=True):
        if token_id != drawn.token_id:
            assert drawn.top[0][1] - drawn.top[1][1] < NEAR_TIE
            return
