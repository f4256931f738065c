"""The source `huggingface` keeps the contract of sources."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exo_core.identifiers import ModelId
from exo_core.sources import Source, SourceContext
from exo_core.testing.source_conformance import SourceConformance
from exo_source_huggingface.huggingface_source import HuggingFaceSource

if TYPE_CHECKING:
    from local_hub import LocalHub


class TestHuggingFace(SourceConformance):
    unknown = "mlx-community/nobody-knows"

    @pytest.fixture
    def source(self, hub: LocalHub, folder: Path, models: Path) -> Source:
        assert hub.repositories
        assert folder.is_dir()
        return HuggingFaceSource(SourceContext(models=models))

    @pytest.fixture
    def model_id(self) -> ModelId:
        return ModelId("mlx-community/none-4bit")
