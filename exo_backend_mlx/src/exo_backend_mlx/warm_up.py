"""One prefill and one decode step on nonsense, so that the first request does not pay for compiling kernels."""

from __future__ import annotations

from collections.abc import Callable

from exo_backend_mlx.activations import zero_activation
from exo_backend_mlx.stage import MlxStage, StageFacts
from exo_core.requests import Sampling
from exo_engine.stage import Activation
from exo_engine.steps import Open, Row

_PROMPT_TOKENS = 32
_SEQUENCE = 0


def warm_up(stage: MlxStage, on_step: Callable[[int, int], None]) -> None:
    """Leaves no sequence behind."""
    stage.open(Open(sequence=_SEQUENCE, choice=0, sampling=Sampling(temperature=0), prompt_ids=(0,) * _PROMPT_TOKENS))
    for done, (position, count) in enumerate([(0, _PROMPT_TOKENS), (_PROMPT_TOKENS, 1)]):
        on_step(done, 2)
        row = Row(sequence=_SEQUENCE, position=position, count=count, output="token")
        stage.forward([row], [0] * count if stage.is_first else _no_states(stage.facts, count))
    stage.clear()
    on_step(2, 2)


def _no_states(facts: StageFacts, tokens: int) -> Activation:
    return zero_activation(facts.activation_type, tokens, facts.hidden_size)
