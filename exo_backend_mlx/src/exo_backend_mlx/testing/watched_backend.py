"""The backend `mlx` under another name, whose engine says beside its runner's status what its stage holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import final

from exo_backend_mlx.backend import MlxBackend
from exo_backend_mlx.loaded_engine import load_engine
from exo_backend_mlx.stage import MlxStage
from exo_backend_mlx.testing.watched_plugin import NAME
from exo_core.backends import BackendFacts, LoadProgress, Ring
from exo_core.cards import Card
from exo_core.identifiers import ModelId, RequestId
from exo_core.placement import ShardAssignment
from exo_core.requests import Answer, EngineRequest
from exo_core.sources import Part
from exo_engine.pipeline import PipelineEngine


@final
class WatchedEngine:
    """See `exo_core.backends.Engine`, `ResizesCaches` and `Remarks`."""

    def __init__(self, engine: PipelineEngine, stage: MlxStage) -> None:
        self._engine = engine
        self._stage = stage

    @property
    def remark(self) -> str:
        """What its stage holds."""
        return self._stage.held

    def run(self, ring: Ring) -> None:
        """As the engine does, and so the rest."""
        self._engine.run(ring)

    def submit(self, request: EngineRequest, answer: Callable[[Answer], None]) -> None:
        self._engine.submit(request, answer)

    def cancel(self, request_id: RequestId) -> None:
        self._engine.cancel(request_id)

    def resize_caches(self, kv_bytes: int, taken: Callable[[], None]) -> None:
        self._engine.resize_caches(kv_bytes, taken)

    def stop(self) -> None:
        self._engine.stop()


@final
class WatchedBackend:
    """See `exo_core.backends.Backend` and `ChoosesParts`."""

    def __init__(self) -> None:
        self._mlx = MlxBackend()

    @property
    def name(self) -> str:
        """`watched_mlx`."""
        return NAME

    def probe(self) -> BackendFacts:
        """As `mlx`."""
        return self._mlx.probe()

    def describe(self, model_id: ModelId, folder: Path) -> Card:
        """As `mlx`, but for the name of who can run it."""
        return self._mlx.describe(model_id, folder).model_copy(update={"backends": (NAME,)})

    def parts(self, assignment: ShardAssignment, folder: Path) -> Sequence[Part]:
        """As `mlx`."""
        return self._mlx.parts(assignment, folder)

    def load(
        self,
        assignment: ShardAssignment,
        *,
        generation_base: tuple[str, int],
        folder: Path,
        progress: Callable[[LoadProgress], None],
    ) -> WatchedEngine:
        """As `mlx`, watched."""
        engine, stage = load_engine(assignment, generation_base=generation_base, folder=folder, progress=progress)
        return WatchedEngine(engine, stage)
