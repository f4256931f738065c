"""The backend `mlx`: `exo_core.backends.Backend`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import final

from exo_core.backends import BackendFacts, Engine, LoadProgress
from exo_core.cards import Card
from exo_core.identifiers import ModelId
from exo_core.placement import ShardAssignment
from exo_core.sources import Part


@final
class MlxBackend:
    """Runs stages of mlx-lm models. What is heavy is imported by the method that needs it."""

    @property
    def name(self) -> str:
        """`mlx`."""
        return "mlx"

    @property
    def engines_resize(self) -> bool:
        """`PipelineEngine` does."""
        return True

    def probe(self) -> BackendFacts:
        """The device mlx computes on."""
        from exo_backend_mlx.probe import probe_mlx

        return probe_mlx()

    def describe(self, model_id: ModelId, folder: Path) -> Card:
        """The card of a model, from its config and headers. Raises `ModelError`."""
        from exo_backend_mlx.card import describe_model

        return describe_model(model_id, folder)

    def parts(self, assignment: ShardAssignment, folder: Path) -> Sequence[Part]:
        """The tensors that `load` of this shard reads. Raises `ModelError`."""
        from exo_backend_mlx.shard_parts import shard_parts

        return shard_parts(folder, assignment.shard.start_layer, assignment.shard.end_layer)

    def load(
        self,
        assignment: ShardAssignment,
        *,
        generation_base: tuple[str, int],
        folder: Path,
        progress: Callable[[LoadProgress], None],
    ) -> Engine:
        """Load a stage and warm it up; the first stage gets the model's tokenizer too. Raises `ModelError`."""
        from exo_backend_mlx.loaded_engine import load_engine

        engine, _ = load_engine(assignment, generation_base=generation_base, folder=folder, progress=progress)
        return engine
