"""Taking files that the cache holds instead of fetching them again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from exo_core.manifests import Manifest, ManifestFile
from exo_core.model_files.partial_file import is_whole, journal_of
from exo_core.sources import Part
from exo_source_huggingface.hub_cache import HubCache
from exo_source_huggingface.repository import Repository


def take_from_cache(
    cache: HubCache, repository: Repository, manifest: Manifest, parts: Sequence[Part], into: Path
) -> None:
    """Give the files of `parts` that the cache holds whole a name in `into`, at no cost of room. Blocks."""
    named = {part.path for part in parts}
    for file in manifest.files:
        if file.path in named and not is_whole(into / file.path, file.size):
            found = cache.found(repository, manifest.revision, file)
            if found is not None:
                _link(found.resolve(), into / file.path, file)


def _link(blob: Path, to: Path, file: ManifestFile) -> None:
    """A second name for the blob, which then outlives the cache; on another disk a symbolic link."""
    to.parent.mkdir(parents=True, exist_ok=True)
    beside = to.with_name(f".{to.name}.link")
    beside.unlink(missing_ok=True)
    try:
        os.link(blob, beside)
    except OSError:
        beside.symlink_to(blob)
    beside.replace(to)
    if to.stat().st_size == file.size:
        journal_of(to).unlink(missing_ok=True)
