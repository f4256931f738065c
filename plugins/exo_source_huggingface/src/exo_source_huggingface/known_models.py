"""Which models does this machine know of without asking the hub? Those it asked for before, and those of the cache.

The manifest of every model that was resolved is kept beside the models, so that it can be used again when the hub
cannot be reached, by a node of a new cluster as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import final

from pydantic import TypeAdapter, ValidationError

from exo_core.errors import ModelError
from exo_core.frozen import JsonValue
from exo_core.identifiers import ModelId
from exo_core.manifests import Manifest
from exo_core.model_files.partial_file import is_whole
from exo_core.model_files.safetensors_headers import weight_files
from exo_core.sources import SourceContext
from exo_core.whole_files import replace_file
from exo_source_huggingface.hub_cache import HubCache
from exo_source_huggingface.model_listing import SOURCE_NAME, manifest_of
from exo_source_huggingface.repository import Repository, repository_of

LANGUAGE_MODELS = ("ForCausalLM", "ForConditionalGeneration", "LMHeadModel")
"""How architectures of models that write text are called; a cache may hold other models as well."""
_CONFIG: TypeAdapter[Mapping[str, JsonValue]] = TypeAdapter(Mapping[str, JsonValue])


@final
class KnownModels:
    """Every method looks at the disk and blocks."""

    def __init__(self, context: SourceContext, cache: HubCache) -> None:
        self._context = context
        self._folder = context.models / f".{SOURCE_NAME}"
        self._cache = cache

    def remember(self, manifest: Manifest) -> None:
        """Keep what the hub said."""
        path = self._file_of(manifest.model_id)
        text = manifest.model_dump_json(indent=1)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, text.encode())

    def manifest(self, model_id: ModelId) -> Manifest | None:
        """What is known of a model, preferably one that lies here complete."""
        found = [item for item in (self._remembered(model_id), self._cached(model_id)) if item is not None]
        return next((item for item in found if self.is_complete(item)), found[0] if found else None)

    def complete_models(self) -> Iterator[ModelId]:
        """Models that lie here complete and write text."""
        for model_id in sorted({*self._remembered_ids(), *self._cached_ids()}):
            manifest = self.manifest(model_id)
            if manifest is not None and self.is_complete(manifest):
                yield model_id

    def is_complete(self, manifest: Manifest) -> bool:
        """Whether all its files lie in exo's folder or in the cache."""
        folder = self._context.folder(manifest)
        here = all(is_whole(folder / file.path, file.size) for file in manifest.files)
        return here or self.cached_folder(manifest) is not None

    def cached_folder(self, manifest: Manifest) -> Path | None:
        """The cache's folder of the model, if all files lie there."""
        repository = repository_of(manifest.model_id)
        if repository is None:
            return None
        found = (self._cache.found(repository, manifest.revision, file) for file in manifest.files)
        return self._cache.snapshot(repository, manifest.revision) if all(found) else None

    def _file_of(self, model_id: ModelId) -> Path:
        return self._folder / f"{model_id.replace('/', '--')}.json"

    def _remembered(self, model_id: ModelId) -> Manifest | None:
        try:
            found = Manifest.model_validate_json(self._file_of(model_id).read_bytes())
        except (OSError, ValidationError):
            return None
        return found if found.model_id == model_id else None

    def _remembered_ids(self) -> Iterator[ModelId]:
        for path in self._folder.glob("*.json") if self._folder.is_dir() else ():
            try:
                yield Manifest.model_validate_json(path.read_bytes()).model_id
            except (OSError, ValidationError):
                continue

    def _cached(self, model_id: ModelId) -> Manifest | None:
        repository = repository_of(model_id)
        commit = self._cache.commit_of(repository) if repository is not None else None
        if repository is None or commit is None:
            return None
        try:
            weights = weight_files(self._cache.snapshot(repository, commit))
            found = manifest_of(model_id, commit, self._cache.files(repository, commit))
        except ModelError:
            return None
        return found if all(path.is_file() for path in weights) else None

    def _cached_ids(self) -> Iterator[ModelId]:
        for repository in self._cache.repositories():
            commit = self._cache.commit_of(repository)
            if commit is not None and self._writes_text(repository, commit):
                yield ModelId(repository.name)

    def _writes_text(self, repository: Repository, commit: str) -> bool:
        folder = self._cache.snapshot(repository, commit)
        try:
            config = _CONFIG.validate_python(json.loads((folder / "config.json").read_bytes()))
        except (OSError, ValueError):
            return False
        named = config.get("architectures")
        return isinstance(named, list) and any(str(name).endswith(LANGUAGE_MODELS) for name in named)
