"""For tests of models that travel: small folders of weights without meaning, and members that hold them.

Members are routers of one memory network; nothing else of a node is there.
"""

from __future__ import annotations

import json
import random
import struct
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import final

from exo_core.identifiers import ModelId
from exo_core.manifests import Manifest
from exo_core.model_folders import FolderSource
from exo_core.model_sharing.asked_members import AskedMembers
from exo_core.model_sharing.file_server import FileServer, HeldModel
from exo_core.router.router import Router
from exo_core.sources import SourceContext
from exo_core.testing.memory_network import MemoryNetwork
from exo_core.testing.memory_routers import memory_router, until_reachable


def write_weights(path: Path, tensors: Mapping[str, bytes]) -> None:
    """A safetensors file of one-dimensional tensors of bytes."""
    header, end = dict[str, object](), 0
    for name, content in tensors.items():
        header[name] = {"dtype": "U8", "shape": [len(content)], "data_offsets": [end, end + len(content)]}
        end += len(content)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(tensors.values()))


def write_model_folder(folder: Path, *, tensors: int = 4, size: int = 300_000, seed: int = 0) -> Path:
    """A folder that looks like a model's: two JSON files, and two files of weights with so many tensors each."""
    rng = random.Random(seed)  # noqa: S311 - bytes without meaning
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "none", "seed": seed}))
    (folder / "tokenizer.json").write_text(json.dumps(["word"] * 1000))
    for number in (1, 2):
        named = {f"layers.{number}.{index}": rng.randbytes(size) for index in range(tensors)}
        write_weights(folder / f"model-{number}.safetensors", named)
    return folder


@final
class Shelf:
    """What one member holds: folders, and a catalogue that names them."""

    def __init__(self) -> None:
        self.source = FolderSource(SourceContext(models=Path("unused")))
        self.models: dict[ModelId, Manifest] = {}
        self.parts: dict[ModelId, HeldModel] = {}

    def put_part(self, manifest: Manifest, folder: Path) -> None:
        """Hold the part of a model that a fetch left in a folder."""
        self.parts[manifest.model_id] = HeldModel(manifest=manifest, folder=folder, complete=False)

    async def put(self, folder: Path) -> Manifest:
        """Add a folder to the catalogue."""
        manifest = await self.source.resolve(ModelId(str(folder)))
        self.models[manifest.model_id] = manifest
        return manifest

    def find(self, model_id: ModelId, revision: str) -> HeldModel | None:
        """For a `FileServer`."""
        part = self.parts.get(model_id)
        if part is not None and part.manifest.revision == revision:
            return part
        manifest = self.models.get(model_id)
        folder = self.source.local_folder(manifest) if manifest and manifest.revision == revision else None
        return HeldModel(manifest=manifest, folder=folder) if manifest and folder else None


@final
class Members:
    """`holders` have what lies on their shelves; `asking` is how the member `beta`, which has nothing, sees them."""

    def __init__(self, network: MemoryNetwork, beta: Router, holders: Mapping[str, Shelf], silence: float) -> None:
        self.network = network
        self.beta = beta
        self.holders = holders
        self.catalogue: dict[ModelId, Manifest] = {}
        self.asking = AskedMembers(
            beta, catalogued=self.catalogue.get, name_of=lambda node_id: f"{node_id}'s machine", silence=silence
        )

    async def put(self, folder: Path, *names: str) -> Manifest:
        """Have these members (all, if none is named) hold a folder, and the catalogue name it."""
        for name in names or self.holders:
            manifest = await self.holders[name].put(folder)
            self.catalogue[manifest.model_id] = manifest
        return self.catalogue[ModelId(str(folder))]


@asynccontextmanager
async def members(*names: str, silence: float = 5.0, patience: float = 5.0) -> AsyncGenerator[Members]:
    """Members of these names that serve files, and `beta`, all linked to it."""
    network = MemoryNetwork()
    async with AsyncExitStack() as stack:
        beta = await stack.enter_async_context(memory_router(network, "beta"))
        shelves = dict[str, Shelf]()
        for name in names:
            router = await stack.enter_async_context(memory_router(network, name, peers=[beta]))
            shelves[name] = Shelf()
            FileServer(router, shelves[name].find, patience=patience)
        await until_reachable(beta, *names)
        yield Members(network, beta, shelves, silence)
