"""The engines of a model in a folder, cut evenly into stages that run in threads of this process."""

from __future__ import annotations

from pathlib import Path

from exo_backend_mlx.backend import MlxBackend
from exo_core.backends import Engine
from exo_core.identifiers import ModelId
from exo_core.placement import ShardAssignment
from exo_core.testing.assignments import even_assignments
from exo_core.testing.engine_threads import EngineThreads


def mlx_engines(folder: Path, stages: int = 1, *, prefill_chunk: int = 512) -> EngineThreads:
    """Loaded when they are entered. `prefill_chunk`: of a prompt's tokens, so many in a step; 0: as measured."""
    backend = MlxBackend()
    card = backend.describe(ModelId("m"), folder)

    def load(assignment: ShardAssignment) -> Engine:
        base = (assignment.placement.placement_id, 1)
        return backend.load(assignment, generation_base=base, folder=folder, progress=lambda _: None)

    assignments = even_assignments(card, stages, backend="mlx", prefill_chunk=prefill_chunk)
    return EngineThreads([lambda part=part: load(part) for part in assignments])
