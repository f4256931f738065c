"""The source `peers` keeps the contract of sources, over links of two members."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from exo_core.errors import ModelError
from exo_core.identifiers import ModelId
from exo_core.manifests import Manifest
from exo_core.model_sharing.peers_source import PeersSource
from exo_core.sources import Part, Source, SourceContext
from exo_core.testing.model_members import Members, members, write_model_folder
from exo_core.testing.source_conformance import SourceConformance, fetch_all


@pytest.fixture
async def cluster() -> AsyncIterator[Members]:
    async with members("alpha", "gamma") as running:
        yield running


@pytest.fixture
async def manifest(cluster: Members, tmp_path: Path) -> Manifest:
    return await cluster.put(write_model_folder(tmp_path / "a model"))


class TestPeers(SourceConformance):
    @pytest.fixture
    def source(self, models: Path, cluster: Members, manifest: Manifest) -> Source:
        return PeersSource(SourceContext(models=models, members=cluster.asking))

    @pytest.fixture
    def model_id(self, manifest: Manifest) -> ModelId:
        return manifest.model_id


async def test_it_claims_only_what_the_catalogue_names(cluster: Members, tmp_path: Path) -> None:
    source = PeersSource(SourceContext(models=tmp_path, members=cluster.asking))
    assert not source.claims(ModelId("other"))
    with pytest.raises(ModelError, match="not in the catalogue"):
        await source.resolve(ModelId("other"))
    assert not PeersSource(SourceContext(models=tmp_path)).claims(ModelId("other"))


async def test_without_a_member_that_has_it_the_reason_is_told(
    cluster: Members, manifest: Manifest, tmp_path: Path
) -> None:
    source = PeersSource(SourceContext(models=tmp_path, members=cluster.asking))
    other = manifest.model_copy(update={"revision": "another"})
    with pytest.raises(ModelError, match="no other member that can be reached has it"):
        await fetch_all(source, other, tmp_path / "into")
    assert not (tmp_path / "into").exists()


async def test_what_is_all_there_needs_nobody(cluster: Members, manifest: Manifest, tmp_path: Path) -> None:
    parts = [Part(path="config.json"), Part(path="model-1.safetensors", tensors=("layers.1.2",))]
    source = PeersSource(SourceContext(models=tmp_path, members=cluster.asking))
    async with aclosing(source.fetch(manifest, parts, tmp_path / "into")) as steps:
        assert [step async for step in steps]
    for shelf in cluster.holders.values():
        shelf.models.clear()
    async with aclosing(source.fetch(manifest, parts, tmp_path / "into")) as steps:
        (first, last) = [step async for step in steps]
    assert first.done == first.total == last.done
