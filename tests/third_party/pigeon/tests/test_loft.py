"""The loft keeps exo's contract of sources, and breeds the same parrots everywhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from pigeon.loft import PARROTS, LoftSource

from exo_core.errors import ModelError
from exo_core.identifiers import ModelId
from exo_core.sources import Source, SourceContext
from exo_core.testing.source_conformance import SourceConformance, fetch_all


class TestLoft(SourceConformance):
    unknown = "loft/dodo"

    @pytest.fixture
    def source(self, models: Path) -> Source:
        return LoftSource(SourceContext(models=models))

    @pytest.fixture
    def model_id(self) -> ModelId:
        return ModelId("loft/grey")


async def test_two_lofts_breed_the_same_parrots(tmp_path: Path) -> None:
    lofts = [LoftSource(SourceContext(models=tmp_path / name)) for name in ("one", "two")]
    for model_id in PARROTS:
        first, second = [await loft.resolve(model_id) for loft in lofts]
        assert first == second
        assert first.node_id is None


async def test_a_parrot_of_another_revision_is_refused(tmp_path: Path) -> None:
    loft = LoftSource(SourceContext(models=tmp_path))
    grey, macaw = [await loft.resolve(model_id) for model_id in PARROTS]
    with pytest.raises(ModelError, match="another version of the loft"):
        await fetch_all(loft, grey.model_copy(update={"files": macaw.files[:9]}), tmp_path / "grey")
