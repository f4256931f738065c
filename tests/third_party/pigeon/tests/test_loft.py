"""The loft breeds the same parrots everywhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from pigeon.loft import PARROTS, LoftSource

from exo_core.errors import ModelError
from exo_core.identifiers import ModelId
from exo_core.manifests import Manifest
from exo_core.sources import FetchProgress, Part, SourceContext

GREY = ModelId("loft/grey")


@pytest.fixture
def loft(tmp_path: Path) -> LoftSource:
    """One with an empty folder of models, which exists only once something is fetched."""
    return LoftSource(SourceContext(models=tmp_path / "models"))


async def fetched(loft: LoftSource, manifest: Manifest, into: Path) -> list[FetchProgress]:
    """Fetch everything."""
    parts = [Part(path=file.path) for file in manifest.files]
    return [step async for step in loft.fetch(manifest, parts, into)]


async def test_what_it_offers_it_can_breed(loft: LoftSource, tmp_path: Path) -> None:
    for model_id in await loft.catalogue():
        manifest = await loft.resolve(model_id)
        assert loft.claims(model_id)
        assert loft.local_folder(manifest) is None
        into = tmp_path / "models" / "somewhere"
        steps = await fetched(loft, manifest, into)
        assert steps[0].done == 0
        assert steps[-1].done == steps[-1].total == sum(file.size for file in manifest.files)
        assert loft.local_folder(manifest) == into
        assert (await loft.resolve(model_id)) == manifest
        into.rename(tmp_path / f"elsewhere-{model_id.rpartition('/')[2]}")
    assert len(PARROTS) == 2


async def test_what_is_there_and_right_is_kept_and_what_is_broken_is_mended(loft: LoftSource, tmp_path: Path) -> None:
    manifest = await loft.resolve(GREY)
    into = tmp_path / "models" / "grey"
    await fetched(loft, manifest, into)
    kept, broken = (into / file.path for file in manifest.files[:2])
    before = kept.stat().st_mtime_ns
    broken.write_bytes(b"moulted")
    assert loft.local_folder(manifest) is None
    await fetched(loft, manifest, into)
    assert loft.local_folder(manifest) == into
    assert kept.stat().st_mtime_ns == before


async def test_only_the_parts_asked_for_are_brought(loft: LoftSource, tmp_path: Path) -> None:
    manifest = await loft.resolve(GREY)
    steps = [step async for step in loft.fetch(manifest, [Part(path="config.json")], tmp_path / "one")]
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["config.json"]
    assert steps[-1].total == manifest.files[0].size


async def test_unknown_parrots_and_other_revisions_are_refused(loft: LoftSource, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no parrot 'loft/dodo' in the loft; there are: loft/grey, loft/macaw"):
        await loft.resolve(ModelId("loft/dodo"))
    grey, macaw = [await loft.resolve(model_id) for model_id in PARROTS]
    with pytest.raises(ModelError, match="another version of the loft"):
        await fetched(loft, grey.model_copy(update={"files": macaw.files[:9]}), tmp_path)
