"""`PipelineEngine` over arithmetic stages in threads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from exo_core.cards import Card, Ends
from exo_core.identifiers import ModelId
from exo_core.testing.assignments import even_assignments
from exo_core.testing.engine_threads import EngineThreads
from exo_engine.answers.markup import NO_MARKUP, Markup
from exo_engine.pipeline import PipelineEngine
from exo_engine.steps import StageReport
from exo_engine.testing.arithmetic_stage import ArithmeticStage
from exo_engine.testing.byte_tokenizer import EOS, ByteTokenizer

LAYERS = 6


@dataclass(frozen=True)
class ArithmeticPipeline:
    """The stages, to look into and to break, and the threads that run them."""

    stages: list[ArithmeticStage]
    threads: EngineThreads


def arithmetic_pipeline(
    stages: int,
    *,
    context: int = 4096,
    prefill_chunk: int = 16,
    capacity: int = 64,
    tokens: Sequence[int] = range(EOS),
    told: StageReport | None = None,
    markup: Markup = NO_MARKUP,
) -> ArithmeticPipeline:
    """`LAYERS` layers over that many stages; enter its `threads` to run it.

    `tokens` is what may be drawn, `told` what every stage says of itself, `markup` that of its answers.
    """
    card = arithmetic_card(context)
    assignments = even_assignments(card, stages, backend="arithmetic", prefill_chunk=prefill_chunk)
    parts = [
        ArithmeticStage(start=part.shard.start_layer, end=part.shard.end_layer, layers=LAYERS, tokens=tokens, told=told)
        for part in assignments
    ]

    def load(stage: int) -> PipelineEngine:
        tokenizer = ByteTokenizer(markup) if stage == 0 else None
        base = ("placement-1", 1)
        return PipelineEngine(parts[stage], tokenizer=tokenizer, assignment=assignments[stage], generation_base=base)

    loaders = [lambda stage=stage: load(stage) for stage in range(stages)]
    return ArithmeticPipeline(parts, EngineThreads(loaders, capacity=capacity))


def arithmetic_card(context: int) -> Card:
    """A card that may be cut anywhere."""
    return Card(
        model_id=ModelId("arithmetic"),
        architecture="arithmetic",
        backends=("arithmetic",),
        layers=LAYERS,
        layer_bytes=(8,) * LAYERS,
        ends=Ends(first_bytes=0, last_bytes=0),
        kv_bytes_per_token=(4,) * LAYERS,
        state_bytes=(0,) * LAYERS,
        cut_points=tuple(range(1, LAYERS)),
        activation_bytes=4,
        context=context,
        dtype="F32",
    )
