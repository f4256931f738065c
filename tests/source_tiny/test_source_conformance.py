"""The source `tiny` keeps the contract of sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from exo_core.identifiers import ModelId
from exo_core.sources import Source, SourceContext
from exo_core.testing.source_conformance import SourceConformance
from exo_source_tiny.tiny_source import TinySource


class TestTiny(SourceConformance):
    @pytest.fixture
    def source(self, models: Path) -> Source:
        return TinySource(SourceContext(models=models))

    @pytest.fixture
    def model_id(self) -> ModelId:
        return ModelId("tiny")
