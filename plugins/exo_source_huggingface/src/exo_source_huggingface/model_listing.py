"""Which files of a repository make up the model? Pure.

Weights are taken from safetensors files only, and nothing that could carry code is ever among the files: no pickle, no
Python. Of two sets of weights that a repository may hold, `model*.safetensors` is the one that mlx-lm reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import PurePosixPath

from exo_core.errors import ModelError
from exo_core.identifiers import ModelId
from exo_core.manifests import Manifest, ManifestFile
from exo_core.model_files.plain_paths import is_plain
from exo_core.model_folders import MODEL_FILE_SUFFIXES, WEIGHTS_SUFFIX

SOURCE_NAME = "huggingface"
TEMPLATES_FOLDER = "additional_chat_templates"
_OTHER_FORMATS = {
    "*.gguf": "GGUF files",
    "*.bin": "pickle files, which exo never loads",
    "*.pt*": "pickle files, which exo never loads",
    "*.npz": "NumPy files",
}


def manifest_of(model_id: ModelId, commit: str, files: Sequence[ManifestFile]) -> Manifest:
    """The model among the files of a repository. Raises `ModelError` when there is none that exo can load."""
    usable = [file for file in files if _is_usable(file.path)]
    weights = _weights([file for file in usable if file.path.endswith(WEIGHTS_SUFFIX)])
    if not weights:
        message = f"{model_id} cannot be loaded: {_why_not(files)}. {_ADVICE}"
        raise ModelError(message)
    if not any(file.path == "config.json" for file in usable):
        message = f"{model_id} has no config.json, so it is no language model in mlx-lm's format. {_ADVICE}"
        raise ModelError(message)
    others = [file for file in usable if not file.path.endswith(WEIGHTS_SUFFIX)]
    chosen = sorted([*others, *weights], key=lambda file: file.path)
    return Manifest(model_id=model_id, source=SOURCE_NAME, revision=commit, files=tuple(chosen))


_ADVICE = "Look for a conversion with safetensors files, for instance among https://huggingface.co/mlx-community"


def _is_usable(path: str) -> bool:
    pure = PurePosixPath(path)
    at_the_top = len(pure.parts) == 1 or (len(pure.parts) == 2 and pure.parts[0] == TEMPLATES_FOLDER)
    return is_plain(path) and at_the_top and pure.suffix in MODEL_FILE_SUFFIXES


def _weights(files: Sequence[ManifestFile]) -> Sequence[ManifestFile]:
    return [file for file in files if fnmatch(file.path, "model*.safetensors")] or files


def _why_not(files: Sequence[ManifestFile]) -> str:
    for pattern, words in _OTHER_FORMATS.items():
        if any(fnmatch(file.path, pattern) for file in files):
            return f"its weights are {words}"
    return "it holds no .safetensors file"
