"""Stages of one model driven without an engine: the reference that splits are compared with."""

from __future__ import annotations

from collections.abc import Sequence

from exo_core.requests import Sampling
from exo_engine.stage import Activation, Stage, TailOutput
from exo_engine.steps import Drawn, Open, Row

GREEDY = Sampling(temperature=0, logprobs=20)
SEQUENCE = 1


def run_stages(
    stages: Sequence[Stage], prompt: Sequence[int], tokens: int, *, chunk: int = 512, sampling: Sampling = GREEDY
) -> list[Drawn]:
    """Prefill all of `prompt` but its last token in chunks, then draw `tokens` tokens, as the engine does.

    Leaves the sequence closed.
    """
    for stage in stages:
        stage.open(Open(sequence=SEQUENCE, choice=0, sampling=sampling, prompt_ids=tuple(prompt)))
    last = len(prompt) - 1
    for position in range(0, last, chunk):
        part = prompt[position : min(position + chunk, last)]
        forward(stages, [Row(sequence=SEQUENCE, position=position, count=len(part))], part)
    drawn: list[Drawn] = []
    for position in range(last, last + tokens):
        token_id = drawn[-1].token_id if drawn else prompt[-1]
        drawn.extend(forward(stages, [Row(sequence=SEQUENCE, position=position, count=1, output="token")], [token_id]))
    for stage in stages:
        stage.close(SEQUENCE, None)
    return drawn


def forward(stages: Sequence[Stage], rows: Sequence[Row], token_ids: Sequence[int]) -> Sequence[Drawn]:
    """One step through all stages; what it drew."""
    carried: Sequence[int] | Activation = token_ids
    for stage in stages:
        output = stage.forward(rows, carried)
        if isinstance(output, TailOutput):
            return output.drawn
        carried = output
    return ()
