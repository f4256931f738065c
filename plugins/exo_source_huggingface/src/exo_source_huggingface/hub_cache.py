"""What huggingface-hub, and whatever else uses it, has already brought to this disk. Only read, never written.

The cache's layout is documented by huggingface-hub: `models--ORG--NAME/refs/REVISION` holds a commit, and
`models--ORG--NAME/snapshots/COMMIT/` links of the files' names to blobs, each named by its hash.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from exo_core.manifests import ManifestFile
from exo_source_huggingface.repository import Repository


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Where the cache lies, by the variables that huggingface-hub reads. (Importing it for this would take longer.)"""
    chosen = environment.get("HF_HUB_CACHE") or environment.get("HUGGINGFACE_HUB_CACHE")
    if chosen:
        return _expanded(chosen)
    home = environment.get("HF_HOME")
    if home:
        return _expanded(home) / "hub"
    return _expanded(environment.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface" / "hub"


def _expanded(text: str) -> Path:
    return Path(os.path.expandvars(text)).expanduser()


class HubCache:
    """Every method looks at the disk and blocks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def commit_of(self, repository: Repository) -> str | None:
        """The commit that the revision meant when it was fetched last; a commit means itself."""
        known = self.folder / repository.folder_name
        if (known / "snapshots" / repository.wanted_revision).is_dir():
            return repository.wanted_revision
        try:
            return (known / "refs" / repository.wanted_revision).read_text(encoding="ascii").strip() or None
        except (OSError, ValueError):
            return None

    def snapshot(self, repository: Repository, commit: str) -> Path:
        """Where the files of a commit lie, if they do."""
        return self.folder / repository.folder_name / "snapshots" / commit

    def found(self, repository: Repository, commit: str, file: ManifestFile) -> Path | None:
        """A file that lies there whole, or None. A blob is called as its hash is, so that another is told apart."""
        path = self.snapshot(repository, commit) / file.path
        known = file.sha256 or file.git_sha1
        if not path.is_file() or path.stat().st_size != file.size:
            return None
        return path if not path.is_symlink() or known in (None, path.resolve().name) else None

    def files(self, repository: Repository, commit: str) -> list[ManifestFile]:
        """The files of a commit that lie there, with their hashes where the names of their blobs tell them."""
        folder = self.snapshot(repository, commit)
        paths = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
        return [_described(path, path.relative_to(folder).as_posix()) for path in paths]

    def repositories(self) -> Iterator[Repository]:
        """Those of which the main branch lies there, in part at least."""
        for path in sorted(self.folder.glob("models--*--*/refs/main")):
            words = path.parents[1].name.split("--")
            if len(words) == 3:
                yield Repository(name=f"{words[1]}/{words[2]}")


def _described(path: Path, name: str) -> ManifestFile:
    blob = path.resolve().name if path.is_symlink() else ""
    return ManifestFile(
        path=name,
        size=path.stat().st_size,
        sha256=blob if re.fullmatch(r"[0-9a-f]{64}", blob) else None,
        git_sha1=blob if re.fullmatch(r"[0-9a-f]{40}", blob) else None,
    )
