"""The source `folder` keeps the contract of sources; its models do not travel."""

from __future__ import annotations

from pathlib import Path

import pytest

from exo_core.identifiers import ModelId
from exo_core.model_folders import FolderSource
from exo_core.sources import Source, SourceContext
from exo_core.testing.source_conformance import SourceConformance


class TestFolder(SourceConformance):
    fetches = False
    unknown = "./no-such-folder"

    @pytest.fixture
    def source(self, models: Path) -> Source:
        return FolderSource(SourceContext(models=models))

    @pytest.fixture
    def model_id(self, tmp_path: Path) -> ModelId:
        folder = tmp_path / "a model"
        folder.mkdir()
        (folder / "config.json").write_text("{}")
        (folder / "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
        return ModelId(str(folder))
