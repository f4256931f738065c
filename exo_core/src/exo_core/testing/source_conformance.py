"""What every source of models must do. Subclass `SourceConformance`, override its fixtures, and run pytest."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path, PurePosixPath
from typing import ClassVar

import pytest

from exo_core.errors import ModelError
from exo_core.identifiers import ModelId
from exo_core.manifests import Manifest, ManifestFile
from exo_core.model_files.hashes import has_hash_of
from exo_core.model_files.safetensors_headers import read_header
from exo_core.sources import FetchProgress, Part, Source


class SourceConformance:
    """Tests of the contract in `exo_core.sources`; `fetches = False` for a source whose models do not travel."""

    fetches: ClassVar[bool] = True
    unknown: ClassVar[str | None] = None
    """An id that the source claims and does not have, if there can be one."""

    @pytest.fixture
    def models(self, tmp_path: Path) -> Path:
        """The folder in which exo keeps models; it need not exist."""
        return tmp_path / "models"

    @pytest.fixture
    def source(self, models: Path) -> Source:
        """Override: the source under test, built with `SourceContext(models=models)`."""
        raise NotImplementedError

    @pytest.fixture
    def model_id(self) -> ModelId:
        """Override: a small model that it has."""
        raise NotImplementedError

    @pytest.fixture
    def into(self, models: Path) -> Path:
        """Where the model is fetched to; it does not exist yet."""
        return models / "a-model"

    # knowing ---------------------------------------------------------------------------------------------

    @pytest.mark.asyncio
    async def test_what_it_offers_it_claims_and_resolves(self, source: Source, model_id: ModelId) -> None:
        for offered in (model_id, *await source.catalogue()):
            assert source.claims(offered)
            assert (await source.resolve(offered)).source == source.name

    @pytest.mark.asyncio
    async def test_a_manifest_is_the_same_every_time(self, source: Source, model_id: ModelId) -> None:
        manifest = await source.resolve(model_id)
        assert manifest.files
        assert manifest.revision
        assert await source.resolve(model_id) == manifest

    @pytest.mark.asyncio
    async def test_files_lie_within_the_models_folder(self, source: Source, model_id: ModelId) -> None:
        for file in (await source.resolve(model_id)).files:
            path = PurePosixPath(file.path)
            assert not path.is_absolute()
            assert ".." not in path.parts

    @pytest.mark.asyncio
    async def test_a_model_that_it_does_not_have_is_a_model_error(self, source: Source) -> None:
        if self.unknown is None:
            pytest.skip("it has all that it claims")
        assert source.claims(ModelId(self.unknown))
        with pytest.raises(ModelError):
            await source.resolve(ModelId(self.unknown))

    # fetching --------------------------------------------------------------------------------------------

    @pytest.mark.asyncio
    async def test_a_fetched_model_is_whole(self, source: Source, model_id: ModelId, into: Path) -> None:
        manifest = await self.resolved(source, model_id)
        steps = await fetch_all(source, manifest, into)
        assert [step.done for step in steps] == sorted(step.done for step in steps)
        assert steps[-1].done == steps[-1].total == sum(file.size for file in manifest.files)
        assert broken_files(into, manifest.files) == []

    @pytest.mark.asyncio
    async def test_a_folder_of_its_own_holds_the_model_whole(self, source: Source, model_id: ModelId) -> None:
        manifest = await source.resolve(model_id)
        folder = source.local_folder(manifest)
        assert folder is None or broken_files(folder, manifest.files) == []

    @pytest.mark.asyncio
    async def test_only_the_parts_asked_for_are_brought(self, source: Source, model_id: ModelId, into: Path) -> None:
        manifest = await self.resolved(source, model_id)
        file = manifest.files[0]
        steps = await fetch_parts(source, manifest, [Part(path=file.path)], into)
        assert steps[-1].total == file.size
        assert broken_files(into, [file]) == []
        assert [path for path in into.rglob("*") if path.is_file()] == [into / file.path]

    @pytest.mark.asyncio
    async def test_what_is_there_and_right_is_kept(self, source: Source, model_id: ModelId, into: Path) -> None:
        manifest = await self.resolved(source, model_id)
        await fetch_all(source, manifest, into)
        before = {file.path: (into / file.path).stat().st_mtime_ns for file in manifest.files}
        await fetch_all(source, manifest, into)
        assert {file.path: (into / file.path).stat().st_mtime_ns for file in manifest.files} == before

    @pytest.mark.asyncio
    async def test_what_is_there_and_wrong_is_mended(self, source: Source, model_id: ModelId, into: Path) -> None:
        manifest = await self.resolved(source, model_id)
        await fetch_all(source, manifest, into)
        (into / manifest.files[-1].path).write_bytes(b"cut short")
        await fetch_all(source, manifest, into)
        assert broken_files(into, manifest.files) == []

    @pytest.mark.asyncio
    async def test_a_fetch_that_was_stopped_is_taken_up(self, source: Source, model_id: ModelId, into: Path) -> None:
        manifest = await self.resolved(source, model_id)
        async with aclosing(source.fetch(manifest, parts_of(manifest), into)) as steps:
            await anext(steps)
        await fetch_all(source, manifest, into)
        assert broken_files(into, manifest.files) == []

    @pytest.mark.asyncio
    async def test_named_tensors_lie_in_their_place(self, source: Source, model_id: ModelId, into: Path) -> None:
        manifest = await self.resolved(source, model_id)
        path = next((file.path for file in manifest.files if file.path.endswith(".safetensors")), None)
        if path is None:
            pytest.skip("its models have no safetensors files")
        whole = into.with_name("whole")
        await fetch_all(source, manifest, whole)
        await fetch_parts(source, manifest, [Part(path=path, tensors=())], into)
        header = read_header(into / path)
        assert header.tensors == read_header(whole / path).tensors
        name = min(header.tensors)
        await fetch_parts(source, manifest, [Part(path=path, tensors=(name,))], into)
        start, end = header.range_of(name)
        assert (into / path).read_bytes()[start:end] == (whole / path).read_bytes()[start:end]

    @pytest.mark.asyncio
    async def test_a_model_that_does_not_travel_says_so(self, source: Source, model_id: ModelId, into: Path) -> None:
        if self.fetches:
            pytest.skip("its models travel")
        manifest = await source.resolve(model_id)
        assert source.local_folder(manifest) is not None
        with pytest.raises(ModelError):
            await fetch_all(source, manifest, into)

    async def resolved(self, source: Source, model_id: ModelId) -> Manifest:
        """The manifest, for tests that fetch."""
        if not self.fetches:
            pytest.skip("its models do not travel")
        return await source.resolve(model_id)


def parts_of(manifest: Manifest) -> list[Part]:
    """All files."""
    return [Part(path=file.path) for file in manifest.files]


async def fetch_all(source: Source, manifest: Manifest, into: Path) -> list[FetchProgress]:
    """Bring everything, and how that went on."""
    return await fetch_parts(source, manifest, parts_of(manifest), into)


async def fetch_parts(source: Source, manifest: Manifest, parts: Sequence[Part], into: Path) -> list[FetchProgress]:
    """Bring these, and how that went on."""
    async with aclosing(source.fetch(manifest, parts, into)) as steps:
        return [step async for step in steps]


def broken_files(folder: Path, files: Sequence[ManifestFile]) -> list[str]:
    """Files that are missing, or not what the manifest says."""
    return [file.path for file in files if not _is_right(folder / file.path, file)]


def _is_right(path: Path, file: ManifestFile) -> bool:
    if not path.is_file() or path.stat().st_size != file.size:
        return False
    return has_hash_of(path, file)
