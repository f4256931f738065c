"""From a shard's folder to an engine that is warm and knows what its caches may take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from exo_backend_mlx.cache_sizes import free_for_caches
from exo_backend_mlx.loading import load_stage
from exo_backend_mlx.model_config import read_config
from exo_backend_mlx.stage import MlxStage
from exo_backend_mlx.tokenizer import MlxTokenizer
from exo_backend_mlx.unused_memory import bound_kept_buffers
from exo_backend_mlx.warm_up import Warming
from exo_core.backends import LoadProgress
from exo_core.placement import ShardAssignment
from exo_engine.pipeline import PipelineEngine


def load_engine(
    assignment: ShardAssignment,
    *,
    generation_base: tuple[str, int],
    folder: Path,
    progress: Callable[[LoadProgress], None],
) -> tuple[PipelineEngine, MlxStage]:
    """See `Backend.load`; the stage under the engine too, for whoever watches it. Raises `ModelError`."""
    shard = assignment.shard
    stage = load_stage(
        folder,
        shard.start_layer,
        shard.end_layer,
        compute_type=shard.compute_type,
        on_read=lambda done, total: progress(LoadProgress(phase="loading", done=done, total=total)),
    )
    tokenizer = MlxTokenizer(folder, read_config(folder)) if stage.is_first else None
    _warm_up(stage, assignment, progress)
    stage.cache_bytes = assignment.kv_bytes or free_for_caches()
    engine = PipelineEngine(stage, tokenizer=tokenizer, assignment=assignment, generation_base=generation_base)
    return engine, stage


def _warm_up(stage: MlxStage, assignment: ShardAssignment, progress: Callable[[LoadProgress], None]) -> None:
    warming = Warming(stage, lambda done, total: progress(LoadProgress(phase="warming_up", done=done, total=total)))
    measures_chunks = assignment.placement.prefill_chunk == 0
    stage.measured = warming.run(
        chunks_up_to=assignment.card.context if measures_chunks else 0,
        rows=assignment.shard.stages > 1,  # one stage has nothing to gain from micro-batches
    )
    bound_kept_buffers(stage.measured.working_bytes)
