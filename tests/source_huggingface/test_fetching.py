"""What goes wrong on the way from the hub: busy servers, broken connections, wrong bytes, an end in the middle."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exo_core.errors import ModelError
from exo_core.identifiers import ModelId
from exo_core.manifests import Manifest
from exo_core.model_files.byte_ranges import ByteRange
from exo_core.model_files.safetensors_headers import read_header
from exo_core.sources import Part, SourceContext
from exo_core.testing.source_conformance import broken_files, fetch_all, fetch_parts, parts_of
from exo_source_huggingface import hub_facade, hub_reader, patience
from exo_source_huggingface.huggingface_source import HuggingFaceSource
from exo_source_huggingface.repository import Repository

if TYPE_CHECKING:
    from local_hub import Fault, LocalHub

MODEL = ModelId("mlx-community/none-4bit")
WEIGHTS = "model-2.safetensors"


@pytest.fixture
def source(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HuggingFaceSource:
    """With short pauses."""
    assert folder.is_dir()
    monkeypatch.setattr(patience, "PAUSES_S", (0.01, 0.01, 0.01))
    return HuggingFaceSource(SourceContext(models=tmp_path / "models"))


def same(into: Path, folder: Path, manifest: Manifest) -> bool:
    return all((into / file.path).read_bytes() == (folder / file.path).read_bytes() for file in manifest.files)


def size_of(manifest: Manifest, paths: Sequence[str] | None = None) -> int:
    return sum(file.size for file in manifest.files if paths is None or file.path in paths)


@pytest.mark.parametrize("fault", ["429", "500", "cut", "reset", "whole"])
@pytest.mark.parametrize("path", ["config.json", WEIGHTS])
async def test_a_request_that_fails_once_is_made_again(
    fault: Fault, path: str, source: HuggingFaceSource, hub: LocalHub, folder: Path, tmp_path: Path
) -> None:
    manifest = await source.resolve(MODEL)
    hub.faults.append((path, fault))
    await fetch_all(source, manifest, tmp_path / "into")
    assert hub.faults == []
    assert same(tmp_path / "into", folder, manifest)
    assert hub.sent_to("test") == size_of(manifest), "what came before a cut did not come again"


async def test_a_connection_that_falls_silent_is_left(
    source: HuggingFaceSource, hub: LocalHub, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_facade, "READING_TIMEOUT_S", 0.3)
    manifest = await source.resolve(MODEL)
    hub.faults.append((WEIGHTS, "stall"))
    await fetch_all(source, manifest, tmp_path / "into")
    assert same(tmp_path / "into", folder, manifest)


async def test_what_is_busy_for_good_is_told_and_what_came_is_kept(
    source: HuggingFaceSource, hub: LocalHub, tmp_path: Path
) -> None:
    manifest = await source.resolve(MODEL)
    hub.faults.append((WEIGHTS, "cut"))
    for _ in range(4):
        hub.faults.append((WEIGHTS, "500"))
    with pytest.raises(ModelError, match=r"is too busy to give mlx-community/none-4bit \(status 500\)"):
        await fetch_parts(source, manifest, [Part(path=WEIGHTS)], tmp_path / "into")
    kept = hub.sent_to("test", WEIGHTS)
    assert 0 < kept < size_of(manifest, [WEIGHTS])
    hub.faults.clear()
    steps = await fetch_all(source, manifest, tmp_path / "into")
    assert steps[0].done == kept
    assert hub.sent_to("test") == size_of(manifest)


async def test_only_the_header_and_the_tensors_asked_for_travel(
    source: HuggingFaceSource, hub: LocalHub, folder: Path, tmp_path: Path
) -> None:
    manifest, into, names = await source.resolve(MODEL), tmp_path / "into", ("layers.2.1", "layers.2.3")
    await fetch_parts(source, manifest, [Part(path=WEIGHTS, tensors=names)], into)
    header = read_header(folder / WEIGHTS)
    assert hub.sent_to("test") == header.data_start + 2 * 300_000
    for name in names:
        start, end = header.range_of(name)
        assert (into / WEIGHTS).read_bytes()[start:end] == (folder / WEIGHTS).read_bytes()[start:end]


async def test_the_hub_is_asked_once_where_a_file_lies_and_again_when_that_has_expired(
    source: HuggingFaceSource, hub: LocalHub, folder: Path
) -> None:
    manifest, content = await source.resolve(MODEL), (folder / WEIGHTS).read_bytes()
    repository, file = Repository(name=MODEL), next(file for file in manifest.files if file.path == WEIGHTS)
    async with hub_facade.opened_files(repository, manifest.revision) as files:
        for start, asked in ((0, 1), (70_000, 1), (300, 2)):
            if asked == 2:
                hub.faults.append((WEIGHTS, "403"))
            async with aclosing(files.read(file, ByteRange(start, start + 100_000))) as blocks:
                assert b"".join([block async for block in blocks]) == content[start : start + 100_000]
            assert hub.resolved == [WEIGHTS] * asked


async def test_a_fetch_that_is_stopped_anywhere_goes_on_where_it_was(
    source: HuggingFaceSource, hub: LocalHub, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each attempt is stopped a step later. Only what was on its way, and not yet safe, comes again."""
    monkeypatch.setattr(hub_reader, "WRITTEN_AT_ONCE", 100_000)
    manifest, into, attempts, kept = await source.resolve(MODEL), tmp_path / "into", 0, 0
    while broken_files(into, manifest.files):
        attempts += 1
        async with aclosing(source.fetch(manifest, parts_of(manifest), into)) as steps:
            first = await anext(steps)
            assert first.done >= kept
            kept = first.done
            for _ in range(attempts):
                if await anext(steps, None) is None:
                    break
    assert attempts > 3
    assert same(into, folder, manifest)


async def test_bytes_that_are_not_the_manifests_never_become_a_model(
    source: HuggingFaceSource, hub: LocalHub, folder: Path, tmp_path: Path
) -> None:
    """The hub's storage is damaged after it was listed."""
    manifest = await source.resolve(MODEL)
    for path in ("tokenizer.json", WEIGHTS):
        content = (folder / path).read_bytes()
        (folder / path).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(ModelError, match=rf"{path} of .* came with another hash than its manifest says"):
            await fetch_parts(source, manifest, [Part(path=path)], tmp_path / "into")
        assert not (tmp_path / "into" / path).exists()
        (folder / path).write_bytes(content)
    await fetch_all(source, manifest, tmp_path / "into")
    assert same(tmp_path / "into", folder, manifest)


async def test_several_files_come_at_once(source: HuggingFaceSource, hub: LocalHub, tmp_path: Path) -> None:
    manifest = await source.resolve(MODEL)
    hub.faults.append(("model-1.safetensors", "stall"))
    async with aclosing(source.fetch(manifest, parts_of(manifest), tmp_path / "into")) as steps:
        async for step in steps:
            if step.done >= size_of(manifest) - size_of(manifest, ["model-1.safetensors"]):
                break
    assert size_of(manifest, ["model-1.safetensors"]) > hub.sent_to("test", "model-1.safetensors") > 0


async def test_a_new_revision_lies_beside_the_old_one(
    source: HuggingFaceSource, hub: LocalHub, folder: Path, tmp_path: Path
) -> None:
    context, first = SourceContext(models=tmp_path / "models"), await source.resolve(MODEL)
    await fetch_all(source, first, context.folder(first))
    content = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    hub.publish(MODEL, folder)
    second = await source.resolve(MODEL)
    assert second.revision != first.revision
    await fetch_all(source, second, context.folder(second))
    assert broken_files(context.folder(first), first.files) == []
    assert broken_files(context.folder(second), second.files) == []
    pinned = await source.resolve(ModelId(f"{MODEL}@{first.revision}"))
    assert pinned.revision == first.revision
