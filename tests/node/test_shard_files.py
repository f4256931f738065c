"""A shard's files: who is asked, in which order, how often, and what a person is told in the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path

import pytest

from exo_core.cards import Card
from exo_core.errors import LastingModelError, ModelError
from exo_core.hookspecs import hookimpl
from exo_core.identifiers import ModelId
from exo_core.manifests import Manifest, ManifestFile
from exo_core.model_sharing.peers_source import PeersSource
from exo_core.node.model_library import ModelLibrary
from exo_core.node.shard_files import FetchPatience, ShardFiles
from exo_core.placement import ShardAssignment
from exo_core.plugins.manager import Plugins
from exo_core.registers import Register
from exo_core.sources import FetchProgress, Part, SourceContext, SourceFactory
from exo_core.testing.assignments import even_assignments
from exo_core.testing.models import model_with_layers
from exo_core.testing.one_model_source import OneModelSource

MODEL = ModelId("loft/model")
FILES = ("config.json", "a.safetensors", "b.safetensors")
MANIFEST = Manifest(
    model_id=MODEL, source="loft", revision="1", files=tuple(ManifestFile(path=path, size=10) for path in FILES)
)
Behaviour = Callable[[Sequence[Part]], AsyncGenerator[FetchProgress]]


async def all_at_once(parts: Sequence[Part]) -> AsyncGenerator[FetchProgress]:
    yield FetchProgress(done=len(parts), total=len(parts))


async def refuse(parts: Sequence[Part]) -> AsyncGenerator[FetchProgress]:
    del parts
    message = "closed today"
    raise ModelError(message)
    yield


async def stall(parts: Sequence[Part]) -> AsyncGenerator[FetchProgress]:
    while True:
        yield FetchProgress(done=1, total=len(parts) + 1)  # steps without a byte more are none
        await asyncio.sleep(0.01)


async def break_off(parts: Sequence[Part]) -> AsyncGenerator[FetchProgress]:
    yield FetchProgress(done=7, total=len(parts) + 7)
    message = "broke off"
    raise ModelError(message)


async def refuse_for_good(parts: Sequence[Part]) -> AsyncGenerator[FetchProgress]:
    del parts
    message = "the disk is full: free some space"
    raise LastingModelError(message)
    yield


async def break_down(parts: Sequence[Part]) -> AsyncGenerator[FetchProgress]:
    del parts
    message = "weights"
    raise KeyError(message)
    yield


async def check_for_long(parts: Sequence[Part]) -> AsyncGenerator[FetchProgress]:
    for checked in range(20):  # 0.2 s without a byte more
        yield FetchProgress(done=1, total=len(parts), checked=checked)
        await asyncio.sleep(0.01)
    yield FetchProgress(done=len(parts), total=len(parts), checked=20)


class Loft(OneModelSource):
    """A source whose fetches go as they are told, one after the other."""

    def __init__(self, *behaviours: Behaviour) -> None:
        super().__init__(MANIFEST)
        self.behaviours = list(behaviours)
        self.asked: list[tuple[Part, ...]] = []
        self.folder: Path | None = None

    def local_folder(self, manifest: Manifest) -> Path | None:
        del manifest
        return self.folder

    async def fetch(self, manifest: Manifest, parts: Sequence[Part], into: Path) -> AsyncGenerator[FetchProgress]:
        del manifest
        self.asked.append(tuple(parts))
        async for step in self.behaviours.pop(0)(parts):
            yield step
        if all(part.tensors is None for part in parts) and len(parts) == len(FILES):
            self.folder = into


class NoTime:
    """A clock whose pauses are noted and not waited for."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    def now(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)


class Bench:
    """Shard files over one source."""

    def __init__(self, tmp_path: Path, *behaviours: Behaviour, chosen: Sequence[Part] | None = None) -> None:
        self.loft, self.clock, self.chosen = Loft(*behaviours), NoTime(), chosen
        library = ModelLibrary(
            plugins=Plugins(built_in={"loft": self.loft}, points=()),
            context=SourceContext(models=tmp_path),
            describe=self._describe,
        )
        patience = FetchPatience(silence_s=0.1, pauses_s=(1.0, 5.0))
        self.files = ShardFiles(library, self._choose, clock=self.clock, patience=patience)
        self.steps: list[FetchProgress] = []

    async def _describe(self, model_id: ModelId, folder: Path) -> Card:
        raise AssertionError(model_id, folder)

    async def _choose(self, assignment: ShardAssignment, folder: Path) -> Sequence[Part] | None:
        del assignment, folder
        return self.chosen

    async def folder(self, stages: int = 1) -> Path:
        """What the first of so many stages is loaded from."""
        assignment = even_assignments(model_with_layers(MODEL, 4)[1], stages, backend="echo")[0]
        return await self.files.folder_for(assignment, MANIFEST, self.steps.append)


def names(parts: Sequence[Part]) -> list[str]:
    return [part.path if part.tensors is None else f"{part.path}:{','.join(part.tensors)}" for part in parts]


async def test_a_whole_model_is_all_files_at_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path, all_at_once)
    assert await bench.folder() == bench.loft.folder
    assert [names(parts) for parts in bench.loft.asked] == [list(FILES)]
    assert bench.steps[-1].done == 3


async def test_a_shard_is_first_described_and_then_only_its_weights_come(tmp_path: Path) -> None:
    bench = Bench(tmp_path, all_at_once, all_at_once, chosen=[Part(path="b.safetensors", tensors=("x", "y"))])
    await bench.folder(stages=2)
    assert [names(parts) for parts in bench.loft.asked] == [
        ["config.json", "a.safetensors:", "b.safetensors:"],
        ["config.json", "b.safetensors:x,y"],
    ]


async def test_a_backend_that_does_not_choose_gets_all_weights(tmp_path: Path) -> None:
    bench = Bench(tmp_path, all_at_once, all_at_once)
    assert await bench.folder(stages=2) == bench.loft.folder
    assert names(bench.loft.asked[-1]) == list(FILES)


async def test_what_lies_here_is_asked_of_nobody(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.loft.folder = tmp_path
    assert await bench.folder(stages=2) == tmp_path
    assert bench.loft.asked == []


async def test_two_shards_that_start_together_bring_the_files_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path, all_at_once)
    assert len(set(await asyncio.gather(bench.folder(), bench.folder()))) == 1
    assert len(bench.loft.asked) == 1


async def test_after_pauses_it_is_tried_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path, refuse, refuse, all_at_once)
    assert await bench.folder() == bench.loft.folder
    assert bench.clock.pauses == [1.0, 5.0]


async def test_in_the_end_the_reasons_are_told(tmp_path: Path) -> None:
    bench = Bench(tmp_path, refuse, refuse, refuse)
    with pytest.raises(ModelError, match=r"cannot be brought to this machine \(loft: closed today\)\. Start a "):
        await bench.folder()
    assert bench.clock.pauses == [1.0, 5.0]


async def test_a_source_that_brings_nothing_more_is_ended(tmp_path: Path) -> None:
    bench = Bench(tmp_path, stall, all_at_once)
    assert await bench.folder() == bench.loft.folder
    assert bench.clock.pauses == [1.0]


async def test_a_file_that_is_compared_with_its_hash_is_no_silence(tmp_path: Path) -> None:
    bench = Bench(tmp_path, check_for_long)
    assert await bench.folder() == bench.loft.folder
    assert bench.clock.pauses == []


async def test_a_reason_that_lasts_is_told_at_once_in_its_own_words(tmp_path: Path) -> None:
    bench = Bench(tmp_path, refuse_for_good, all_at_once)
    with pytest.raises(ModelError, match=r"^the disk is full: free some space$"):
        await bench.folder()
    assert bench.clock.pauses == []


async def test_a_source_that_breaks_is_one_that_failed(tmp_path: Path) -> None:
    bench = Bench(tmp_path, break_down, all_at_once)
    assert await bench.folder() == bench.loft.folder
    bench = Bench(tmp_path, break_down, break_down, break_down)
    with pytest.raises(ModelError, match=r"loft: an error of the source; see: exo logs"):
        await bench.folder()


async def test_an_attempt_that_brought_something_does_not_count(tmp_path: Path) -> None:
    """Seven bytes came in the second; those after it bring no more, and are counted."""
    bench = Bench(tmp_path, refuse, break_off, break_off, break_off)
    with pytest.raises(ModelError, match="broke off"):
        await bench.folder()
    assert bench.clock.pauses == [1.0, 1.0, 5.0]


async def test_members_are_asked_before_the_source_itself(tmp_path: Path) -> None:
    """`peers` stands last when a name is looked up, and first when files are brought."""

    class Peers:
        @hookimpl
        def exo_register_sources(self, register: Register[SourceFactory]) -> None:
            register("peers", PeersSource)

    loft = Loft(all_at_once)
    plugins = Plugins(built_in={"loft": loft, "peers": Peers()}, points=())

    async def describe(model_id: ModelId, folder: Path) -> Card:
        raise AssertionError(model_id, folder)

    library = ModelLibrary(plugins=plugins, context=SourceContext(models=tmp_path), describe=describe)
    assert [source.name for source in library.ways_to(MANIFEST)] == ["peers", "loft"]
    assert (await library.resolve(MODEL)).source == "loft"

    async def choose(assignment: ShardAssignment, folder: Path) -> Sequence[Part] | None:
        raise AssertionError(assignment, folder)

    files = ShardFiles(library, choose, clock=NoTime())
    (assignment,) = even_assignments(model_with_layers(MODEL, 4)[1], 1, backend="echo")
    assert await files.folder_for(assignment, MANIFEST, lambda _: None) == loft.folder
