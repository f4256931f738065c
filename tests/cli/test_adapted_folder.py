"""A model and an adapter as one folder: links to both, kept up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

from exo_core.cli.adapted_folder import ADAPTER_FILES, adapted_folder
from exo_core.errors import ModelError


def folder_of(path: Path, *files: str) -> Path:
    path.mkdir()
    for file in files:
        (path / file).write_text(f"{path.name} {file}")
    return path


def test_both_are_in_it_and_nothing_is_copied(tmp_path: Path) -> None:
    base = folder_of(tmp_path / "base", "config.json", "model.safetensors")
    adapter = folder_of(tmp_path / "pirate", *ADAPTER_FILES, "0000100_adapters.safetensors")
    folder = adapted_folder("llama", base, adapter, tmp_path / "models")
    assert folder.parent == tmp_path / "models" / "adapted"
    assert folder.name.startswith("llama+pirate-")
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        [*ADAPTER_FILES, "config.json", "model.safetensors"]
    )
    assert all(path.is_symlink() and path.read_text() for path in folder.iterdir())
    assert (folder / "adapters.safetensors").read_text() == "pirate adapters.safetensors"
    assert adapted_folder("llama", base, adapter, tmp_path / "models") == folder


def test_it_follows_what_becomes_of_the_model(tmp_path: Path) -> None:
    base = folder_of(tmp_path / "base", "config.json", "old.safetensors")
    adapter = folder_of(tmp_path / "pirate", *ADAPTER_FILES)
    folder = adapted_folder("llama", base, adapter, tmp_path)
    (base / "old.safetensors").rename(base / "new.safetensors")
    assert adapted_folder("llama", base, adapter, tmp_path) == folder
    assert {path.name for path in folder.iterdir()} == {*ADAPTER_FILES, "config.json", "new.safetensors"}


def test_two_adapters_are_two_models(tmp_path: Path) -> None:
    base = folder_of(tmp_path / "base", "config.json")
    (tmp_path / "other").mkdir()
    one, two = folder_of(tmp_path / "pirate", *ADAPTER_FILES), folder_of(tmp_path / "other" / "pirate", *ADAPTER_FILES)
    assert adapted_folder("m", base, one, tmp_path) != adapted_folder("m", base, two, tmp_path)


@pytest.mark.parametrize("missing", ADAPTER_FILES)
def test_what_is_no_adapter_is_refused(tmp_path: Path, missing: str) -> None:
    base = folder_of(tmp_path / "base", "config.json")
    adapter = folder_of(tmp_path / "pirate", *(file for file in ADAPTER_FILES if file != missing))
    with pytest.raises(ModelError, match=f"holds no {missing}"):
        adapted_folder("llama", base, adapter, tmp_path / "models")
    assert not (tmp_path / "models").exists()
