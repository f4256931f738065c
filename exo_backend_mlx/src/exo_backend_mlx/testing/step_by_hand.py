"""Stages of one model driven without an engine: the reference that splits are compared with."""

from __future__ import annotations

from collections.abc import Sequence

from exo_core.requests import Sampling
from exo_engine.stage import Activation, Stage
from exo_engine.steps import Drawn, Open, Row

GREEDY = Sampling(temperature=0, logprobs=20)
SEQUENCE = 1


def run_stages(
    stages: Sequence[Stage], prompt: Sequence[int], tokens: int, *, chunk: int = 512, sampling: Sampling = GREEDY
) -> list[Drawn]:
    """Prefill `prompt` in chunks, then draw `tokens` tokens one at a time; leaves the sequence closed."""
    for stage in stages:
        stage.open(Open(sequence=SEQUENCE, choice=0, sampling=sampling, prompt_ids=tuple(prompt)))
    drawn: list[Drawn] = []
    position, pending = 0, list(prompt)
    while len(drawn) < tokens:
        part, pending = pending[:chunk], pending[chunk:]
        row = Row(sequence=SEQUENCE, position=position, count=len(part), sample=not pending)
        position += len(part)
        drawn.extend(forward(stages, [row], part))
        pending = pending or [drawn[-1].token_id]
    for stage in stages:
        stage.close(SEQUENCE)
    return drawn


def forward(stages: Sequence[Stage], rows: Sequence[Row], token_ids: Sequence[int]) -> Sequence[Drawn]:
    """One step through all stages."""
    carried: Sequence[int] | Activation | Sequence[Drawn] = token_ids
    for stage in stages:
        carried = stage.forward(rows, carried)  # pyright: ignore[reportArgumentType] — only the last one draws
    return [item for item in carried if isinstance(item, Drawn)] if not isinstance(carried, Activation) else []
