"""A model's files are put into their folder by one fetch at a time, whoever wants them and whichever process it is."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from exo_core.cards import Card
from exo_core.hookspecs import hookimpl
from exo_core.identifiers import ModelId
from exo_core.manifests import Manifest
from exo_core.model_fetching.sole_fetcher import lock_of, sole_fetcher
from exo_core.model_files.safetensors_headers import read_headers
from exo_core.model_sharing.peers_source import PeersSource
from exo_core.node.model_library import ModelLibrary, describing_parts
from exo_core.node.real_clock import RealClock
from exo_core.node.shard_files import ShardFiles
from exo_core.placement import ShardAssignment
from exo_core.plugins.manager import Plugins
from exo_core.registers import Register
from exo_core.sources import MembersFiles, Part, SourceContext, SourceFactory
from exo_core.testing.model_members import Members, members, write_model_folder
from exo_core.testing.models import model_with_layers
from exo_core.testing.source_conformance import broken_files

HOLDER = """
import asyncio, sys
from pathlib import Path
from exo_core.model_fetching.sole_fetcher import sole_fetcher

async def hold():
    async with sole_fetcher(Path(sys.argv[1])):
        print("held", flush=True)
        await asyncio.to_thread(sys.stdin.readline)

asyncio.run(hold())
"""


class Peers:
    """The plugin that offers the source `peers`."""

    @hookimpl
    def exo_register_sources(self, register: Register[SourceFactory]) -> None:
        register("peers", PeersSource)


@pytest.fixture
async def cluster() -> AsyncIterator[Members]:
    async with members("alpha") as running:
        yield running


@pytest.fixture
async def manifest(cluster: Members, tmp_path: Path) -> Manifest:
    made = await cluster.put(write_model_folder(tmp_path / "a model"))
    return made.model_copy(update={"source": "peers"})


def library_in(models: Path, files: MembersFiles) -> ModelLibrary:
    """A node's library, whose backend reads the headers of all weights."""

    async def describe(model_id: ModelId, folder: Path) -> Card:
        assert all(file.tensors for file in read_headers(folder))
        return model_with_layers(model_id, 4)[1]

    plugins = Plugins(built_in={"peers": Peers()}, points=())
    return ModelLibrary(plugins=plugins, context=SourceContext(models=models, members=files), describe=describe)


def files_of(library: ModelLibrary) -> ShardFiles:
    async def choose(assignment: ShardAssignment, folder: Path) -> list[Part] | None:
        raise AssertionError(assignment, folder)

    return ShardFiles(library, choose, clock=RealClock())


@pytest.mark.parametrize("libraries", [1, 2])
async def test_descriptions_and_fetches_at_once_leave_one_good_folder(
    libraries: int, cluster: Members, manifest: Manifest, tmp_path: Path
) -> None:
    """Two libraries over one folder of models are what a node and a private one are."""
    models = tmp_path / "models"
    all_of_them = [library_in(models, cluster.asking) for _ in range(libraries)]
    first, last = all_of_them[0], all_of_them[-1]
    async with asyncio.timeout(20):
        _, _, folder, again, _ = await asyncio.gather(
            first.describe(manifest),
            last.describe(manifest),
            files_of(first).complete(manifest),
            files_of(last).complete(manifest),
            last.describe(manifest),
        )
    assert folder == again
    assert broken_files(folder, manifest.files) == []
    assert [path.name for path in sorted(folder.iterdir())] == sorted(file.path for file in manifest.files)
    assert list(models.iterdir()) == [folder], "no lock is left"


async def test_a_second_description_fetches_nothing_before_the_first_has_ended(
    cluster: Members, manifest: Manifest, tmp_path: Path
) -> None:
    library = library_in(tmp_path / "models", cluster.asking)
    async with library.turn(manifest) as folder:
        assert folder is None
        second = asyncio.create_task(library.describe(manifest))
        await asyncio.wait([second], timeout=0.3)
        assert not library.place_for(manifest).exists()
    await second
    headers = [file for file in read_headers(library.place_for(manifest)) if file.tensors]
    assert len(headers) == len([part for part in describing_parts(manifest) if part.tensors is not None])


async def test_another_process_is_waited_for_and_its_end_however_it_ends_is_seen(
    cluster: Members, manifest: Manifest, tmp_path: Path
) -> None:
    library = library_in(tmp_path / "models", cluster.asking)
    folder = library.place_for(manifest)
    pipe = asyncio.subprocess.PIPE
    other = await asyncio.create_subprocess_exec(sys.executable, "-c", HOLDER, str(folder), stdin=pipe, stdout=pipe)
    assert other.stdout is not None
    assert await other.stdout.readline() == b"held\n"
    described = asyncio.create_task(library.describe(manifest))
    await asyncio.wait([described], timeout=0.5)
    assert not described.done()
    assert not folder.exists()
    other.kill()
    await other.wait()
    async with asyncio.timeout(10):
        await described
    assert not lock_of(folder).exists()


async def test_whoever_stops_waiting_holds_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "a model"
    async with sole_fetcher(folder):
        waiting = asyncio.create_task(_hold(folder))
        await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert lock_of(folder).exists()
    async with asyncio.timeout(5), sole_fetcher(folder):
        pass
    assert not lock_of(folder).exists()


async def test_many_who_want_it_have_it_one_after_the_other(tmp_path: Path) -> None:
    inside, most = 0, 0

    async def take() -> None:
        nonlocal inside, most
        async with sole_fetcher(tmp_path / "a model"):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    async with asyncio.timeout(20):
        await asyncio.gather(*(take() for _ in range(8)))
    assert most == 1


async def _hold(folder: Path) -> None:
    async with sole_fetcher(folder):
        await asyncio.sleep(60)
