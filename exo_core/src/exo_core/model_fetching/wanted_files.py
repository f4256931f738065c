"""Which bytes of which files do parts of a manifest mean, and which of them lie here already?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from exo_core.errors import ModelError
from exo_core.manifests import Manifest, ManifestFile
from exo_core.model_fetching.disk_work import in_thread
from exo_core.model_files.byte_ranges import ByteRange, merged, total
from exo_core.model_files.partial_file import PartialFile
from exo_core.model_files.plain_paths import is_plain
from exo_core.model_files.safetensors_headers import header_length, read_header
from exo_core.sources import Part

_LENGTH_FIELD = ByteRange(0, 8)
"""Of a safetensors file: how long its header is."""


@dataclass(frozen=True, kw_only=True)
class WantedFile:
    """A file of the manifest, as it lies here, and the bytes of it that are asked for."""

    described: ManifestFile
    file: PartialFile
    ranges: Sequence[ByteRange]

    @property
    def size(self) -> int:
        """Bytes that are asked for."""
        return total(self.ranges)

    @property
    def missing(self) -> list[ByteRange]:
        """Of these, the ones that are not here."""
        return self.file.missing(self.ranges)


Have = Callable[[str, PartialFile, ByteRange], Awaitable[None]]
"""Brings bytes of the file of that path, unless they are here."""


async def wanted_files(manifest: Manifest, parts: Sequence[Part], into: Path, have: Have) -> list[WantedFile]:
    """The files that parts name, in their order; brings headers where tensors are named. Raises `ModelError`."""
    found = list[WantedFile]()
    for path in dict.fromkeys(part.path for part in parts):
        described = _described(manifest, path)
        file = await in_thread(lambda described=described: PartialFile(into / described.path, described.size))
        asked = [part.tensors for part in parts if part.path == path]
        if None in asked:
            ranges = [ByteRange(0, file.size)]
        else:
            names = [name for tensors in asked for name in tensors or ()]
            ranges = await _ranges_of(manifest, described, file, names, have)
        found.append(WantedFile(described=described, file=file, ranges=merged(ranges)))
    return found


def _described(manifest: Manifest, path: str) -> ManifestFile:
    described = next((file for file in manifest.files if file.path == path), None)
    if described is None:
        message = f"{manifest.model_id} has no file named {path}"
        raise ModelError(message)
    if not is_plain(path):
        message = f"the manifest of {manifest.model_id} names a file outside its folder: {path}"
        raise ModelError(message)
    return described


async def _ranges_of(
    manifest: Manifest, described: ManifestFile, file: PartialFile, names: Sequence[str], have: Have
) -> list[ByteRange]:
    """The header and these tensors."""
    await have(described.path, file, _LENGTH_FIELD)
    length = await in_thread(lambda: header_length(file.path))
    await have(described.path, file, ByteRange(_LENGTH_FIELD.end, _LENGTH_FIELD.end + length))
    header = await in_thread(lambda: read_header(file.path))
    unknown = [name for name in names if name not in header.tensors]
    if unknown:
        message = f"{described.path} of {manifest.model_id} has no tensor named {unknown[0]}"
        raise ModelError(message)
    return [ByteRange(0, header.data_start), *map(header.range_of, names)]
