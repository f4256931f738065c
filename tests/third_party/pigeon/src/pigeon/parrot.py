"""The backend `parrot`: cards and stages of parrots; scheduling, pipelines and text are exo_engine's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import final

from exo_core.backends import BackendFacts, LoadProgress
from exo_core.cards import Card, Ends
from exo_core.identifiers import ModelId
from exo_core.placement import ShardAssignment
from exo_engine.pipeline import PipelineEngine
from pigeon.feathers import BYTES, read_config, read_feather
from pigeon.parrot_stage import ParrotStage
from pigeon.parrot_words import ParrotTokenizer


@final
class ParrotBackend:
    """See `exo_core.backends.Backend`."""

    name = "parrot"

    def probe(self) -> BackendFacts:
        """A parrot lives anywhere."""
        return BackendFacts(usable=True, device="any processor")

    def describe(self, model_id: ModelId, folder: Path) -> Card:
        """A parrot may be cut before each of its layers but the first."""
        config = read_config(folder)
        return Card(
            model_id=model_id,
            architecture=config.model_type,
            backends=(self.name,),
            layers=config.layers,
            layer_bytes=(len(BYTES),) * config.layers,
            ends=Ends(first_bytes=0, last_bytes=0),
            kv_bytes_per_token=(1,) * config.layers,
            state_bytes=(0,) * config.layers,
            cut_points=tuple(range(1, config.layers)),
            activation_bytes=1,
            context=config.context,
            dtype="U8",
        )

    def load(
        self,
        assignment: ShardAssignment,
        *,
        generation_base: tuple[str, int],
        folder: Path,
        progress: Callable[[LoadProgress], None],
    ) -> PipelineEngine:
        """Read this shard's feathers, and no others."""
        shard = assignment.shard
        layers = range(shard.start_layer, shard.end_layer)
        feathers: list[bytes] = []
        for layer in layers:
            feathers.append(read_feather(folder, layer))
            done = len(feathers) * len(BYTES)
            progress(LoadProgress(phase="loading", done=done, total=len(layers) * len(BYTES)))
        stage = ParrotStage(feathers, is_first=shard.stage == 0, is_last=shard.stage == shard.stages - 1)
        return PipelineEngine(
            stage,
            tokenizer=ParrotTokenizer() if stage.is_first else None,
            assignment=assignment,
            generation_base=generation_base,
        )
