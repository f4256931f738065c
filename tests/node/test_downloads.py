"""Whole models that a person wants on a machine: begun and cancelled, any number of times, here and from elsewhere."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from pathlib import Path

import pytest

from exo_core.cards import Card
from exo_core.errors import ModelError
from exo_core.identifiers import ModelId, NodeId
from exo_core.manifests import Manifest, ManifestFile
from exo_core.node import downloads
from exo_core.node.arrivals import Arrivals
from exo_core.node.downloads import Downloads
from exo_core.node.model_library import ModelLibrary
from exo_core.node.real_clock import RealClock
from exo_core.node.shard_files import FetchPatience, ShardFiles
from exo_core.placement import ShardAssignment
from exo_core.plugins.manager import Plugins
from exo_core.router.router import Router
from exo_core.sources import FetchProgress, Part, SourceContext
from exo_core.testing.memory_network import MemoryNetwork
from exo_core.testing.memory_routers import memory_router, until_reachable
from exo_core.testing.one_model_source import OneModelSource

MODEL = ModelId("org/name")
MANIFEST = Manifest(model_id=MODEL, source="dripping", revision="1", files=(ManifestFile(path="a", size=4),))
ALPHA, BETA = NodeId("alpha"), NodeId("beta")


class Dripping(OneModelSource):
    """A source that brings a byte each time it is let."""

    def __init__(self) -> None:
        super().__init__(MANIFEST)
        self.drops = asyncio.Semaphore(0)
        self.fetches = 0
        self.refuses: str | None = None
        self.breaks = False
        self.looks_for_s = 0.0

    def local_folder(self, manifest: Manifest) -> Path | None:
        del manifest
        time.sleep(self.looks_for_s)
        return None

    async def fetch(self, manifest: Manifest, parts: Sequence[Part], into: Path) -> AsyncGenerator[FetchProgress]:
        del parts
        self.fetches += 1
        if self.refuses is not None:
            raise ModelError(self.refuses)
        if self.breaks:
            raise KeyError(manifest.revision)
        for done in range(5):
            yield FetchProgress(done=done, total=4)
            if done < 4:
                await self.drops.acquire()
        into.mkdir(parents=True)
        (into / "a").write_bytes(b"1234")


class Bench:
    """Two members, of which beta downloads."""

    def __init__(self, alpha: Router, beta: Router, models: Path) -> None:
        self.source, clock = Dripping(), RealClock()
        plugins = Plugins(built_in={"dripping": self.source}, points=())
        library = ModelLibrary(plugins=plugins, context=SourceContext(models=models), describe=self._describe)
        self._changed = asyncio.Event()
        self.arrivals = Arrivals(clock, self._changed.set)
        patience = FetchPatience(pauses_s=())
        self.files = files = ShardFiles(library, self._choose, clock=clock, arrivals=self.arrivals, patience=patience)
        self.beta = Downloads(beta, library=library, files=files, arrivals=self.arrivals)
        self.alpha = Downloads(alpha, library=library, files=files, arrivals=Arrivals(clock))
        self.folder = SourceContext(models=models).folder(MANIFEST)

    async def _describe(self, model_id: ModelId, folder: Path) -> Card:
        raise AssertionError(model_id, folder)

    async def _choose(self, assignment: ShardAssignment, folder: Path) -> Sequence[Part] | None:
        raise AssertionError(assignment, folder)

    @property
    def shown(self) -> list[tuple[str, int]]:
        return [(item.status, item.done) for item in self.arrivals.telemetry]

    async def until(self, *shown: tuple[str, int]) -> None:
        async with asyncio.timeout(5):
            while self.shown != list(shown):
                self._changed.clear()
                await self._changed.wait()


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    network = MemoryNetwork()
    async with memory_router(network, "beta") as beta, memory_router(network, "alpha", peers=[beta]) as alpha:
        await until_reachable(beta, "alpha")
        made = Bench(alpha, beta, tmp_path / "models")
        async with made.beta.running(), made.alpha.running():
            yield made


@pytest.mark.parametrize("asker", ["alpha", "beta"])
async def test_a_download_is_begun_once_however_often_it_is_asked_for(bench: Bench, asker: str) -> None:
    asking = bench.alpha if asker == "alpha" else bench.beta
    for _ in range(3):
        await asking.start(BETA, MANIFEST)
    assert [status for status, _ in bench.shown] == ["downloading"]
    bench.source.drops.release()
    await bench.until(("downloading", 1))
    assert bench.source.fetches == 1
    for _ in range(3):
        bench.source.drops.release()
    await bench.until()
    assert (bench.folder / "a").read_bytes() == b"1234"
    await asking.start(BETA, MANIFEST)
    assert (bench.shown, bench.source.fetches) == ([], 1), "it is there"


async def test_it_is_cancelled_any_number_of_times_and_begun_again(bench: Bench) -> None:
    await bench.alpha.cancel(BETA, MODEL)
    await bench.alpha.start(BETA, MANIFEST)
    bench.source.drops.release()
    await bench.until(("downloading", 1))
    for _ in range(2):
        await bench.alpha.cancel(BETA, MODEL)
        assert bench.shown == [("cancelled", 1)]
    await bench.alpha.start(BETA, MANIFEST)
    bench.source.drops.release()
    await bench.until(("downloading", 1))
    assert bench.source.fetches == 2


async def test_why_it_failed_is_shown(bench: Bench) -> None:
    bench.source.refuses = "closed today"
    await bench.alpha.start(BETA, MANIFEST)
    await bench.until(("failed", 0))
    assert "closed today" in bench.arrivals.telemetry[0].detail


async def test_a_source_that_breaks_ends_the_download(bench: Bench) -> None:
    bench.source.breaks = True
    await bench.alpha.start(BETA, MANIFEST)
    await bench.until(("failed", 0))
    assert "an error of the source; see: exo logs" in bench.arrivals.telemetry[0].detail


async def test_an_error_before_the_fetch_ends_the_download(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(manifest: Manifest) -> Path:
        raise OSError(manifest.model_id)

    monkeypatch.setattr(bench.files, "complete", broken)
    await bench.alpha.start(BETA, MANIFEST)
    await bench.until(("failed", 0))
    assert "see: exo logs" in bench.arrivals.telemetry[0].detail


async def test_a_member_that_is_slow_is_told_as_such(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.source.looks_for_s = 0.3
    monkeypatch.setattr(downloads, "ASKING_S", 0.05)
    with pytest.raises(ModelError, match=r"does not answer \(no answer in time\)"):
        await bench.alpha.start(BETA, MANIFEST)


async def test_what_no_source_there_brings_is_refused(bench: Bench) -> None:
    with pytest.raises(ModelError, match="source 'hub', which is not installed there"):
        await bench.alpha.start(BETA, MANIFEST.model_copy(update={"source": "hub"}))


async def test_a_member_that_is_gone_is_told_by_name(bench: Bench) -> None:
    with pytest.raises(ModelError, match="the machine gamma does not answer"):
        await bench.alpha.start(NodeId("gamma"), MANIFEST)
